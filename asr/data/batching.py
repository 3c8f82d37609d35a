"""Utterances -> batches of about equal cost: dataset, sampler, collation.

A batch is bounded by the seconds it takes *padded*, so that one long file cannot run memory out. The
composition of every epoch follows from the seed and the epoch number alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from asr.data.audio import read_audio
from asr.data.augmentation import AugmentationConfig, WaveformAugmentation
from asr.data.manifest import Utterance
from asr.data.tokenizer import Tokenizer
from asr.errors import ConfigError, TrainingError


@dataclass(frozen=True)
class DataConfig:
    """What to train on, and how it is put into batches.

    Attributes:
        train: manifest of training utterances.
        dev: manifest that decides which checkpoint is best; no speaker in common with `train`.
        seconds_per_batch: padded seconds of audio in a training batch, at most.
        utterances_per_batch: utterances in a training batch, at most.
        workers: processes that read and augment audio ahead of the network; 0 reads in the trainer.
        augmentation: how training waveforms vary.
    """

    train: str
    dev: str
    seconds_per_batch: float = 60.0
    utterances_per_batch: int = 32
    workers: int = 1
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)


class Batch(NamedTuple):
    """Utterances padded to one length.

    Attributes:
        waveforms: `(B, N)` float32, zero-padded.
        waveform_lengths: `(B,)` int64 samples.
        tokens: `(B, L)` int64, zero-padded.
        token_lengths: `(B,)` int64.
        ids: B utterance ids.
    """

    waveforms: Tensor
    waveform_lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    ids: list[str]


class SampleKey(NamedTuple):
    """Which utterance, in which epoch: together with the seed, all that augmentation may depend on."""

    number: int
    epoch: int


class Sample(NamedTuple):
    """One utterance ready for collation: `(N,)` float32 waveform, token ids, id."""

    waveform: np.ndarray
    tokens: list[int]
    id: str


class SpeechDataset(Dataset[Sample]):
    """Reads, augments and tokenizes one utterance at a time.

    Args:
        utterances: each with a transcript.
        tokenizer: transcripts -> tokens; called here, once, so that a transcript it cannot spell is an
            error before training starts.
        sample_rate: rate in Hz that the model wants.
        augmentation: None for validation data.
        seed: of the augmentation.

    Raises:
        TrainingError: an utterance without transcript.
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
    ) -> None:
        self.utterances = list(utterances)
        self.sample_rate = sample_rate
        self.augmentation = augmentation
        self.seed = seed
        self.tokens = [_tokens(utterance, tokenizer) for utterance in self.utterances]

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, key: SampleKey) -> Sample:
        index, epoch = key.number, key.epoch
        utterance = self.utterances[index]
        waveform = read_audio(
            utterance.audio,
            sample_rate=self.sample_rate,
            start=utterance.start,
            duration=utterance.duration,
            channel=utterance.channel,
        )
        if self.augmentation is not None:
            generator = np.random.default_rng((self.seed, epoch, index))
            waveform = self.augmentation(waveform, sample_rate=self.sample_rate, generator=generator)
        return Sample(waveform, self.tokens[index], utterance.id)


def _tokens(utterance: Utterance, tokenizer: Tokenizer) -> list[int]:
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
    """Pad samples into one batch, the order kept."""
    return Batch(
        *pad_waveforms([sample.waveform for sample in samples]),
        *_pad([np.asarray(sample.tokens, dtype=np.int64) for sample in samples]),
        [sample.id for sample in samples],
    )


def pad_waveforms(waveforms: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """B waveforms `(N_i,)` -> `(B, N)` float32, zero-padded, and `(B,)` their lengths."""
    return _pad([np.asarray(waveform, dtype=np.float32) for waveform in waveforms])


def _pad(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    padded = np.zeros((len(rows), max(1, int(lengths.max()))), dtype=rows[0].dtype)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(padded), lengths


class BucketBatchSampler(Sampler[list[SampleKey]]):
    """Batches of utterances of like length, within a budget of padded seconds.

    Each epoch: utterances are shuffled, sorted by duration within a random jitter (so that neighbours
    differ from epoch to epoch), cut into batches within the budget, and the batches shuffled. The first
    batch of the first epoch is the longest, so that memory runs out in the first minute or never. Every
    utterance is in exactly one batch; with several ranks, batches are split until each rank has equally
    many.

    Args:
        durations: seconds of each utterance.
        seconds_per_batch: budget of padded seconds (utterances times the longest of them).
        utterances_per_batch: upper bound on B.
        seed: with the epoch, decides everything.
        shuffle: False gives the same batches, longest first, every epoch.
        rank, world_size: this process and how many share the work.

    Raises:
        ConfigError: an utterance alone is over the budget, or there are fewer utterances than ranks.
    """

    JITTER = 0.15

    def __init__(
        self,
        durations: Sequence[float],
        *,
        seconds_per_batch: float,
        utterances_per_batch: int,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.durations = np.asarray(durations, dtype=np.float64)
        self.seconds_per_batch = seconds_per_batch
        self.utterances_per_batch = utterances_per_batch
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        if len(self.durations) < world_size:
            raise ConfigError(
                f"{len(self.durations)} utterances for {world_size} processes; expected at least one each"
            )
        if utterances_per_batch < 1:
            raise ConfigError(f"data.utterances_per_batch {utterances_per_batch}; expected >= 1")
        longest = float(np.max(self.durations))
        if longest > seconds_per_batch:
            raise ConfigError(
                f"the longest utterance lasts {longest:.1f} s, data.seconds_per_batch is {seconds_per_batch:.1f}; "
                "raise the budget or cut the utterance"
            )

    @property
    def sampler(self) -> "BucketBatchSampler":
        """Itself: Lightning looks for `batch_sampler.sampler` to tell it the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.batches(self.epoch)) // self.world_size

    def __iter__(self) -> Iterator[list[SampleKey]]:
        epoch = self.epoch
        for batch in self.batches(epoch)[self.rank :: self.world_size]:
            yield [SampleKey(int(index), epoch) for index in batch]

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The batches of all ranks in an epoch, as arrays of utterance indices."""
        generator = np.random.default_rng((self.seed, epoch))
        keys = self.durations
        if self.shuffle:
            keys = keys * (1 + self.JITTER * generator.uniform(-1, 1, len(keys)))
        batches = self._cut(np.argsort(-keys, kind="stable"))
        while len(batches) % self.world_size:
            largest = max(range(len(batches)), key=lambda number: len(batches[number]))
            half = len(batches[largest]) // 2
            if half == 0:
                raise ConfigError(
                    f"{len(batches)} batches of one utterance each cannot be shared evenly by {self.world_size} "
                    "processes; raise data.seconds_per_batch"
                )
            batches[largest : largest + 1] = [batches[largest][:half], batches[largest][half:]]
        if self.shuffle:
            # Batches that the ranks take in the same step last alike, so that no rank waits for another.
            longest = np.array([self.durations[batch].max() for batch in batches])
            steps = np.argsort(-longest, kind="stable").reshape(-1, self.world_size)
            order = generator.permutation(len(steps))
            if epoch == 0:
                sizes = np.array([len(batch) for batch in batches])
                first = int(np.argmax((longest * sizes)[steps].max(axis=1)))
                order = np.concatenate([[first], order[order != first]])
            batches = [batches[number] for number in steps[order].flatten()]
        return batches

    def _cut(self, order: np.ndarray) -> list[np.ndarray]:
        batches: list[np.ndarray] = []
        first = 0
        longest = 0.0
        for position, index in enumerate(order):
            grown = max(longest, float(self.durations[index]))
            size = position - first + 1
            if size > 1 and (grown * size > self.seconds_per_batch or size > self.utterances_per_batch):
                batches.append(order[first:position])
                first, grown = position, float(self.durations[index])
            longest = grown
        batches.append(order[first:])
        return batches
