"""What a training trains on: a manifest or packed shards, checked before anything else happens."""

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from asr.config import ExperimentConfig
from asr.data.augmentation.config import check_augmentation
from asr.data.augmentation.waveform_augmentation import WaveformAugmentation
from asr.data.batching import SpeechDataset
from asr.data.bucketing import BucketBatchSampler
from asr.data.manifest import Utterance, read_manifest
from asr.data.shards import PackedCorpus, PackedDataset, ShardBatchSampler, is_packed
from asr.data.tokenizer import Tokenizer
from asr.data.validation import Finding, check_fit, check_transcripts
from asr.errors import ConfigError, TrainingError
from asr.training.heads import Heads

if TYPE_CHECKING:
    from torch.utils.data import Dataset

log = logging.getLogger(__name__)

_PIECE = 10_000  # utterances that are checked at once

# Of fewer dev words a WER is too uncertain to tell two epochs apart.
FEW_WORDS = 500


@dataclass(frozen=True)
class TrainingData:
    """The utterances of `data.train`, wherever they are.

    Attributes:
        config: the experiment.
        content: the utterances of a manifest, or the index of packed shards.
    """

    config: ExperimentConfig
    content: Sequence[Utterance] | PackedCorpus

    @property
    def durations(self) -> np.ndarray:
        """Seconds of each utterance."""
        if isinstance(self.content, PackedCorpus):
            return self.content.durations
        return np.array([utterance.duration for utterance in self.content])

    def transcripts(self) -> Iterator[str]:
        """Of all utterances."""
        if isinstance(self.content, PackedCorpus):
            return self.content.texts()
        return (utterance.text or "" for utterance in self.content)

    def utterances(self) -> Iterable[Utterance]:
        """All utterances, for checks."""
        return self.content.utterances() if isinstance(self.content, PackedCorpus) else self.content

    def dataset(self, tokenizer: Tokenizer) -> "Dataset[Any]":
        """Utterances as samples, augmented; those that cannot be read as samples with an error."""
        augmentation = WaveformAugmentation(self.config.data.augmentation)
        seed = self.config.training.seed
        if isinstance(self.content, PackedCorpus):
            return PackedDataset(
                self.content,
                tokenizer,
                augmentation=augmentation,
                seed=seed,
                # Workers fetch ahead into the next window while batches of this one are left.
                window=2 * self.config.data.shard_window,
            )
        return SpeechDataset(
            self.content,
            tokenizer,
            sample_rate=self.config.features.sample_rate,
            augmentation=augmentation,
            seed=seed,
            tolerant=True,
        )

    def sampler(self, *, rank: int, world_size: int) -> BucketBatchSampler:
        """The batches of one process."""
        data = self.config.data
        settings: dict[str, Any] = {
            "seconds_per_batch": data.seconds_per_batch,
            "utterances_per_batch": data.utterances_per_batch,
            "seed": self.config.training.seed,
            "rank": rank,
            "world_size": world_size,
        }
        if isinstance(self.content, PackedCorpus):
            return ShardBatchSampler(self.content, window=data.shard_window, workers=data.workers, **settings)
        return BucketBatchSampler(self.durations, sorta_grad=data.sorta_grad, **settings)


def open_training_data(config: ExperimentConfig) -> TrainingData:
    """Read the manifest, or the index of packed shards.

    Raises:
        AsrError: it cannot be read.
        ConfigError: the shards do not fit the experiment.
    """
    place = config.data.train
    if not is_packed(place):
        return TrainingData(config, read_manifest(place))
    corpus = PackedCorpus(place)
    if corpus.sample_rate != config.features.sample_rate:
        raise ConfigError(
            f"{place}: packed at {corpus.sample_rate} Hz, features.sample_rate is {config.features.sample_rate}; "
            "pack it at that rate"
        )
    if config.data.sorta_grad:
        raise ConfigError("data.sorta_grad needs a manifest: packed shards are read in the order they lie in")
    return TrainingData(config, corpus)


def check_training_data(
    data: TrainingData,
    dev: Sequence[Utterance],
    tokenizer: Tokenizer,
    heads: Heads,
    *,
    encoder_frames: Callable[[Tensor], Tensor],
) -> None:
    """Stop before training for what would make it fail or lose data later: transcripts, letters and phones that do not fit.

    Raises:
        ConfigError: impossible augmentation.
        TrainingError: transcripts that the alphabet lacks letters for or that CTC cannot fit.
    """
    config = data.config
    check_augmentation(config.data.augmentation)
    for name, utterances, fastest in (
        (config.data.train, data.utterances(), max(config.data.augmentation.speeds)),
        (config.data.dev, dev, 1.0),
    ):
        findings: list[Finding] = []
        unsayable: list[Finding] = []
        waiting = iter(utterances)
        while piece := list(itertools.islice(waiting, _PIECE)):
            findings += check_transcripts(piece, tokenizer)
            findings += check_fit(
                piece,
                tokenizer,
                sample_rate=config.features.sample_rate,
                encoder_frames=encoder_frames,
                fastest=fastest,
            )
            if name == config.data.train:
                unsayable += heads.check_fit(
                    piece,
                    sample_rate=config.features.sample_rate,
                    encoder_frames=encoder_frames,
                    fastest=fastest,
                )
        if findings:
            named = "; ".join(str(finding) for finding in findings[:5])
            more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
            raise TrainingError(f"{name}: {named}{more}; `asr validate` lists them all")
        if unsayable:
            raise TrainingError(f"{name}: {'; '.join(map(str, unsayable))}")
    words = sum(len((utterance.text or "").split()) for utterance in dev)
    if words < FEW_WORDS:
        log.warning(
            "%s: %d words are few to choose by: of a WER of 20 %% they say no more than that it lies within %.0f points; "
            "`training.best_by loss` is steadier, more speakers held out are better",
            config.data.dev, words, 196 * math.sqrt(0.2 * 0.8 / max(1, words)),
        )  # fmt: skip
