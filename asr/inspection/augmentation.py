"""Training utterances as they are, and as an experiment varies them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from asr.config import ExperimentConfig
from asr.data.augmentation.waveform_augmentation import WaveformAugmentation
from asr.data.batching import SpeechDataset
from asr.data.bucketing import SampleKey
from asr.data.manifest import Utterance
from asr.data.tokenizer import build_tokenizer
from asr.files import write_atomically
from asr.model.features import Features


@dataclass(frozen=True)
class Variation:
    """An utterance as training hears it.

    Attributes:
        id: of the utterance.
        epoch: from 0; None as it is.
        steps: what was done to it.
        waveform: `(N,)` float32.
        features: `(T, F)`, not normalised.
    """

    id: str
    epoch: int | None
    steps: tuple[str, ...]
    waveform: np.ndarray
    features: np.ndarray

    @property
    def title(self) -> str:
        """What it is."""
        if self.epoch is None:
            return self.id
        return f"epoch {self.epoch + 1}: {', '.join(self.steps) or 'as it is'}"


def vary_utterances(
    config: ExperimentConfig, utterances: Sequence[Utterance], *, count: int, epochs: int
) -> list[Variation]:
    """Some utterances, spread evenly over all, each as it is and as in the first epochs of a training.

    Raises:
        ConfigError: impossible augmentation.
        AudioError: an utterance that cannot be read.
    """
    extractor = Features(config.features)
    augmentation = WaveformAugmentation(config.data.augmentation)
    tokenizer = build_tokenizer(config.tokenizer, (utterance.text or "" for utterance in utterances))
    plain, varied = (
        SpeechDataset(
            utterances,
            tokenizer,
            sample_rate=config.features.sample_rate,
            augmentation=chosen,
            seed=config.training.seed,
        )
        for chosen in (None, augmentation)
    )
    found = []
    for index in np.unique(np.linspace(0, len(utterances) - 1, count).astype(int)).tolist():
        name = utterances[index].id
        for epoch, dataset in ((None, plain), *((epoch, varied) for epoch in range(epochs))):
            waveform, _, steps = dataset.varied(SampleKey(index, epoch or 0))
            found.append(Variation(name, epoch, steps, waveform, _features(extractor, waveform)))
    return found


def _features(extractor: Features, waveform: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        features, _ = extractor.raw(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
    return features[0].numpy()


def write_sounds(folder: Path, variations: Sequence[Variation], *, sample_rate: int) -> list[Path]:
    """Write each as a WAV file and return their names. Raises AsrError where they cannot be written."""
    import soundfile

    files = []
    for number, variation in enumerate(variations, 1):
        what = "as-it-is" if variation.epoch is None else f"epoch-{variation.epoch + 1}"
        files.append(folder / f"{number:02d}-{what}.wav")
        with write_atomically(files[-1], mode="wb") as file:
            soundfile.write(file, np.clip(variation.waveform, -1, 1), sample_rate, format="WAV")
    return files
