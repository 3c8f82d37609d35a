"""Configurations of the proof, and batches of its corpus."""

from pathlib import Path

from asr.config import ExperimentConfig, TrainingConfig
from asr.data.augmentation.config import AugmentationConfig
from asr.data.batching import Batch, DataConfig, SpeechDataset, collate
from asr.data.bucketing import SampleKey
from asr.data.manifest import read_manifest
from asr.data.tokenizer import Tokenizer, build_tokenizer
from asr.model.encoder import EncoderConfig
from asr.model.precision import Precision

# Layers and cells a direction: what ships, what it may grow to, and what large corpora are for.
SIZES = ((3, 192), (4, 224), (5, 1024), (6, 640))
TINY_SIZES = ((1, 16), (2, 8))


def experiment(
    manifest: Path, layers: int, hidden: int, *, precision: Precision = "auto", workers: int = 0
) -> ExperimentConfig:
    """A plain BiLSTM with CTC on the corpus, its own development data."""
    return ExperimentConfig(
        data=DataConfig(
            train=str(manifest),
            dev=str(manifest),
            workers=workers,
            augmentation=AugmentationConfig(speeds=(1.0,)),
        ),
        model=EncoderConfig(layers=layers, hidden_size=hidden),
        training=TrainingConfig(epochs=2, precision=precision),
    )


def first_batch(config: ExperimentConfig, count: int) -> tuple[Batch, Tokenizer]:
    """The shortest utterances of the corpus as one batch, and the tokenizer of the whole."""
    utterances = read_manifest(config.data.train)
    tokenizer = build_tokenizer(config.tokenizer, (one.text or "" for one in utterances))
    chosen = sorted(utterances, key=lambda one: one.duration)[:count]
    dataset = SpeechDataset(chosen, tokenizer, sample_rate=config.features.sample_rate)
    return collate([dataset[SampleKey(number, 0)] for number in range(count)]), tokenizer
