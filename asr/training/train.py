"""One training, from an experiment's configuration to a run folder.

RUN/
  config.yaml         every setting, defaults included
  run.json            versions, machine, seed, command
  metrics.csv         one row an epoch
  curves.png          the same as a picture
  tensorboard/        the same for TensorBoard
  train.log           what was printed
  checkpoints/        best.pt, last.pt (models), training_state.ckpt (for --resume)
"""

import json
import logging
import platform
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from asr.allocator import keep_freed_memory
from asr.config import ExperimentConfig, load_experiment, save_experiment
from asr.data.augmentation import WaveformAugmentation
from asr.data.batching import BucketBatchSampler, SpeechDataset, collate
from asr.data.manifest import Utterance, read_manifest
from asr.data.tokenizer import Tokenizer, build_tokenizer
from asr.data.validation import check_fit, check_transcripts
from asr.errors import CheckpointError, ConfigError, TrainingError
from asr.files import write_atomically
from asr.model.precision import resolve_precision
from asr.training.checkpoints import BEST, STATE, AtomicCheckpointIO, ModelFiles
from asr.training.epoch_log import EpochLog, best_row
from asr.training.module import SpeechModule
from asr.training.processes import is_first_process
from asr.training.starting_point import copy_weights, measure_features

log = logging.getLogger(__name__)

_PACKAGES = ("asr", "torch", "torchaudio", "lightning", "numpy", "soundfile", "soxr", "jiwer")


def train(
    config: ExperimentConfig,
    run_dir: Path,
    *,
    progress: bool = False,
    on_start: Callable[[], object] | None = None,
) -> Path:
    """Train from the beginning.

    Args:
        config: the experiment.
        run_dir: a new or empty folder.
        progress: show a progress bar on stderr.
        on_start: called once the run folder may be written to, after the data were checked.

    Returns:
        The best checkpoint.

    Raises:
        TrainingError: the folder holds a run already, the data cannot be trained on, or numbers broke.
        AsrError: from reading manifests and audio, or writing files.
    """
    if is_first_process() and run_dir.exists() and any(run_dir.iterdir()):
        raise TrainingError(f"{run_dir}: the folder is not empty; choose another, or `--resume {run_dir}`")
    return _run(config, run_dir, resume=None, progress=progress, on_start=on_start)


def resume(run_dir: Path, *, progress: bool = False) -> Path:
    """Go on where a run stopped, with the configuration it was started with. Returns and raises as `train`."""
    if not (run_dir / "config.yaml").exists():
        raise CheckpointError(f"{run_dir}: no config.yaml in it; expected the folder of a run")
    config = load_experiment(run_dir / "config.yaml")
    state = run_dir / "checkpoints" / STATE
    if not state.exists():
        raise CheckpointError(
            f"{state}: no training state; the run ended before its first epoch did: start anew"
        )
    return _run(config, run_dir, resume=state, progress=progress)


def _run(
    config: ExperimentConfig,
    run_dir: Path,
    *,
    resume: Path | None,
    progress: bool,
    on_start: Callable[[], object] | None = None,
) -> Path:
    started = datetime.now().astimezone()
    keep_freed_memory()
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    if not is_first_process():
        logging.getLogger("asr").setLevel(logging.WARNING)
    train_utterances, dev_utterances = read_manifest(config.data.train), read_manifest(config.data.dev)
    tokenizer = build_tokenizer(config.tokenizer, (utterance.text or "" for utterance in train_utterances))
    lightning.seed_everything(config.training.seed, workers=True, verbose=False)
    module = SpeechModule(
        config, tokenizer, transcripts=[utterance.text or "" for utterance in train_utterances]
    )
    _check(config, module, tokenizer, {config.data.train: train_utterances, config.data.dev: dev_utterances})
    if resume is None:
        _begin(config, module, train_utterances)

    epochs = config.training.epochs
    epoch_log = EpochLog(run_dir, epochs=epochs)
    checkpoints = run_dir / "checkpoints"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(config.training.precision, device)
    if is_first_process():
        run_dir.mkdir(parents=True, exist_ok=True)
        if on_start is not None:
            on_start()
        save_experiment(run_dir / "config.yaml", config)
        _write_run_record(
            run_dir / "run.json",
            config,
            module,
            started=started,
            resumed=resume is not None,
            precision=precision,
        )
    processes = config.training.cpu_processes if device.type == "cpu" else torch.cuda.device_count()
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator=device.type,
        devices=processes,
        # The only buffers are constants: nothing to send round before each step.
        strategy=DDPStrategy(broadcast_buffers=False) if processes > 1 else "auto",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
        callbacks=[
            epoch_log,
            ModelFiles(run_dir, epoch_log, title=run_dir.name),
            ModelCheckpoint(
                checkpoints,
                filename=STATE.removesuffix(".ckpt"),
                save_on_train_epoch_end=True,
                enable_version_counter=False,
            ),
            *([TQDMProgressBar(leave=False)] if progress else []),
        ],
        plugins=[AtomicCheckpointIO()],
        logger=TensorBoardLogger(run_dir, name="tensorboard", version="", default_hp_metric=False),
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    log.info(
        "%s: %d utterances, %.2f h; dev %.2f h; %s parameters, %d tokens; %s, seed %d, %d processes",
        run_dir,
        len(train_utterances),
        _hours(train_utterances),
        _hours(dev_utterances),
        f"{sum(p.numel() for p in module.model.parameters()):,}",
        len(tokenizer),
        precision,
        config.training.seed,
        processes,
    )
    with warnings.catch_warnings():
        # What Lightning would advise is decided here on purpose, or logged in our own words.
        for advice in (
            "does not have many workers",
            "exists and is not empty",
            "LeafSpec",
            "broadcast_buffers",
        ):
            warnings.filterwarnings("ignore", message=f".*{advice}.*")
        try:
            trainer.fit(
                module,
                train_loader(config, module, train_utterances, trainer=trainer),
                dev_loader(config, module, dev_utterances, trainer=trainer),
                ckpt_path=resume,
                weights_only=True,
            )
        except SystemExit:  # how Lightning leaves after Ctrl-C and SIGTERM
            raise TrainingError(
                f"stopped by a signal; `asr train --resume {run_dir}` goes on after the last whole epoch"
            ) from None
    best = best_row(epoch_log.rows, config.training.best_by)
    minutes = (datetime.now().astimezone() - started).total_seconds() / 60
    log.info("best epoch %d: dev WER %.2f %%; %.1f minutes", best.epoch, 100 * best.dev_wer, minutes)
    return checkpoints / BEST


def _begin(config: ExperimentConfig, module: SpeechModule, utterances: list[Utterance]) -> None:
    """What training begins with beside random weights; a resumed run has it in its state."""
    if config.training.start_from is not None:
        copy_weights(module.model, module.tokenizer, config.training.start_from)
    elif config.features.normalisation == "global":
        measure_features(module.model.features, utterances, seed=config.training.seed)
    if module.averaged is not None:
        module.averaged.module.load_state_dict(module.model.state_dict())


def train_loader(
    config: ExperimentConfig, module: SpeechModule, utterances: list[Utterance], *, trainer: lightning.Trainer
) -> "DataLoader[Any]":
    """Shuffled, augmented batches within the budget of padded seconds."""
    dataset = SpeechDataset(
        utterances,
        module.tokenizer,
        sample_rate=config.features.sample_rate,
        augmentation=WaveformAugmentation(config.data.augmentation),
        seed=config.training.seed,
    )
    return _loader(config, dataset, trainer=trainer, shuffle=True)


def dev_loader(
    config: ExperimentConfig, module: SpeechModule, utterances: list[Utterance], *, trainer: lightning.Trainer
) -> "DataLoader[Any]":
    """Batches of untouched utterances, longest first, each utterance once."""
    dataset = SpeechDataset(utterances, module.tokenizer, sample_rate=config.features.sample_rate)
    return _loader(config, dataset, trainer=trainer, shuffle=False)


def _loader(
    config: ExperimentConfig, dataset: SpeechDataset, *, trainer: lightning.Trainer, shuffle: bool
) -> "DataLoader[Any]":
    sampler = BucketBatchSampler(
        [utterance.duration for utterance in dataset.utterances],
        seconds_per_batch=config.data.seconds_per_batch,
        utterances_per_batch=config.data.utterances_per_batch,
        seed=config.training.seed,
        shuffle=shuffle,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
    )
    workers = config.data.workers
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        pin_memory=trainer.strategy.root_device.type == "cuda",
    )


def _check(
    config: ExperimentConfig,
    module: SpeechModule,
    tokenizer: Tokenizer,
    manifests: dict[str, list[Utterance]],
) -> None:
    """Stop before training for what would make it fail or lose data later."""
    for manifest, utterances in manifests.items():
        speeds = config.data.augmentation.speeds if manifest == config.data.train else (1.0,)
        if not speeds or min(speeds) <= 0:
            raise ConfigError(f"data.augmentation.speeds {list(speeds)}; expected speeds above 0")
        findings = [
            *check_transcripts(utterances, tokenizer),
            *check_fit(
                utterances,
                tokenizer,
                sample_rate=config.features.sample_rate,
                encoder_frames=module.model.emission_lengths,
                fastest=max(speeds),
            ),
        ]
        if findings:
            named = "; ".join(str(finding) for finding in findings[:5])
            more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
            raise TrainingError(f"{manifest}: {named}{more}; `asr validate` lists them all")


def _write_run_record(
    path: Path,
    config: ExperimentConfig,
    module: SpeechModule,
    *,
    started: datetime,
    resumed: bool,
    precision: str,
) -> None:
    """What config.yaml cannot say: versions, machine, command. A resume adds a record."""
    record = {
        "started": started.isoformat(timespec="seconds"),
        "resumed": resumed,
        "command": sys.argv,
        "seed": config.training.seed,
        "precision": precision,
        "parameters": sum(parameter.numel() for parameter in module.model.parameters()),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "threads": torch.get_num_threads(),
            "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        },
    }
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    with write_atomically(path) as file:
        json.dump([*earlier, record], file, indent=2)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _hours(utterances: list[Utterance]) -> float:
    return sum(utterance.duration for utterance in utterances) / 3600
