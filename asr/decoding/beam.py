"""Beam search over log-probabilities: whole utterances, many in threads, or piece by piece.

The search is compiled by numba on first use, which takes some seconds once; the result is cached on disk.
What it computes is written down in `specification`.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr.decoding.alphabet import BLANK, Alphabet
from asr.decoding.emission_check import check_log_probs
from asr.decoding.knowledge import Knowledge, gather
from asr.decoding.specification import Limits
from asr.decoding.threads import in_threads
from asr.errors import DecodingError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that the search proposes.

    Attributes:
        tokens: its token ids, no spaces at its ends and no two in a row.
        score: natural log of what was maximised: `acoustic` plus language model, bonuses and hot words.
        acoustic: natural log of the probability of all the paths that the search followed, the penalty of
            their blanks included.
        is_whole: False when no prefix in the beam ended in a word of the lexicon, and this is one whose
            unfinished word was cut off.
    """

    tokens: tuple[int, ...]
    score: float
    acoustic: float
    is_whole: bool = True


class BeamSearch:
    """A search with given knowledge and limits; safe to use from several threads.

    Args:
        alphabet: of the acoustic model.
        knowledge: from `knowledge.gather`; by default none, the plain CTC search.
        limits: what is left out.
        blank_penalty: taken off the natural-log probability of the blank in every frame. A network that does
            not recognise a sound is soon sure of a blank; with a penalty what else it thought possible is heard.

    Raises:
        DecodingError: a limit that makes no sense, or a penalty that is not finite.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        knowledge: Knowledge | None = None,
        *,
        limits: Limits | None = None,
        blank_penalty: float = 0.0,
    ) -> None:
        if not math.isfinite(blank_penalty):
            raise DecodingError(f"blank penalty {blank_penalty}; expected a number such as 1.5")
        self.alphabet = alphabet
        self.knowledge = knowledge or gather(alphabet)
        self.limits = check_limits(limits or Limits())
        self.blank_penalty = blank_penalty

    def without_recombination(self) -> "BeamSearch":
        """The same search, in which prefixes that the future cannot tell apart all stay (see `Limits`)."""
        other = copy.copy(self)
        other.limits = self.limits._replace(recombine=False)
        return other

    def search(self, log_probs: np.ndarray, *, n_best: int = 1) -> list[Candidate]:
        """The best texts of one utterance, best first, each once.

        Args:
            log_probs: `(T', V)` natural-log probabilities; T' may be 0.
            n_best: how many at most.

        Returns:
            At least one: the empty text with a score of -inf where nothing has any probability.

        Raises:
            DecodingError: wrong shape, NaN, or values above 0.
        """
        stream = self.stream()
        stream.feed(log_probs)
        return stream.finish(n_best=n_best)

    def search_batch(
        self, emissions: Sequence[np.ndarray], *, n_best: int = 1, threads: int = 1
    ) -> list[list[Candidate]]:
        """`search` for many utterances, over threads that run at the same time; results in order."""
        return in_threads(lambda log_probs: self.search(log_probs, n_best=n_best), emissions, threads)

    def stream(self) -> "BeamStream":
        """A search that is fed piece by piece; the pieces give what the whole would."""
        return BeamStream(self)


class BeamStream:
    """The state of a search between pieces of one utterance. Made by `BeamSearch.stream`."""

    def __init__(self, search: BeamSearch) -> None:
        from asr.decoding import compiled_search

        self._compiled = compiled_search
        self._search = search
        self._beam = compiled_search.new_beam(search.limits)
        self._tree = compiled_search.new_tree(search.knowledge, 256 + 8 * search.limits.beam_width)

    def feed(self, log_probs: np.ndarray) -> None:
        """Take in the next `(T', V)` natural-log probabilities. Raises as `BeamSearch.search`."""
        check_log_probs(log_probs)
        wanted = len(self._search.alphabet.symbols)
        if log_probs.shape[1] != wanted:
            raise DecodingError(f"log_probs of shape {log_probs.shape}; expected (frames, {wanted})")
        frames = np.ascontiguousarray(log_probs, dtype=np.float32)
        if self._search.blank_penalty:
            frames = frames.copy()
            frames[:, BLANK] -= self._search.blank_penalty
        self._tree = self._compiled.advance(
            frames,
            self._search.knowledge,
            self._search.limits,
            self._beam,
            self._tree,
        )

    def copy(self) -> "BeamStream":
        """A search that goes its own way from here: to see what might come of frames not yet settled."""
        other = BeamStream.__new__(BeamStream)
        other._compiled, other._search = self._compiled, self._search
        other._beam = type(self._beam)(*(part.copy() for part in self._beam))
        other._tree = type(self._tree)(*(part.copy() for part in self._tree))
        return other

    def prefixes(self) -> list[tuple[tuple[int, ...], float]]:
        """Every prefix in the beam, best first, with the score that it is ranked by (natural log)."""
        row, count = self._beam.place.tolist()
        prefixes = self._beam.prefix[row, :count]
        acoustic = np.logaddexp(self._beam.in_blank[row, :count], self._beam.in_token[row, :count])
        scores = acoustic + self._tree.settled[prefixes] + self._tree.lent[prefixes]
        spelled = [
            tuple(self._compiled.spell(self._tree.parent, self._tree.token, int(prefix)).tolist())
            for prefix in prefixes
        ]
        return list(zip(spelled, scores.tolist(), strict=True))

    def stable_prefix(self) -> tuple[int, ...]:
        """Token ids that no further piece can change: what all prefixes in the beam have in common."""
        node = self._compiled.common_prefix(self._beam, self._tree)
        return tuple(self._compiled.spell(self._tree.parent, self._tree.token, node).tolist())

    def finish(self, *, n_best: int = 1) -> list[Candidate]:
        """The best texts if the utterance ended here, as `BeamSearch.search`; more may still be fed."""
        acoustic, other = self._compiled.finish(self._beam, self._tree, self._search.knowledge)
        prefixes = self._beam.prefix[self._beam.place[0], : len(other)]
        is_whole = bool((other > -np.inf).any())
        if not is_whole:
            other = self._tree.settled[prefixes]
        found: dict[tuple[int, ...], Candidate] = {}
        for slot in np.argsort(-(acoustic + other), kind="stable").tolist():
            if other[slot] == -np.inf:
                continue
            tokens = self._compiled.spell(self._tree.parent, self._tree.token, int(prefixes[slot])).tolist()
            text = self._tidy(tokens, cut=not is_whole)
            if text not in found:
                score = float(acoustic[slot] + other[slot])
                found[text] = Candidate(text, score, float(acoustic[slot]), is_whole)
                if len(found) == n_best:
                    break
        return list(found.values()) or [Candidate((), -math.inf, -math.inf)]

    def _tidy(self, tokens: list[int], *, cut: bool) -> tuple[int, ...]:
        """Without a space at the end; `cut` takes the last word off."""
        space = self._search.alphabet.space
        while cut and tokens and tokens[-1] != space:
            tokens.pop()
        return tuple(tokens[:-1] if tokens and tokens[-1] == space else tokens)


def check_limits(limits: Limits) -> Limits:
    """The limits with the types that compiled code wants.

    Raises:
        DecodingError: a beam width below 1, or a threshold that is NaN or, for scores, below 0.
    """
    if limits.beam_width < 1:
        raise DecodingError(f"beam width {limits.beam_width}; expected at least 1")
    if math.isnan(limits.token_threshold) or limits.token_threshold > 0:
        raise DecodingError(f"token threshold {limits.token_threshold}; expected a natural log, 0 or below")
    if not limits.score_threshold >= 0:
        raise DecodingError(f"score threshold {limits.score_threshold}; expected 0 or above")
    return Limits(
        int(limits.beam_width),
        float(limits.token_threshold),
        float(limits.score_threshold),
        bool(limits.recombine),
    )
