"""What every search takes and gives: limits, candidates, and a state that is fed piece by piece."""

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np

from asr.errors import DecodingError

LEAST_TEXTS = 100


class Limits(NamedTuple):
    """What a beam search leaves out; each limit is independent of the others.

    Attributes:
        beam_width: hypotheses kept after each frame, >= 1.
        token_threshold: tokens less probable than this (natural log) extend no hypothesis in that frame.
        score_threshold: hypotheses that score this much less than the best (natural log) are dropped.
        recombine: in a search for any spelling, of prefixes that the future cannot tell apart (same last token, place in
            the word, state of language model and hot words) one that is worse in a blank and in its token makes room for
            others, out of the `2 x beam_width` best. Finds better texts where a language model tells most prefixes
            apart; without one it loses paths. A search through a lexicon always recombines, and loses no text by it.
    """

    beam_width: int = 50
    token_threshold: float = -math.inf
    score_threshold: float = math.inf
    recombine: bool = False

    def checked(self) -> "Limits":
        """The limits with the types that compiled code wants.

        Raises:
            DecodingError: a beam width below 1, or a threshold that is NaN or, for scores, below 0.
        """
        if self.beam_width < 1:
            raise DecodingError(f"beam width {self.beam_width}; expected at least 1")
        if math.isnan(self.token_threshold) or self.token_threshold > 0:
            raise DecodingError(f"token threshold {self.token_threshold}; expected a natural log, 0 or below")
        if not self.score_threshold >= 0:
            raise DecodingError(f"score threshold {self.score_threshold}; expected 0 or above")
        return Limits(
            int(self.beam_width),
            float(self.token_threshold),
            float(self.score_threshold),
            bool(self.recombine),
        )


def check_blank_penalty(penalty: float) -> float:
    """The penalty. Raises DecodingError unless it is finite."""
    if not math.isfinite(penalty):
        raise DecodingError(f"blank penalty {penalty}; expected a number such as 1.5")
    return penalty


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that a search proposes.

    Attributes:
        labels: what it is made of: ids of letters, without a space at the ends or two in a row; or entries of a lexicon.
        score: natural log of what was maximised: `acoustic` plus language model, bonuses and hot words.
        acoustic: natural log of the probability of all the paths that the search followed, the penalty of their blanks
            included.
        alignment: `(T',)` position in `labels` that each frame emits, -1 where it is blank, where the search knows it.
    """

    labels: tuple[int, ...]
    score: float
    acoustic: float
    alignment: np.ndarray | None = field(default=None, compare=False)


class Spelled(NamedTuple):
    """A word of a text, and where its tokens are in the text's: the first, and the one after the last."""

    text: str
    first: int
    last: int


class SearchStream(Protocol):
    """A search that is fed piece by piece; the pieces give what the whole would."""

    def feed(self, log_probs: np.ndarray) -> None:
        """Take in the next `(T', V)` natural-log probabilities. Raises DecodingError as `Search.search`."""
        ...

    def copy(self) -> Self:
        """A search that goes its own way from here: to see what might come of frames not yet settled."""
        ...

    def stable_words(self) -> list[str]:
        """The first words, which no further piece can change."""
        ...

    def finish(self, *, n_best: int = 1, least: int = LEAST_TEXTS) -> list[Candidate]:
        """The best texts if the utterance ended here, as `Search.search`; more may still be fed.

        Args:
            n_best: texts that are wanted at most.
            least: texts that are looked at at least, so that the best one does not depend on how many are wanted.
        """
        ...


class Search(Protocol):
    """A search over the log-probabilities of one head; safe to use from several threads."""

    @property
    def head(self) -> Literal["letters", "phones"]:
        """Of the emission, what is searched."""
        ...

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
        ...

    def stream(self) -> SearchStream:
        """A search that is fed piece by piece."""
        ...

    def spell(self, candidate: Candidate) -> tuple[list[int], list[Spelled]]:
        """The tokens that the head emits for a candidate, and the words among them."""
        ...

    def text(self, candidate: Candidate) -> str:
        """The words of a candidate, parted by spaces."""
        ...
