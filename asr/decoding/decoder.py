"""The decoder that transcription and evaluation use: log-probabilities -> Hypothesis."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from asr.decoding.alignment import align
from asr.decoding.beam import beam_search
from asr.decoding.greedy import greedy_tokens
from asr.decoding.hypothesis import Hypothesis, Word


class Spelling(Protocol):
    """What decoding must know of a tokenizer."""

    def decode(self, tokens: list[int]) -> str:
        """Text of token ids."""
        ...


@dataclass(frozen=True)
class DecodingConfig:
    """How log-probabilities become text.

    Attributes:
        method: "greedy" takes the best path, "beam" sums over paths.
        beam_width: prefixes kept by the beam search.
    """

    method: Literal["greedy", "beam"] = "greedy"
    beam_width: int = 16


class Decoder:
    """Turns emissions into hypotheses with word times and confidence.

    Args:
        config: which search.
        spelling: token ids -> text; words are parted by spaces.
        seconds_per_frame: time from one encoder frame to the next.
    """

    def __init__(self, config: DecodingConfig, spelling: Spelling, *, seconds_per_frame: float) -> None:
        self.config = config
        self.spelling = spelling
        self.seconds_per_frame = seconds_per_frame

    def __call__(self, log_probs: np.ndarray) -> Hypothesis:
        """Decode one utterance's `(T', V)` natural-log probabilities."""
        if self.config.method == "greedy":
            tokens, score = greedy_tokens(log_probs)
        else:
            tokens, score = beam_search(log_probs, beam_width=self.config.beam_width)[0]
        words = self.words(log_probs, tokens)
        return Hypothesis(" ".join(word.text for word in words), tuple(tokens), score, words)

    def words(self, log_probs: np.ndarray, tokens: list[int]) -> tuple[Word, ...]:
        """Words with times from the forced alignment of the final tokens.

        A word starts with the first frame of its first character and ends after the last frame of its
        last; its confidence is the least probable of its characters, each at its best frame.
        """
        path = align(log_probs, tokens)
        words: list[Word] = []
        spelled: list[int] = []  # positions of the characters of the word being spelled
        for position in [*range(len(tokens)), None]:
            if position is not None and self.spelling.decode([tokens[position]]) != " ":
                spelled.append(position)
            elif spelled:
                frames = [np.flatnonzero(path == index) for index in spelled]
                best = [log_probs[at, tokens[index]].max() for at, index in zip(frames, spelled, strict=True)]
                words.append(
                    Word(
                        self.spelling.decode([tokens[index] for index in spelled]),
                        start=round(float(frames[0][0]) * self.seconds_per_frame, 3),
                        end=round(float(frames[-1][-1] + 1) * self.seconds_per_frame, 3),
                        confidence=round(float(np.exp(min(best))), 4),
                    )
                )
                spelled = []
        return tuple(words)
