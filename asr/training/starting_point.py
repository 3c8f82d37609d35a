"""What a training begins with beside random weights: an earlier model, statistics of the features."""

import logging
from collections.abc import Sequence

import numpy as np
import torch

from asr.data.audio import read_utterance
from asr.data.manifest import Utterance
from asr.data.shards import PackedCorpus
from asr.errors import ConfigError, TrainingError
from asr.model.features import Features
from asr.training.data import TrainingData
from asr.training.module import SpeechModule
from asr.training.transfer import Transfer, take_weights

log = logging.getLogger(__name__)

MOST_HOURS = 10.0


def begin(module: SpeechModule, data: TrainingData) -> Transfer:
    """Give a new training what it begins with; a resumed run has it in its state.

    Raises:
        ConfigError: statistics of features are wanted of packed shards.
        AsrError: as `take_weights` and `measure_features`.
    """
    config, transfer = module.config, Transfer()
    if config.training.start_from is not None:
        transfer = take_weights(module.model, module.tokenizer, config.training.start_from)
    elif config.features.normalisation == "global":
        if isinstance(data.content, PackedCorpus):
            raise ConfigError(
                f"{config.data.train}: features.normalisation global is measured on a manifest; train on one, or "
                "give training.start_from a model that has the statistics"
            )
        measure_features(module.model.features, data.content, seed=config.training.seed)
    if module.averaged is not None:
        module.averaged.module.load_state_dict(module.model.state_dict())
    return transfer


def measure_features(features: Features, utterances: Sequence[Utterance], *, seed: int) -> None:
    """Set mean and deviation of each coefficient from training data, for normalisation "global".

    Over the frames of all utterances, or of some drawn at random that make up `MOST_HOURS`.

    Raises:
        AudioError: a file that cannot be read.
        TrainingError: the utterances give fewer than two frames.
    """
    rate = features.config.sample_rate
    count, seconds = 0, 0.0
    total = torch.zeros(features.size, dtype=torch.float64)
    squares = torch.zeros_like(total)
    for index in np.random.default_rng(seed).permutation(len(utterances)):
        utterance = utterances[index]
        waveform = read_utterance(utterance, sample_rate=rate)
        if len(waveform) < features.window_samples:
            continue
        with torch.no_grad():
            frames, _ = features.raw(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
        total += frames[0].double().sum(dim=0)
        squares += frames[0].double().square().sum(dim=0)
        count += frames.shape[1]
        seconds += utterance.duration
        if seconds > 3600 * MOST_HOURS:
            break
    if count < 2:
        raise TrainingError("features.normalisation global: the training utterances give no frames")
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
    features.mean.copy_(mean)
    features.deviation.copy_(deviation.clamp(min=1e-3))
    log.info("features normalised by mean and deviation of %.2f h of training data", seconds / 3600)
