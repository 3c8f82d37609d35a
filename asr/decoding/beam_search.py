"""What the beam searches over letters and over phones have in common."""

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.decoding.emission import check_log_probs
from asr.decoding.search import Candidate, Limits, SearchStream, check_blank_penalty


class BeamSearch:
    """Limits and a penalty of the blank, and what follows from them.

    Args:
        limits: what is left out.
        blank_penalty: taken off the natural-log probability of the blank in every frame.

    Raises:
        DecodingError: a limit that makes no sense, or a penalty that is not finite.
    """

    def __init__(self, *, limits: Limits | None, blank_penalty: float) -> None:
        self.limits = (limits or Limits()).checked()
        self.blank_penalty = check_blank_penalty(blank_penalty)

    def search(self, log_probs: np.ndarray, *, n_best: int = 1) -> list[Candidate]:
        """See `Search`."""
        stream = self.stream()
        stream.feed(log_probs)
        return stream.finish(n_best=n_best)

    def stream(self) -> SearchStream:
        """See `Search`."""
        raise NotImplementedError

    def penalised(self, log_probs: np.ndarray, *, columns: int) -> np.ndarray:
        """`(T', columns)` float32 for compiled code, less the penalty of the blank. Raises DecodingError as `Search.search`."""
        check_log_probs(log_probs, columns=columns)
        frames = np.ascontiguousarray(log_probs, dtype=np.float32)
        if self.blank_penalty:
            frames = frames.copy()
            frames[:, BLANK] -= self.blank_penalty
        return frames
