"""Beam search over letters, or other tokens, in any spelling: whole utterances, many in threads, or piece by piece.

The search is compiled by numba on first use, which takes some seconds once; the result is cached on disk.
What it computes is written down in tests/decoding/reference_search.py.
"""

import copy
import math
from typing import Literal

import numpy as np

from asr.decoding.alphabet import Alphabet
from asr.decoding.beam_search import BeamSearch
from asr.decoding.prefix_scorer import PrefixScorer, build_prefix_scorer
from asr.decoding.search import LEAST_TEXTS, Candidate, Limits, Spelled


class PrefixBeamSearch(BeamSearch):
    """A `Search` over letters with given scorer and limits; safe to use from several threads.

    Args:
        alphabet: of the acoustic model.
        scorer: from `prefix_scorer.build_prefix_scorer`; by default none, the plain CTC search.
        limits: what is left out.
        blank_penalty: taken off the natural-log probability of the blank in every frame. A network that does
            not recognise a sound is soon sure of a blank; with a penalty what else it thought possible is heard.

    Raises:
        DecodingError: a limit that makes no sense, or a penalty that is not finite.
    """

    head: Literal["letters"] = "letters"

    def __init__(
        self,
        alphabet: Alphabet,
        scorer: PrefixScorer | None = None,
        *,
        limits: Limits | None = None,
        blank_penalty: float = 0.0,
    ) -> None:
        self.alphabet = alphabet
        self.scorer = scorer or build_prefix_scorer(alphabet)
        super().__init__(limits=limits, blank_penalty=blank_penalty)

    def search(self, log_probs: np.ndarray, *, n_best: int = 1) -> list[Candidate]:
        """See `Search`.

        Recombination drops the very alternatives that several texts are made of: they come from a second pass without it.
        What scores above the best there is left out: how many texts are asked for changes no transcript.
        """
        best, *others = super().search(log_probs, n_best=n_best)
        if n_best == 1 or not self.limits.recombine:
            return [best, *others]
        apart = copy.copy(self)
        apart.limits = self.limits._replace(recombine=False)
        several = {one.labels: one for one in apart.search(log_probs, n_best=n_best)}
        several |= {one.labels: one for one in others}
        several.pop(best.labels, None)
        ranked = sorted(several.values(), key=lambda one: -one.score)
        return [best, *(one for one in ranked if one.score <= best.score)][:n_best]

    def stream(self) -> "PrefixBeamStream":
        """See `Search`."""
        return PrefixBeamStream(self)

    def spell(self, candidate: Candidate) -> tuple[list[int], list[Spelled]]:
        """See `Search`."""
        return list(candidate.labels), self.alphabet.words(candidate.labels)

    def text(self, candidate: Candidate) -> str:
        """See `Search`."""
        return self.alphabet.text(candidate.labels)


class PrefixBeamStream:
    """The state of a search between pieces of one utterance. Made by `PrefixBeamSearch.stream`."""

    def __init__(self, search: PrefixBeamSearch) -> None:
        from asr.decoding import prefix_beam_kernel

        self._compiled = prefix_beam_kernel
        self._search = search
        self._beam = prefix_beam_kernel.new_beam(search.limits)
        self._tree = prefix_beam_kernel.new_tree(search.scorer, 256 + 8 * search.limits.beam_width)

    def feed(self, log_probs: np.ndarray) -> None:
        """See `SearchStream`."""
        frames = self._search.penalised(log_probs, columns=len(self._search.alphabet.symbols))
        self._tree = self._compiled.advance(
            frames,
            self._search.scorer,
            self._search.limits,
            self._beam,
            self._tree,
        )

    def copy(self) -> "PrefixBeamStream":
        """See `SearchStream`."""
        other = copy.copy(self)
        other._beam = type(self._beam)(*(part.copy() for part in self._beam))
        other._tree = type(self._tree)(*(part.copy() for part in self._tree))
        return other

    def stable_prefix(self) -> tuple[int, ...]:
        """Token ids that no further piece can change: what all prefixes in the beam have in common."""
        from asr.decoding.kernel_arrays import shared_labels

        row, count = self._beam.place.tolist()
        prefixes, tree = self._beam.prefix[row, :count], self._tree
        return tuple(shared_labels(prefixes, tree.parent, tree.token).tolist())

    def stable_words(self) -> list[str]:
        """See `SearchStream`."""
        return self._search.alphabet.closed_words(self.stable_prefix())

    def finish(self, *, n_best: int = 1, least: int = LEAST_TEXTS) -> list[Candidate]:
        """See `SearchStream`."""
        from asr.decoding.kernel_arrays import spell

        acoustic, other = self._compiled.finish(self._beam, self._tree, self._search.scorer)
        prefixes = self._beam.prefix[self._beam.place[0], : len(other)]
        found: dict[tuple[int, ...], Candidate] = {}
        for slot in np.argsort(-(acoustic + other), kind="stable").tolist():
            tokens = spell(self._tree.parent, self._tree.token, int(prefixes[slot])).tolist()
            if tokens and tokens[-1] == self._search.alphabet.space:
                tokens.pop()
            text = tuple(tokens)
            if text not in found:
                found[text] = Candidate(text, float(acoustic[slot] + other[slot]), float(acoustic[slot]))
                if len(found) == n_best:
                    break
        return list(found.values()) or [Candidate((), -math.inf, -math.inf)]
