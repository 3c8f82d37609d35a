"""Search for the words whose pronunciations or spellings the network emits: CTC, a lexicon, a language model.

A hypothesis is the words said so far and a place in the tree of the lexicon, where the open word stands.
It keeps two log-probabilities: of all paths that say it and end in a blank, and of those that end in its last
token. With each frame it stays, by a blank or by its last token once more, or goes on by a token: further down the
tree, or, where a word may end, into the next word, once for each word that is said so. Between phones no frame is
spent on the end of a word; between letters a space leads back to the root. Of hypotheses that the future cannot tell
apart (same place, same state of the language model) the best goes on, and the others are remembered (see
`alternatives`). The texts found are scored with all their paths, each in the pronunciation that the search found best.
"""

import copy
import math
from collections.abc import Sequence
from itertools import islice
from typing import Literal

import numpy as np

from asr.decoding.alternatives import TracedText, best_texts
from asr.decoding.beam_search import BeamSearch
from asr.decoding.lexicon_scorer import LexiconScorer, build_lexicon_scorer
from asr.decoding.pronunciation_lexicon import PronunciationLexicon
from asr.decoding.search import LEAST_TEXTS, Candidate, Limits, Spelled

_TRACED = 10  # ways through the lattice that are followed at most, for each text that is wanted


class LexiconBeamSearch(BeamSearch):
    """A `Search` over phones or letters with given scorer and limits; safe to use from several threads.

    Args:
        lexicon: the words; over letters where it has a separator.
        scorer: of the same lexicon, from `build_lexicon_scorer`; by default no language model.
        limits: what is left out; `Limits`.
        blank_penalty: taken off the natural-log probability of the blank in every frame.

    Raises:
        DecodingError: a limit that makes no sense, or a penalty that is not finite.
    """

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
        self.head: Literal["letters", "phones"] = "letters" if lexicon.separator else "phones"
        super().__init__(limits=limits, blank_penalty=blank_penalty)

    def stream(self) -> "LexiconBeamStream":
        """See `Search`."""
        return LexiconBeamStream(self)

    def spell(self, candidate: Candidate) -> tuple[list[int], list[Spelled]]:
        """See `Search`."""
        words: list[Spelled] = []
        between = len(self.lexicon.separator)
        for entry in candidate.labels:
            for text, own in zip(self.lexicon.words_of(entry), self.lexicon.tokens_of(entry), strict=True):
                first = words[-1].last + between if words else 0
                words.append(Spelled(text, first, first + len(own)))
        return self.lexicon.spell(candidate.labels), words

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
        self._frames: list[np.ndarray] = []

    def feed(self, log_probs: np.ndarray) -> None:
        """See `SearchStream`."""
        frames = self._search.penalised(log_probs, columns=self._search.lexicon.columns)
        self._frames.append(frames)
        self._histories = self._compiled.advance(
            frames, self._search.scorer, self._search.limits, self._beam, self._histories
        )

    def copy(self) -> "LexiconBeamStream":
        """See `SearchStream`."""
        other = copy.copy(self)
        other._beam = type(self._beam)(*(part.copy() for part in self._beam))
        other._histories = type(self._histories)(*(part.copy() for part in self._histories))
        other._frames = list(self._frames)
        return other

    def stable_words(self) -> list[str]:
        """See `SearchStream`: what all hypotheses have said."""
        from asr.decoding.kernel_arrays import shared_labels

        row, count = self._beam.place.tolist()
        said, histories = self._beam.history[row, :count], self._histories
        return self._search.words(shared_labels(said, histories.parent, histories.entry).tolist())

    def finish(self, *, n_best: int = 1, least: int = LEAST_TEXTS) -> list[Candidate]:
        """See `SearchStream`. Where no hypothesis ends in a whole word, the unfinished word is left out."""
        self._histories, said, acoustic, other = self._compiled.finish(
            self._beam, self._histories, self._search.scorer
        )
        is_whole = bool((acoustic + other > -np.inf).any())
        if not is_whole:
            row, count = self._beam.place.tolist()
            said = self._beam.history[row, :count]
            other = self._histories.committed[said]
            acoustic = (
                np.logaddexp(self._beam.in_blank[row, :count], self._beam.in_token[row, :count]) - other
            )
        finals: dict[int, tuple[float, float, int]] = {}
        for place in np.argsort(-(acoustic + other), kind="stable").tolist():
            score = float(acoustic[place] + other[place])
            if score > -math.inf:
                finals.setdefault(int(said[place]), (score, float(other[place]), int(said[place])))
        wanted = max(least, n_best)
        ways = best_texts(
            self._histories,
            list(finals.values()),
            count=_TRACED * wanted,
            words_of=self._search.lexicon.words_of,
        )
        traced = list(islice(ways, wanted))
        found = self._scored(traced, exactly=is_whole) if traced else []
        return found[:n_best] or [Candidate((), -math.inf, -math.inf)]

    def _scored(self, texts: Sequence[TracedText], *, exactly: bool) -> list[Candidate]:
        """Candidates, best first; `exactly` with all their paths, of which the search may have dropped some."""
        acoustic = np.array([text.score - text.other for text in texts])
        if exactly and self._frames:
            from asr.decoding.ctc_scores import ctc_scores

            lexicon, frames = self._search.lexicon, np.concatenate(self._frames)
            tokens = [lexicon.spell(text.labels) for text in texts]
            exact = ctc_scores(frames, tokens)
            if lexicon.separator:  # it may stand at the end, too; the better way counts
                closed = ctc_scores(frames, [[*own, *lexicon.separator] if own else own for own in tokens])
                exact = np.maximum(exact, closed)
            # What was put together of two hypotheses may be more than the frames hold; it is left out.
            fits = exact > -np.inf
            if fits.any():
                acoustic = exact[fits]
                texts = [text for text, held in zip(texts, fits, strict=True) if held]
        candidates = [
            Candidate(text.labels, float(score) + text.other, float(score))
            for text, score in zip(texts, acoustic, strict=True)
        ]
        # What is said alike may score alike; then fewer words come first.
        return sorted(candidates, key=lambda one: (-one.score, len(one.labels)))
