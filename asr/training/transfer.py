"""Weights of an earlier model for a new one: what fits is taken, what does not begins anew."""

import dataclasses
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from asr.data.tokenizer import BLANK_SYMBOL, Tokenizer
from asr.errors import CheckpointError, ConfigError, TrainingError
from asr.files import write_atomically
from asr.model.acoustic import AcousticModel
from asr.model.checkpoint import Checkpoint, load_checkpoint
from asr.model.pretrained import find_model

log = logging.getLogger(__name__)


class Transfer(NamedTuple):
    """Which weights of a model an earlier one gave, and which began anew, by their names in the model."""

    taken: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    def save(self, run_dir: Path) -> None:
        """Keep it in the run folder."""
        with write_atomically(_record(run_dir)) as file:
            json.dump(self._asdict(), file, indent=2)

    @classmethod
    def of_run(cls, run_dir: Path) -> "Transfer":
        """That of a run that goes on; nothing where it began with random weights.

        Raises:
            CheckpointError: the record is broken.
        """
        path = _record(run_dir)
        if not path.exists():
            return cls()
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return cls(tuple(record["taken"]), tuple(record["new"]))
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path}: broken ({error}); expected what the run took over; start a new run"
            ) from None


def _record(run_dir: Path) -> Path:
    return run_dir / "transfer.json"


def take_weights(model: AcousticModel, tokenizer: Tokenizer, source: str) -> Transfer:
    """Begin with the weights of an earlier model, as far as they fit, and say what was taken and what was not.

    Of a head, the units that both have are taken; a transducer or attention decoder is taken when the alphabets are the
    same. Parts that the earlier model lacks begin anew, parts that this one lacks are left out.

    Args:
        model: what is to be trained.
        tokenizer: its letters.
        source: as of `find_model`.

    Raises:
        CheckpointError: the earlier model cannot be found or read.
        TrainingError: its features, or the shape of a part that both have, are others.
    """
    path = find_model(source)
    checkpoint = load_checkpoint(path)
    _check_features(model, checkpoint, source)
    theirs_all, own = checkpoint.model.state_dict(), model.state_dict()
    same_letters = checkpoint.tokenizer.vocabulary == tokenizer.vocabulary
    given = {
        name: weights
        for name, weights in theirs_all.items()
        if same_letters or not name.startswith("objective.")
    }
    units = {
        "head.": (checkpoint.tokenizer.vocabulary, tokenizer.vocabulary),
        "phone_head.": tuple(
            [BLANK_SYMBOL, *config.phones] for config in (checkpoint.model.config, model.config)
        ),
    }
    taken: list[str] = []
    new: list[str] = []
    misfits: list[str] = []
    for name, weights in own.items():
        theirs = given.get(name)
        symbols = next((pair for prefix, pair in units.items() if name.startswith(prefix)), None)
        if theirs is None:
            new.append(name)
        elif symbols is not None and theirs.shape[1:] == weights.shape[1:]:
            (taken if _take_rows(weights, theirs, *symbols) else new).append(name)
        elif theirs.shape != weights.shape:
            misfits.append(f"{name} {tuple(theirs.shape)} there, {tuple(weights.shape)} here")
        else:
            weights.copy_(theirs)
            taken.append(name)
    if misfits:
        raise TrainingError(
            f"{source}: a model of another shape: {'; '.join(misfits[:3])}"
            f"{f'; and {len(misfits) - 3} more' if len(misfits) > 3 else ''}; {_advice(model, checkpoint)}"
        )
    model.load_state_dict(own)
    log.info("%s (%s): taken: %s", source, path, parts_of(taken))
    for prefix, (theirs_units, our_units) in units.items():
        shared = set(theirs_units) & set(our_units)
        if any(name.startswith(prefix) for name in given) and any(name.startswith(prefix) for name in own):
            log.info(
                "%s: %s%d of its %d units are known%s", source, prefix, len(shared), len(our_units),
                "" if len(shared) == len(our_units) else f", new: {' '.join(sorted(set(our_units) - shared))}",
            )  # fmt: skip
    log.info("%s: begins anew: %s", source, parts_of(new))
    left = [name for name in theirs_all if name not in own or name not in given]
    if left:
        log.info("%s: not needed here: %s", source, parts_of(left))
    return Transfer(tuple(taken), tuple(new))


def _take_rows(weights: Tensor, theirs: Tensor, their_units: Sequence[str], units: Sequence[str]) -> bool:
    """Copy the rows of units that both have; whether these are all rows."""
    places = {unit: number for number, unit in enumerate(their_units)}
    known = [(number, places[unit]) for number, unit in enumerate(units) if unit in places]
    ours, others = (list(numbers) for numbers in zip(*known, strict=True))
    weights[ours] = theirs[others]
    return len(known) == len(units)


def _check_features(model: AcousticModel, checkpoint: Checkpoint, source: str) -> None:
    """Raise TrainingError where the earlier model hears other features: its weights would mean nothing."""
    theirs, ours = checkpoint.model.config.features, model.config.features
    others = [
        f"features.{field.name} {getattr(theirs, field.name)} there, {getattr(ours, field.name)} here"
        for field in dataclasses.fields(ours)
        if getattr(theirs, field.name) != getattr(ours, field.name)
    ]
    if others:
        raise TrainingError(f"{source}: a model of other features: {'; '.join(others)}; give both the same")


def _advice(model: AcousticModel, checkpoint: Checkpoint) -> str:
    """What to write into the configuration so that the shapes are the same."""
    theirs, ours = checkpoint.model.config.encoder, model.config.encoder
    fields = [
        f"model.{field.name} {getattr(theirs, field.name)}"
        for field in dataclasses.fields(ours)
        if getattr(theirs, field.name) != getattr(ours, field.name) and "dropout" not in field.name
    ]
    return (
        f"its configuration has {', '.join(fields)}" if fields else "give both the same model and objective"
    )


def weights_of_parts(parts: Sequence[str], names: Sequence[str], *, taken: set[str]) -> set[str]:
    """The weights that parts of a model stand for.

    Args:
        parts: beginnings of names, up to a dot or the end, or "taken".
        names: of all weights of the model.
        taken: those that an earlier model gave.

    Raises:
        ConfigError: a part stands for none.
    """
    found: set[str] = set()
    for part in parts:
        if part == "taken":
            its, what = taken, "nothing was taken"
        else:
            its = {name for name in names if f"{name}.".startswith(f"{part}.")}
            what = f"no such part; expected taken, or of {parts_of(names)}"
        if not its:
            raise ConfigError(f"training.freeze {part!r}: {what}")
        found |= its
    return found


def parts_of(names: Iterable[str]) -> str:
    """The parts of a model that weights belong to, each once: `encoder.layers.0, head`."""
    parts = dict.fromkeys(
        ".".join(name.split(".")[:3] if "layers" in name else name.split(".")[:2]) for name in names
    )
    short = dict.fromkeys(part.removesuffix(".weight").removesuffix(".bias") for part in parts)
    return ", ".join(short) or "nothing"
