"""An experiment, whole: every dataclass that shapes a training, gathered under one roof."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asr.data.batching import DataConfig
from asr.data.tokenizer import TokenizerConfig
from asr.decoding.options import DecodingOptions
from asr.errors import ConfigError
from asr.files import write_atomically
from asr.model.acoustic import AcousticModelConfig
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.objectives import ObjectiveConfig
from asr.model.spec_augment import SpecAugmentConfig
from asr.options import parse_options, read_yaml


@dataclass(frozen=True)
class OptimizerConfig:
    """How weights move.

    Attributes:
        kind: "muon" for the encoder's matrices and adamw for the rest (Jordan et al. 2024), "adamw"
            (Loshchilov & Hutter 2019), "adam" (Kingma & Ba 2015; weight decay is added to the gradient),
            "rmsprop" (Tieleman & Hinton 2012) or "sgd" with momentum.
        learning_rate: highest learning rate, reached after `warmup`.
        schedule: "one_cycle" (Smith 2018), or "constant" for the same learning rate throughout.
        warmup: share of all steps on which the learning rate of one cycle rises; it falls to zero on the
            rest.
        new_parts: how many times faster parts learn that `training.start_from` did not give: heads of another
            alphabet, say.
        momentum: of sgd and rmsprop.
        weight_decay: of matrices; biases and normalisation do not decay.
        loss_per: gradients are those of the loss a "token", or an "utterance" as in Graves 2013.
        gradient_clip: gradients are scaled down to this norm; 0 leaves them.
        gradient_clip_value: each gradient is first brought between this and its negative; 0 leaves them.
    """

    kind: Literal["muon", "adamw", "adam", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    warmup: float = 0.2
    new_parts: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 1e-2
    loss_per: Literal["token", "utterance"] = "token"
    gradient_clip: float = 5.0
    gradient_clip_value: float = 0.0


BestBy = Literal["wer", "loss", "per", "decoded_wer"]
HeadLoss = Literal["ctc", "ctc_crf"]
Tracker = Literal["tensorboard", "wandb", "mlflow"]


@dataclass(frozen=True)
class UnitModelConfig:
    """The n-gram of units that CTC-CRF sets a transcript against.

    Attributes:
        order: 1 to 3; estimated with modified Kneser-Ney smoothing from the training transcripts.
        file: an n-gram of these units (.arpa or .lm) to take instead; null estimates one. Either is kept in the run folder.
    """

    order: int = 3
    file: str | None = None


@dataclass(frozen=True)
class LettersHeadConfig:
    """The head of the tokenizer's units, letters as a rule, which every model has.

    Attributes:
        loss: "ctc" (Graves et al. 2006), the probability of the right units; "ctc_crf" (Xiang & Ou 2019), their probability
            relative to all unit sequences that an n-gram of the units allows.
        weight: of this head's loss beside the others'; 0 leaves the head untrained, where another one is trained.
        ctc_weight: of plain CTC beside "ctc_crf", 0.01 to 0.1 as a rule.
        unit_model: for "ctc_crf".
    """

    loss: HeadLoss = "ctc"
    weight: float = 1.0
    ctc_weight: float = 0.05
    unit_model: UnitModelConfig = field(default_factory=UnitModelConfig)


@dataclass(frozen=True)
class PhonesHeadConfig:
    """A second head, of phones: hierarchical multitask training (Krishna, Toshniwal & Livescu 2018).

    It helps most where there is little speech and an irregular spelling. On the last layer it stays with the model, and
    decoding through pronunciations hears with it (`DecodingOptions.pronunciations`); on a lower one it only helps training.

    Attributes:
        weight: of this head's loss beside the others'; 0 for no such head.
        loss: "ctc" or "ctc_crf", as of the letters, summed over all ways to say each word.
        ctc_weight: of plain CTC beside "ctc_crf", 0.01 to 0.1 as a rule.
        layer: the recurrent layer that it looks at, counted from 1; null for the last.
        pronunciations: a dictionary in CMUdict's format with every training word, and all the ways to say it.
        unit_model: for "ctc_crf".
    """

    weight: float = 0.0
    loss: HeadLoss = "ctc"
    ctc_weight: float = 0.05
    layer: int | None = None
    pronunciations: str | None = None
    unit_model: UnitModelConfig = field(default_factory=UnitModelConfig)


@dataclass(frozen=True)
class IntermediateHeadConfig:
    """A second CTC loss on the tokenizer's units, of a lower layer: intermediate CTC (Lee & Watanabe 2021).

    Attributes:
        weight: of this loss beside the others; 0 for none. The model that is saved knows nothing of it.
        layer: the recurrent layer that it looks at, counted from 1.
    """

    weight: float = 0.0
    layer: int = 2


@dataclass(frozen=True)
class HeadsConfig:
    """What reads the encoder's output in training, and by which loss each is trained; the losses add up.

    Attributes:
        letters: the head of the tokenizer's units.
        phones: a head of phones.
        intermediate: letters again, of a lower layer.
    """

    letters: LettersHeadConfig = field(default_factory=LettersHeadConfig)
    phones: PhonesHeadConfig = field(default_factory=PhonesHeadConfig)
    intermediate: IntermediateHeadConfig = field(default_factory=IntermediateHeadConfig)


@dataclass(frozen=True)
class TrainingConfig:
    """How long, how precisely, from which seed.

    Attributes:
        epochs: passes over the training data.
        seed: of weights, batches, augmentation and dropout.
        precision: "float32", "bfloat16" (the loss and the features stay float32), or "auto": bfloat16
            where the hardware multiplies it, else float32.
        consistency: weight of the CR-CTC consistency loss between two augmented views of each batch; 0
            trains on one view, in about half the time.
        consistency_from: share of the epochs, 0 to 1, that go by on one view before the consistency loss
            begins: two views of utterances that the network hardly knows yet are time spent twice.
        ema_decay: decay, per step, of the moving average of weights that is validated and saved; 0
            saves the weights themselves.
        max_nonfinite: steps with a NaN or infinite loss or gradient that are skipped and named before
            training stops.
        max_unreadable: utterances of an epoch whose audio cannot be read that are left out and named before
            training stops.
        checkpoint_minutes: time between two saved states within an epoch; 0 saves after epochs only. A
            state is also saved on SIGTERM and SIGUSR1.
        checkpoint_steps: steps of an epoch between two saved states; 0 goes by time alone.
        keep_checkpoints: saved states that are kept.
        weight_noise: deviation of the Gaussian noise that is added to every weight while a batch's gradient
            is computed, drawn anew for each batch (Graves 2011); 0 adds none.
        start_from: what training begins with: a checkpoint, the folder of a run (its best model), "hf:owner/name" of the Hugging Face
            Hub, or "english", the model that ships with the package. Whatever fits is taken: of heads with other units, those they share; what
            the model lacks begins anew. null begins with random weights.
        freeze: parts of the network that keep their weights, by their names in the model ("encoder",
            "encoder.layers.0", "head") or "taken" for all that `start_from` gave.
        freeze_epochs: epochs, or a part of one, for which they do; null for all.
        accumulate: batches whose gradients add up to one step: as if they had been one batch, in the memory of one.
        best_by: the dev measure that makes a model the best so far: "wer" of greedy letters, "loss" of letters, "per", the
            error rate of the best phone of each frame (with CTC-CRF given the unit model), "decoded_wer" of `dev_decoding`.
        patience: epochs without a better model after which training ends; 0 goes through all epochs.
        dev_normaliser: how dev transcripts are spelled alike before errors are counted; one of
            `asr score --normaliser`.
        device: "auto" for the NVIDIA GPUs of the machine where there are any, else the CPU; "cpu"; "cuda"; "mps", Apple's GPU, with
            CTC on the CPU.
        trackers: where the rows of metrics.csv go as well: "tensorboard" (in the run folder), "wandb" (Weights & Biases), "mlflow". The
            latter two need their packages, get the configuration, too, and are told by their own environment variables
            (WANDB_PROJECT, MLFLOW_TRACKING_URI, ...) where to write.
        cpu_processes: processes that share the work on a machine without a GPU; each takes batches of
            `data.seconds_per_batch` and its share of the cores. Small networks leave cores idle in one
            process. With GPUs there is one process each.
    """

    epochs: int = 60
    seed: int = 1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    consistency: float = 0.0
    consistency_from: float = 0.0
    ema_decay: float = 0.99
    max_nonfinite: int = 10
    max_unreadable: int = 10
    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    keep_checkpoints: int = 2
    weight_noise: float = 0.0
    start_from: str | None = None
    freeze: tuple[str, ...] = ()
    freeze_epochs: float | None = None
    accumulate: int = 1
    best_by: BestBy = "wer"
    patience: int = 0
    dev_normaliser: str = "none"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    trackers: tuple[Tracker, ...] = ("tensorboard",)
    cpu_processes: int = 1


@dataclass(frozen=True)
class DevDecodingConfig:
    """A dev WER as users will see it, after each epoch: through language model, lexicon and pronunciations.

    Greedy letters may stand still while this falls by a fifth, above all with CTC-CRF. It takes time, which the log shows.

    Attributes:
        utterances: of the dev set that are decoded, spread evenly over it; 0 for none.
        options: how they are decoded.
    """

    utterances: int = 0
    options: DecodingOptions = field(default_factory=lambda: DecodingOptions("beam"))


@dataclass(frozen=True)
class ExperimentConfig:
    """One experiment: data, model and training.

    Attributes:
        data: manifests and batches.
        tokenizer: how transcripts become tokens.
        features: from waveform to features.
        spec_augment: what training hides of the features.
        model: shape of the network.
        objective: what the network is trained to do: CTC, or more.
        heads: what reads the encoder's output, and the loss of each.
        optimizer: how weights move.
        training: how long, how precisely, from which seed.
        dev_decoding: a dev WER through the whole of decoding.
    """

    data: DataConfig
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    spec_augment: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    model: EncoderConfig = field(default_factory=EncoderConfig)
    heads: HeadsConfig = field(default_factory=HeadsConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    dev_decoding: DevDecodingConfig = field(default_factory=DevDecodingConfig)

    @property
    def acoustic_model(self) -> AcousticModelConfig:
        """The part that the checkpoint carries."""
        return AcousticModelConfig(self.features, self.spec_augment, self.model, self.objective)


# Groups that have gone, and what stands in for them.
_RENAMED = {
    "auxiliary": "heads.phones (weight, layer, pronunciations) with a pronunciation dictionary, heads.intermediate (weight, layer) "
    "for letters of a lower layer"
}


def load_experiment(path: str | Path, options: Sequence[str] = ()) -> ExperimentConfig:
    """Read an experiment from YAML, with `--group.field value` options on top.

    Raises:
        ConfigError: no such file, not YAML, an unknown key or option (the nearest one is named), a wrong
            type or a missing value; the message begins with the file.
    """
    values = read_yaml(path)
    given = [*values, *(option.removeprefix("--").partition(".")[0] for option in options)]
    try:
        for group in _RENAMED.keys() & given:
            raise ConfigError(f"{group!r} is no longer a key; it is now {_RENAMED[group]}")
        return parse_options(ExperimentConfig, values, options)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def save_experiment(path: str | Path, config: ExperimentConfig) -> None:
    """Write every field of an experiment, defaults included, as YAML that `load_experiment` reads."""
    import yaml

    with write_atomically(path) as file:
        yaml.safe_dump(_plain(dataclasses.asdict(config)), file, sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    """YAML has no tuples: lists instead."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
