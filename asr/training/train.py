"""One training, from an experiment's configuration to a run folder.

RUN/
  config.yaml         every setting, defaults included
  run.json            versions, machine, seed, command
  transfer.json       which weights an earlier model gave, where training began with one
  metrics.csv         one row an epoch
  curves.png          the same as a picture
  tensorboard/        the same for TensorBoard, where training.trackers names it
  train.log           what was printed
  checkpoints/        best.pt, last.pt (models), state-EPOCHS-BATCHES.ckpt (for --resume)
"""

import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import DDPStrategy

from asr.allocator import keep_freed_memory
from asr.companions import Companion
from asr.config import ExperimentConfig, load_experiment, save_experiment
from asr.data.batching import SpeechDataset
from asr.data.manifest import read_manifest
from asr.data.tokenizer import build_tokenizer
from asr.decoding.options import read_options, write_options
from asr.errors import CheckpointError, TrainingError, UsageError
from asr.model.checkpoint import load_checkpoint
from asr.model.device import choose_device
from asr.model.precision import resolve_precision
from asr.model.pretrained import find_model
from asr.training.checkpoints import BEST, LAST, ModelFiles
from asr.training.data import check_training_data, open_training_data
from asr.training.dev_decoding import DevDecoder
from asr.training.epoch_log import EpochLog, best_row, read_metrics
from asr.training.heads import read_head_data
from asr.training.loading import ProgressBar, dev_loader, stop_workers, train_loader
from asr.training.module import SpeechModule
from asr.training.processes import find_launch, is_first_process
from asr.training.run_record import write_run_record
from asr.training.signals import StopSignals
from asr.training.starting_point import begin
from asr.training.state import (
    StateIO,
    TrainingState,
    TrainingStopped,
    newest_state,
    requeue_job,
    sampler_position,
)
from asr.training.trackers import check_trackers, open_trackers
from asr.training.transfer import Transfer

log = logging.getLogger(__name__)

# Settings that a resumed run may change: none of them changes what is learnt from which data.
_MAY_CHANGE = (
    "data.workers",
    "training.device",
    "training.trackers",
    "training.cpu_processes",
    "training.checkpoint_minutes",
    "training.checkpoint_steps",
    "training.keep_checkpoints",
    "training.max_nonfinite",
    "training.max_unreadable",
)


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
    return _run(config, run_dir, found=None, progress=progress, on_start=on_start)


def resume(run_dir: Path, options: Sequence[str] = (), *, progress: bool = False) -> Path:
    """Go on at the very next batch after the newest saved state, with the configuration of the run.

    Args:
        run_dir: the folder of the run.
        options: `--group.field value` for settings that do not change what is learnt, such as how many
            processes share the work.
        progress: show a progress bar on stderr.

    Returns and raises as `train`.
    """
    if not (run_dir / "config.yaml").exists():
        raise CheckpointError(f"{run_dir}: no config.yaml in it; expected the folder of a run")
    for option in options:
        name = option.removeprefix("--").partition("=")[0]
        if option.startswith("--") and name not in _MAY_CHANGE:
            raise UsageError(f"--{name} cannot change in a resumed run; what can: {', '.join(_MAY_CHANGE)}")
    config = load_experiment(run_dir / "config.yaml", options)
    found = newest_state(run_dir / "checkpoints")
    if found is None:
        raise CheckpointError(
            f"{run_dir / 'checkpoints'}: no training state; the run ended before it saved one: start anew"
        )
    return _run(config, run_dir, found=found, progress=progress)


def train_or_resume(
    config: ExperimentConfig,
    run_dir: Path,
    *,
    progress: bool = False,
    on_start: Callable[[], object] | None = None,
) -> Path:
    """Go on with the run in a folder when it has saved a state, begin it otherwise: what a job does that a
    scheduler may run several times. Arguments, return and errors as of `train`.

    Raises:
        UsageError: the folder holds a run of another configuration.
    """
    if not list((run_dir / "checkpoints").glob("state-*")):  # a broken one, too, is of a run that has begun
        return _run(config, run_dir, found=None, progress=progress, on_start=on_start)
    if load_experiment(run_dir / "config.yaml") != config:
        raise UsageError(
            f"{run_dir}: holds a run of another configuration (config.yaml in it); choose another folder"
        )
    if on_start is not None and is_first_process():
        on_start()
    return resume(run_dir, progress=progress)


def _run(
    config: ExperimentConfig,
    run_dir: Path,
    *,
    found: tuple[Path, dict[str, Any]] | None,
    progress: bool,
    on_start: Callable[[], object] | None = None,
) -> Path:
    began = time.monotonic()
    keep_freed_memory()
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    if not is_first_process():
        logging.getLogger("asr").setLevel(logging.WARNING)
    check_trackers(config.training.trackers)
    data, dev = open_training_data(config), read_manifest(config.data.dev)
    tokenizer = build_tokenizer(config.tokenizer, data.transcripts())
    lightning.seed_everything(config.training.seed, workers=True, verbose=False)
    head_data = read_head_data(
        config, tokenizer, data.transcripts, dev=dev, run_dir=run_dir if found is not None else None
    )
    module = SpeechModule(config, tokenizer, head_data=head_data)
    check_training_data(data, dev, tokenizer, module.heads, encoder_frames=module.model.emission_lengths)
    transfer = begin(module, data) if found is None else Transfer.of_run(run_dir)
    module.start_with(transfer)
    if config.dev_decoding.utterances != 0:
        log.info("reading what dev utterances are decoded with: %s", config.dev_decoding.options)
        module.dev_decoder = DevDecoder(
            config.dev_decoding, dev, module.best_weights, tokenizer, normaliser=module.normaliser
        )
    device = choose_device(config.training.device)
    precision = resolve_precision(config.training.precision, device)
    own_choice = {"cpu": config.training.cpu_processes, "cuda": torch.cuda.device_count()}
    launch = find_launch(own_choice.get(device.type, 1))
    if is_first_process():
        run_dir.mkdir(parents=True, exist_ok=True)
        if on_start is not None:
            on_start()
        save_experiment(run_dir / "config.yaml", config)
        if found is None:
            head_data.save(run_dir)
            if config.training.start_from is not None:
                transfer.save(run_dir)
                _decode_alike(config.training.start_from, module, run_dir)
        write_run_record(
            run_dir / "run.json",
            seed=config.training.seed,
            precision=precision,
            parameters=sum(parameter.numel() for parameter in module.model.parameters()),
            resumed=found is not None,
        )
    epoch_log = EpochLog(run_dir, epochs=config.training.epochs)
    models = ModelFiles(run_dir, epoch_log, title=run_dir.name)
    path, loaded = found or (None, None)
    io = StateIO(loaded)
    trainer = lightning.Trainer(
        default_root_dir=run_dir,
        max_epochs=config.training.epochs,
        accelerator=device.type,
        devices=launch.processes,
        num_nodes=launch.machines,
        # The only buffers are constants: nothing to send round before each step.
        strategy=DDPStrategy(broadcast_buffers=False) if launch.processes * launch.machines > 1 else "auto",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
        callbacks=[epoch_log, models],
        plugins=[io],
        logger=open_trackers(config, run_dir),
        enable_checkpointing=False,
        accumulate_grad_batches=config.training.accumulate,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    sampler = data.sampler(rank=trainer.global_rank, world_size=trainer.world_size)
    if path is not None and loaded is not None:
        sampler.load_state_dict(sampler_position(loaded))
        log.info("going on from %s, %.0f%% of epoch %d done", path, 100 * sampler.share(0), sampler.epoch + 1)
    log.info(
        "%s: %d utterances, %.2f h; dev %.2f h; %s parameters, %d tokens; %s, seed %d, %d processes",
        run_dir,
        len(data.durations),
        data.durations.sum() / 3600,
        sum(utterance.duration for utterance in dev) / 3600,
        f"{sum(p.numel() for p in module.model.parameters()):,}",
        len(tokenizer),
        precision,
        config.training.seed,
        trainer.world_size,
    )
    loaders = (
        train_loader(config, data.dataset(tokenizer), sampler, trainer=trainer),
        dev_loader(
            config, SpeechDataset(dev, tokenizer, sample_rate=config.features.sample_rate), trainer=trainer
        ),
    )
    with StopSignals() as signals:
        settings = config.training
        callbacks: list[lightning.Callback] = trainer.callbacks  # type: ignore[attr-defined]
        callbacks.append(
            TrainingState(
                run_dir / "checkpoints",
                sampler,
                signals,
                io,
                minutes=settings.checkpoint_minutes,
                steps=settings.checkpoint_steps,
                keep=settings.keep_checkpoints,
                loaded=loaded,
            )
        )
        if progress:
            callbacks.append(ProgressBar(sampler))
        _fit(trainer, module, loaders, path, run_dir)
    if trainer.is_global_zero:
        models.finish()
        if io.failure is not None:
            raise TrainingError(f"training is over, but its state could not be saved: {io.failure}")
    # A run that was over already has trained nothing.
    rows = epoch_log.rows or read_metrics(run_dir / "metrics.csv")
    best = best_row(rows, config.training.best_by)
    minutes = (time.monotonic() - began) / 60
    log.info("best epoch %d: dev WER %.2f %%; %.1f minutes", best.epoch, 100 * best.dev_wer, minutes)
    return run_dir / "checkpoints" / BEST


def _decode_alike(source: str, module: SpeechModule, run_dir: Path) -> None:
    """Give a model what an earlier one of the same letters was tuned to, if that knows all of its phones and both have some, or neither."""
    model = find_model(source)
    tuned = Companion.DECODING.find(model)
    if tuned is None:
        return
    earlier = load_checkpoint(model)
    theirs, ours = earlier.model.config.phones, module.model.config.phones
    is_alike = earlier.tokenizer.vocabulary == module.tokenizer.vocabulary and bool(theirs) == bool(ours)
    if not is_alike or not set(ours) <= set(theirs):
        return
    options = read_options(tuned)
    for name in (BEST, LAST):
        write_options(Companion.DECODING.path(run_dir / "checkpoints" / name), options)
    log.info("%s: decoded as it was tuned, until `asr lm tune` finds something better: %s", source, tuned)


def _fit(
    trainer: lightning.Trainer,
    module: SpeechModule,
    loaders: tuple[Any, Any],
    state: Path | None,
    run_dir: Path,
) -> None:
    """Train under Lightning, and turn the ways in which that ends early into errors that say how to go on."""
    # Its handlers hang when several processes share a training; `StopSignals` stands in for them.
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    trainer._signal_connector.teardown = lambda: None  # type: ignore[method-assign]
    with warnings.catch_warnings():
        # What Lightning would advise is decided here on purpose, or logged in our own words.
        for advice in (
            "does not have many workers",
            "exists and is not empty",
            "LeafSpec",
            "broadcast_buffers",
        ):
            warnings.filterwarnings("ignore", message=f".*{advice}.*")
        again = f"`asr train --resume {run_dir}` goes on"
        try:
            trainer.fit(module, *loaders, ckpt_path=state, weights_only=True)
        except TrainingStopped as stopped:
            if not is_first_process():
                sys.exit(0)  # the first process says it for all of them
            if stopped.requeue:
                requeue_job()
            raise TrainingError(f"stopped by a signal; {again} at the next batch") from None
        except SystemExit:  # how Lightning leaves after Ctrl-C
            raise TrainingError(f"stopped by a signal; {again} after the last saved state") from None
        except RuntimeError as error:
            if trainer.world_size > 1 and _is_lost_peer(error):
                reason = str(error).splitlines()[0]
                raise TrainingError(
                    f"process {trainer.global_rank} has lost another one of this training ({reason}); see what that one "
                    f"said; {again} after the last saved state"
                ) from None
            raise
        finally:
            for loader in loaders:
                stop_workers(loader)


def _is_lost_peer(error: RuntimeError) -> bool:
    """Whether it is what gloo or NCCL say when the process at the other end has gone."""
    if isinstance(error, torch.distributed.DistError):
        return True
    text = str(error)
    return any(sign in text for sign in ("gloo", "Connection closed by peer", "Connection reset", "NCCL"))
