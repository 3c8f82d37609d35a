"""Utterances -> batches: dataset and collation. Which utterances form a batch, `bucketing` decides."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from asr.data.audio import read_utterance
from asr.data.augmentation.config import AugmentationConfig
from asr.data.augmentation.waveform_augmentation import Varied, WaveformAugmentation
from asr.data.bucketing import SampleKey
from asr.data.manifest import Utterance
from asr.data.padding import pad_rows, pad_waveforms
from asr.data.tokenizer import Tokenizer
from asr.errors import AudioError, TrainingError


@dataclass(frozen=True)
class DataConfig:
    """What to train on, and how it is put into batches.

    Attributes:
        train: manifest of training utterances; or a folder or fsspec URL that `asr pack` wrote.
        dev: manifest that decides which checkpoint is best; no speaker in common with `train`.
        seconds_per_batch: padded seconds of audio in a training batch, at most.
        utterances_per_batch: utterances in a training batch, at most.
        sorta_grad: the first epoch goes from short to long utterances (Amodei et al. 2016).
        workers: processes that read and augment audio ahead of the network; 0 reads in the trainer.
        shard_window: packed shards whose utterances are mixed with each other; each loader process holds
            up to twice as many in memory.
        augmentation: how training waveforms vary.
    """

    train: str
    dev: str
    seconds_per_batch: float = 60.0
    utterances_per_batch: int = 32
    sorta_grad: bool = False
    workers: int = 1
    shard_window: int = 4
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)


class Batch(NamedTuple):
    """Utterances padded to one length.

    Attributes:
        waveforms: `(B, N)` float32, zero-padded.
        waveform_lengths: `(B,)` int64 samples.
        tokens: `(B, L)` int64, zero-padded.
        token_lengths: `(B,)` int64.
        ids: B utterance ids. B is 0 where a process has nothing to do in a step that others share.
        unreadable: for each utterance left out because its audio could not be read, what was wrong.
        weights: `(B,)` float32, of each utterance's losses; None where all weigh 1.
    """

    waveforms: Tensor
    waveform_lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    ids: list[str]
    unreadable: list[str] = []  # noqa: RUF012
    weights: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same on a device; from pinned memory, without waiting for it."""
        return self._replace(
            waveforms=self.waveforms.to(device, non_blocking=True),
            waveform_lengths=self.waveform_lengths.to(device, non_blocking=True),
            tokens=self.tokens.to(device, non_blocking=True),
            token_lengths=self.token_lengths.to(device, non_blocking=True),
            weights=None if self.weights is None else self.weights.to(device, non_blocking=True),
        )


class Sample(NamedTuple):
    """One utterance ready for collation: `(N,)` float32 waveform, token ids, id, weight of its losses; or why there is none."""

    waveform: np.ndarray
    tokens: list[int]
    id: str
    error: str = ""
    weight: float = 1.0


class AugmentedDataset(Dataset[Sample], ABC):
    """Reads, augments and tokenizes one utterance at a time; where its parts lie is a subclass' matter.

    Args:
        sample_rate: rate in Hz that the model wants.
        augmentation: None for validation data.
        seed: of the augmentation.
        tolerant: an utterance whose audio cannot be read is a sample with an error, instead of an error.
    """

    def __init__(
        self, *, sample_rate: int, augmentation: WaveformAugmentation | None, seed: int, tolerant: bool
    ) -> None:
        self.sample_rate = sample_rate
        self.augmentation = augmentation
        self.seed = seed
        self.tolerant = tolerant

    def __getitem__(self, key: SampleKey) -> Sample:
        name = self._id(key.number)
        try:
            varied = self.varied(key)
        except AudioError as error:
            if not self.tolerant:
                raise
            return Sample(np.zeros(0, np.float32), [], name, f"utt {name}: {error}")
        tokens = self._tokens(key.number) if varied.is_speech else []
        return Sample(varied.waveform, tokens, name, weight=self._weight(key.number))

    def varied(self, key: SampleKey) -> Varied:
        """The waveform of an utterance in an epoch. Raises AudioError where it cannot be read."""
        waveform = self._waveform(key.number)
        if self.augmentation is None:
            return Varied(waveform)
        return self.augmentation(
            waveform,
            sample_rate=self.sample_rate,
            generator=np.random.default_rng((self.seed, key.epoch, key.number)),
            speech=lambda generator: self._waveform(self._another(key.number, generator)),
        )

    @abstractmethod
    def _id(self, number: int) -> str: ...

    @abstractmethod
    def _tokens(self, number: int) -> list[int]: ...

    def _weight(self, number: int) -> float:
        """By which the losses of an utterance are multiplied."""
        return 1.0

    @abstractmethod
    def _waveform(self, number: int) -> np.ndarray:
        """`(N,)` float32 at the model's rate. Raises AudioError."""

    @abstractmethod
    def _another(self, number: int, generator: np.random.Generator) -> int:
        """The number of another utterance, for babble."""


class SpeechDataset(AugmentedDataset):
    """The utterances of a manifest.

    Args:
        utterances: each with a transcript.
        tokenizer: transcripts -> tokens; called here, once, so that a transcript it cannot spell is an
            error before training starts.
        sample_rate, augmentation, seed, tolerant: as of `AugmentedDataset`.

    Raises:
        TrainingError: an utterance without transcript, or with a weight that is none.
        TranscriptError: a character outside the alphabet.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        tokenizer: Tokenizer,
        *,
        sample_rate: int,
        augmentation: WaveformAugmentation | None = None,
        seed: int = 0,
        tolerant: bool = False,
    ) -> None:
        super().__init__(sample_rate=sample_rate, augmentation=augmentation, seed=seed, tolerant=tolerant)
        self.utterances = list(utterances)
        self.tokens = [_encoded(utterance, tokenizer) for utterance in self.utterances]
        self.weights = [weight_of(utterance) for utterance in self.utterances]

    def __len__(self) -> int:
        return len(self.utterances)

    def _id(self, number: int) -> str:
        return self.utterances[number].id

    def _tokens(self, number: int) -> list[int]:
        return self.tokens[number]

    def _weight(self, number: int) -> float:
        return self.weights[number]

    def _waveform(self, number: int) -> np.ndarray:
        return read_utterance(self.utterances[number], sample_rate=self.sample_rate)

    def _another(self, number: int, generator: np.random.Generator) -> int:
        return int(generator.integers(len(self.utterances)))


def weight_of(utterance: Utterance) -> float:
    """The field `weight` of the manifest line, by which the losses of an utterance are multiplied; 1 without it.

    Raises:
        TrainingError: not a number of 0 or more.
    """
    weight = utterance.extras.get("weight", 1.0)
    if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight < math.inf:
        raise TrainingError(f"utt {utterance.id}: weight {weight!r}; expected a number, 0 or more")
    return float(weight)


def _encoded(utterance: Utterance, tokenizer: Tokenizer) -> list[int]:
    if utterance.text is None:
        raise TrainingError(
            f"utt {utterance.id}: no transcript; training needs `text` on every manifest line"
        )
    try:
        return tokenizer.encode(utterance.text)
    except Exception as error:
        error.args = (f"utt {utterance.id}: {error}",)
        raise


def collate(samples: Sequence[Sample]) -> Batch:
    """Pad samples into one batch, the order kept; those that could not be read are left out and named."""
    readable = [sample for sample in samples if not sample.error]
    weights = [sample.weight for sample in readable]
    waveforms, waveform_lengths = pad_waveforms([sample.waveform for sample in readable])
    tokens, token_lengths = pad_rows([np.asarray(sample.tokens, np.int64) for sample in readable], np.int64)
    return Batch(
        torch.from_numpy(waveforms),
        torch.from_numpy(waveform_lengths),
        torch.from_numpy(tokens),
        torch.from_numpy(token_lengths),
        [sample.id for sample in readable],
        [sample.error for sample in samples if sample.error],
        torch.tensor(weights) if any(weight != 1.0 for weight in weights) else None,
    )
