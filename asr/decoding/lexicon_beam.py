"""Search for the words whose pronunciations the network heard: CTC over phones, a lexicon, a language model.

A hypothesis is the words said so far and a place in the tree of pronunciations, where the open word stands.
It keeps two log-probabilities: of all paths that say it and end in a blank, and of those that end in its last
phone. With each frame it stays, by a blank or by its last phone once more, or goes on by a phone: further down the
tree, or, where a word may end, into the next word, once for each word that is said so. No frame is spent on
the end of a word. Hypotheses with the same words at the same place are one; with `recombine`, of those that
the future cannot tell apart (same place, same state of the language model) the best stays.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from asr.decoding.beam_search import BeamSearch
from asr.decoding.lexicon_scorer import LexiconScorer, build_lexicon_scorer
from asr.decoding.pronunciation_lexicon import PronunciationLexicon
from asr.decoding.search import Candidate, Limits, Spelled


class LexiconBeamSearch(BeamSearch):
    """A `Search` over phones with given scorer and limits; safe to use from several threads.

    Args:
        lexicon: the words.
        scorer: of the same lexicon, from `build_lexicon_scorer`; by default no language model.
        limits: what is left out; `Limits`.
        blank_penalty: taken off the natural-log probability of the blank in every frame.

    Raises:
        DecodingError: a limit that makes no sense, or a penalty that is not finite.
    """

    head: Literal["phones"] = "phones"

    def __init__(
        self,
        lexicon: PronunciationLexicon,
        scorer: LexiconScorer | None = None,
        *,
        limits: Limits | None = None,
        blank_penalty: float = 0.0,
    ) -> None:
        self.lexicon = lexicon
        self.scorer = scorer or build_lexicon_scorer(lexicon)
        super().__init__(limits=limits, blank_penalty=blank_penalty)

    def stream(self) -> "LexiconBeamStream":
        """See `Search`."""
        return LexiconBeamStream(self)

    def spell(self, candidate: Candidate) -> tuple[list[int], list[Spelled]]:
        """See `Search`."""
        phones: list[int] = []
        words = []
        for entry in candidate.labels:
            for text, own in self.lexicon.spoken(entry):
                words.append(Spelled(text, len(phones), len(phones) + len(own)))
                phones += own
        return phones, words

    def text(self, candidate: Candidate) -> str:
        """See `Search`."""
        return " ".join(self.words(candidate.labels))

    def words(self, entries: Sequence[int]) -> list[str]:
        """The words of entries of the lexicon."""
        return [word for entry in entries for word in self.lexicon.words_of(entry)]


class LexiconBeamStream:
    """The state of a search between pieces of one utterance. Made by `LexiconBeamSearch.stream`."""

    def __init__(self, search: LexiconBeamSearch) -> None:
        from asr.decoding import lexicon_beam_kernel

        self._compiled = lexicon_beam_kernel
        self._search = search
        self._beam = lexicon_beam_kernel.new_beam(search.limits.beam_width)
        self._histories = lexicon_beam_kernel.new_histories(search.scorer.lm_start)

    def feed(self, log_probs: np.ndarray) -> None:
        """See `SearchStream`."""
        frames = self._search.penalised(log_probs, columns=self._search.scorer.child.shape[1])
        self._histories = self._compiled.advance(
            frames, self._search.scorer, self._search.limits, self._beam, self._histories
        )

    def copy(self) -> "LexiconBeamStream":
        """See `SearchStream`."""
        other = LexiconBeamStream.__new__(LexiconBeamStream)
        other._compiled, other._search = self._compiled, self._search
        other._beam = type(self._beam)(*(part.copy() for part in self._beam))
        other._histories = type(self._histories)(*(part.copy() for part in self._histories))
        return other

    def stable_words(self) -> list[str]:
        """See `SearchStream`: what all hypotheses have said."""
        row, count = self._beam.place.tolist()
        histories = self._beam.history[row, :count]
        shared = self._compiled.common_history(np.unique(histories), self._histories) if count else 0
        return self._search.words(self._entries(shared))

    def finish(self, *, n_best: int = 1) -> list[Candidate]:
        """See `SearchStream`. Where no hypothesis ends in a whole word, the unfinished word is left out."""
        self._histories, said, acoustic, other = self._compiled.finish(
            self._beam, self._histories, self._search.scorer
        )
        if len(said) == 0:
            row, count = self._beam.place.tolist()
            said = self._beam.history[row, :count]
            other = self._histories.settled[said]
            acoustic = (
                np.logaddexp(self._beam.in_blank[row, :count], self._beam.in_token[row, :count]) - other
            )
        found: dict[tuple[str, ...], Candidate] = {}
        for place in np.argsort(-(acoustic + other), kind="stable").tolist():
            score = float(acoustic[place] + other[place])
            entries = tuple(self._entries(int(said[place])))
            text = tuple(self._search.words(entries))
            if text in found or score == -math.inf:
                continue
            found[text] = Candidate(entries, score, float(acoustic[place]))
            if len(found) == n_best:
                break
        return list(found.values()) or [Candidate((), -math.inf, -math.inf)]

    def _entries(self, history: int) -> list[int]:
        from asr.decoding.prefix_beam_kernel import spell

        entries: list[int] = spell(self._histories.parent, self._histories.entry, history).tolist()
        return entries
