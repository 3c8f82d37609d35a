"""The one check that every decoder makes of its input."""

import numpy as np

from asr.errors import DecodingError


def check_log_probs(log_probs: np.ndarray) -> None:
    """Raise DecodingError unless `log_probs` is `(T', V)` with V >= 1 and no NaN and nothing above 0."""
    if log_probs.ndim != 2 or log_probs.shape[1] < 1:
        raise DecodingError(f"log_probs of shape {log_probs.shape}; expected (frames, vocabulary)")
    if np.isnan(log_probs).any():
        frame = int(np.flatnonzero(np.isnan(log_probs).any(axis=1))[0])
        raise DecodingError(f"log_probs: NaN in frame {frame}; expected natural-log probabilities")
    if log_probs.size and float(log_probs.max()) > 1e-3:
        raise DecodingError(
            f"log_probs: {float(log_probs.max()):.3f} is above 0; expected natural-log probabilities, not logits"
        )
