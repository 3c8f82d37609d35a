"""Where one phone ends and the next begins: hidden Markov models of the phones' sounds, frame by frame.

CTC says which phones there are and about when; its peaks say little of where they begin and end. Hidden Markov models of three
states a phone, Gaussian mixtures of cepstral features each, find the boundaries (Brugnara, Falavigna & Omologo 1993; the
Montreal Forced Aligner works so, McAuliffe et al. 2017). Here they choose among the places around the peaks alone.

scripts/train_phone_models.py writes them, beside the model (`asr.companions`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from asr.decoding.confidence import Calibration
from asr.errors import DecodingError
from asr.mapped_arrays import MappedArrays, map_arrays, write_arrays

MAGIC = b"asr-phone-hmm\x00\x00\x01"
HOP = 0.01  # seconds from one frame to the next
STATES = 3
_SMALLEST = 1e-4  # of a variance, where features have variance 1
_BLOCK = 1000  # frames
# Frames that a phone may reach past the peaks of its neighbours; the wider one where there is no way with the first.
_SLACKS = (15, 60)


@dataclass(frozen=True, eq=False)
class PhoneModels:
    """Models of P phones and of silence, with K = 3 (P + 1) states of C Gaussians each of D features.

    Attributes:
        phones: of the model; silence comes after them.
        means: `(K, C, D)`.
        variances: `(K, C, D)`.
        log_weights: `(K, C)` natural log.
        stay: `(K,)` probability that a state lasts for another frame.
        calibration: evidence of an aligned word -> probability that it is within 100 ms of where it is spoken.
    """

    phones: tuple[str, ...]
    means: np.ndarray
    variances: np.ndarray
    log_weights: np.ndarray
    stay: np.ndarray
    calibration: Calibration = field(default_factory=Calibration)

    def fingerprint(self) -> str:
        """The same for models that place the same phones alike."""
        digest = hashlib.sha256(repr((self.phones, self.calibration)).encode())
        for array in (self.means, self.variances, self.log_weights, self.stay):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def log_likelihoods(self, features: np.ndarray) -> np.ndarray:
        """`(T, D)` features -> `(T, K)` float64, natural log of each state's density."""
        by_mean, by_square, constant = self._factors
        features = features.astype(np.float64)
        scores = np.square(features) @ by_square + features @ by_mean + constant
        scores = scores.reshape(len(features), *self.log_weights.shape)
        best = scores.max(axis=2)
        sums: np.ndarray = best + np.log(np.exp(scores - best[:, :, None]).sum(axis=2))
        return sums

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What features, their squares and 1 are multiplied by, `(D, K C)` twice and `(K C,)`."""
        size = self.means.shape[2]
        means = self.means.reshape(-1, size).astype(np.float64)
        variances = np.maximum(self.variances.reshape(-1, size).astype(np.float64), _SMALLEST)
        constant = self.log_weights.reshape(-1) - 0.5 * (
            np.square(means) / variances + np.log(2 * np.pi * variances)
        ).sum(axis=1)
        # (K C, D) -> (D, K C)
        return (means / variances).T, (-0.5 / variances).T, constant

    def path(
        self, features: np.ndarray, phones: Sequence[int], *, pauses: Sequence[bool], centres: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """The best path through the phones of a stretch of speech (Viterbi).

        Args:
            features: `(T, D)`.
            phones: L positions in `self.phones`, at least one.
            pauses: L, whether there may be silence before each; behind the last there always may.
            centres: `(L,)` frames about which each phone is, not falling.

        Returns:
            `(T,)` int64, the phone that each frame is in, 0 to L - 1, or -1 for silence, and `(T,)` the model state; None where
            the phones do not fit into the frames.
        """
        columns, optional, owner = self._chain(phones, pauses)
        for slack in _SLACKS:
            states = self._viterbi(features, columns, optional, _range(owner, centres, len(features), slack))
            if states is not None:
                return owner[states], columns[states]
        return None

    def place(
        self, features: np.ndarray, phones: Sequence[int], *, pauses: Sequence[bool], centres: np.ndarray
    ) -> np.ndarray | None:
        """`(L, 2)` int64, the first frame of each phone and the one after its last; arguments as `path`, None as it has it."""
        found = self.path(features, phones, pauses=pauses, centres=centres)
        if found is None:
            return None
        frames = np.flatnonzero(found[0] >= 0)
        owner = found[0][frames]
        first = np.searchsorted(owner, np.arange(len(phones)))
        last = np.searchsorted(owner, np.arange(len(phones)), side="right") - 1
        return np.stack([frames[first], frames[last] + 1], axis=1)

    def _chain(
        self, phones: Sequence[int], pauses: Sequence[bool]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """States of a stretch: the model state of each, where an optional silence begins, and the phone."""
        parts: list[tuple[int, int]] = []  # column of the first state, phone
        for at, (phone, pause) in enumerate(zip(phones, pauses, strict=True)):
            if pause or at == 0:
                parts.append((STATES * len(self.phones), -1))
            parts.append((STATES * phone, at))
        parts.append((STATES * len(self.phones), -1))
        first, owner = (np.repeat([part[which] for part in parts], STATES) for which in (0, 1))
        within = np.tile(np.arange(STATES), len(parts))
        return first + within, np.where((owner < 0) & (within == 0), STATES, 0), owner

    def _viterbi(
        self,
        features: np.ndarray,
        columns: np.ndarray,
        optional: np.ndarray,
        allowed: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray | None:
        from asr.alignment.kernels import DEAD, advance_phones

        begin, end = allowed
        offsets = np.concatenate([[0], np.cumsum(np.maximum(end - begin, 0))])
        steps = np.zeros(int(offsets[-1]), np.int8)
        score = np.full(len(columns), DEAD)
        stay, leave = np.log(self.stay[columns]), np.log(1 - self.stay[columns])
        for first in range(0, len(features), _BLOCK):
            last = min(first + _BLOCK, len(features))
            if first:
                score[: begin[first]] = DEAD
            advance_phones(
                score,
                self.log_likelihoods(features[first:last]),
                columns,
                optional,
                stay.astype(np.float64),
                leave.astype(np.float64),
                begin[first:last],
                end[first:last],
                steps,
                offsets[first:last],
                at_start=first == 0,
            )
        state = len(columns) - 1
        if score[state - STATES] > score[state]:
            state -= STATES
        if score[state] <= DEAD:
            return None
        path = np.empty(len(features), np.int64)
        for frame in range(len(features) - 1, -1, -1):
            path[frame] = state
            if frame:
                state -= int(steps[offsets[frame] + state - begin[frame]])
        return path


def _range(owner: np.ndarray, centres: np.ndarray, frames: int, slack: int) -> tuple[np.ndarray, np.ndarray]:
    """`(T,)` twice: the states that each frame may be in, from and to; `owner` is the phone of each state, -1 for silence."""
    before = np.maximum.accumulate(owner)  # of a silence, the phone before it
    behind = np.where(owner >= 0, owner, before + 1)
    previous = np.where(owner >= 0, owner - 1, before)
    following = np.where(owner >= 0, owner + 1, behind)
    count = len(centres)
    earliest = np.where(previous >= 0, centres[np.maximum(previous, 0)] - slack, 0)
    latest = np.where(following < count, centres[np.minimum(following, count - 1)] + slack, frames)
    time = np.arange(frames)
    begin = np.searchsorted(np.minimum(latest, frames), time, side="right")
    end = np.searchsorted(earliest, time, side="right")
    return np.minimum(begin, len(owner)), np.maximum(end, begin)


def write_phone_models(path: str | Path, models: PhoneModels) -> None:
    """Write models, in half precision, atomically. Raises AsrError when the file cannot be written."""
    names = ("means", "variances", "log_weights", "stay")
    arrays = {name: getattr(models, name).astype(np.float16) for name in names}
    header = {
        "phones": list(models.phones),
        "calibration": [models.calibration.slope, models.calibration.offset],
    }
    write_arrays(path, MAGIC, MappedArrays(header, b"", arrays))


def read_phone_models(path: str | Path) -> PhoneModels:
    """Read what `write_phone_models` wrote.

    Raises:
        DecodingError: cannot be read, another format, or arrays that do not fit together.
    """
    content = map_arrays(
        path,
        MAGIC,
        what="file of phone models",
        error=DecodingError,
        remedy="train them with scripts/train_phone_models.py",
    )
    try:
        arrays = {name: np.asarray(array, np.float32) for name, array in content.arrays.items()}
        models = PhoneModels(
            tuple(content.header["phones"]), **arrays, calibration=Calibration(*content.header["calibration"])
        )
        states = STATES * (len(models.phones) + 1)
        fits = models.means.shape == models.variances.shape and models.means.shape[:2] == (
            states,
            models.log_weights.shape[1],
        )
        fits = fits and models.log_weights.shape[0] == len(models.stay) == states
    except (KeyError, TypeError, IndexError):
        fits = False
    if not fits:
        raise DecodingError(
            f"{path}: broken phone models: their arrays do not fit together; train them again"
        )
    return models
