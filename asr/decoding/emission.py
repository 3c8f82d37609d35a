"""What a network says of one waveform: a matrix of log-probabilities a head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asr.errors import DecodingError

# Natural log of a probability that no weight of a search makes up for.
_IMPOSSIBLE = -1e4


class NetworkText(NamedTuple):
    """What a decoder network of the model's own has written: token ids, and their score (natural log)."""

    tokens: tuple[int, ...]
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """Natural-log probabilities of one waveform, frame by frame; column 0 of each head is its CTC blank.

    Attributes:
        letters: `(T', V)` float32.
        phones: `(T', P)` float32, of a model with a head for phones.
        network_text: of a model with a decoder network, where it was asked for.
    """

    letters: np.ndarray
    phones: np.ndarray | None = None
    network_text: NetworkText | None = None

    @classmethod
    def empty(cls, *, letters: int, phones: int = 0) -> "Emission":
        """No frames, of heads with so many columns; 0 phones are no head."""
        return cls(np.empty((0, letters), np.float32), np.empty((0, phones), np.float32) if phones else None)

    def __len__(self) -> int:
        """T', the number of frames."""
        return len(self.letters)

    def __getitem__(self, frames: slice) -> "Emission":
        """Some of the frames."""
        return Emission(self.letters[frames], None if self.phones is None else self.phones[frames])

    def certainty(self) -> np.ndarray:
        """`(T',)` float32, the probability of each frame's likeliest symbol: of the phones, or of the letters where there are none."""
        head = self.letters if self.phones is None else self.phones
        return np.exp(head.max(axis=1))

    def silenced(self) -> "Emission":
        """The same frames, each of them a blank beyond doubt, and no text of a network."""
        heads = (
            None if head is None else np.full_like(head, _IMPOSSIBLE) for head in (self.letters, self.phones)
        )
        letters, phones = heads
        assert letters is not None
        for head in (letters, phones):
            if head is not None:
                head[:, 0] = 0.0
        return Emission(letters, phones, None if self.network_text is None else NetworkText((), 0.0))


def join(pieces: Sequence[Emission]) -> Emission:
    """Pieces of one utterance, one or more, as one emission."""
    phones = [piece.phones for piece in pieces if piece.phones is not None]
    return Emission(
        np.concatenate([piece.letters for piece in pieces]), np.concatenate(phones) if phones else None
    )


def check_log_probs(log_probs: np.ndarray, *, columns: int | None = None) -> None:
    """Raise DecodingError unless `log_probs` is `(T', V)` with V >= 1 and no NaN and nothing above 0.

    Args:
        log_probs: of one head.
        columns: V, where it is known.
    """
    if log_probs.ndim != 2 or log_probs.shape[1] < 1:
        raise DecodingError(f"log_probs of shape {log_probs.shape}; expected (frames, vocabulary)")
    if columns is not None and log_probs.shape[1] != columns:
        raise DecodingError(f"log_probs of shape {log_probs.shape}; expected (frames, {columns})")
    if np.isnan(log_probs).any():
        frame = int(np.flatnonzero(np.isnan(log_probs).any(axis=1))[0])
        raise DecodingError(f"log_probs: NaN in frame {frame}; expected natural-log probabilities")
    if log_probs.size and float(log_probs.max()) > 1e-3:
        raise DecodingError(
            f"log_probs: {float(log_probs.max()):.3f} is above 0; expected natural-log probabilities, not logits"
        )
