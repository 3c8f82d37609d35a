"""How log-probabilities become text: one record for Python, for the command line and for the file beside a model.

`asr lm tune` writes `best.decoding.json` beside `best.pt`; `asr.load` and every verb that takes a model read it.
"""

import dataclasses
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from asr.cache import content_digest, settings_digest
from asr.companions import Companion
from asr.decoding.confidence import Calibration
from asr.decoding.phrase_list import OTHER_SPEECH, read_phrases
from asr.errors import DecodingError
from asr.files import read_text, write_atomically
from asr.options import option, option_fields
from asr.plain_values import can_name_a_file, finite_number, parse_json

VERSION = 2
_WIDEST = 100_000
_UNBOUNDED = ("token_threshold", "score_threshold")  # an infinite one leaves nothing out
LEXICON_OF_LM = "lm"  # in place of a file: the words of the language model


def _file(text: str) -> Any:
    return option(None, text, metavar="FILE")


@dataclass(frozen=True)
class DecodingOptions:
    """What decides how log-probabilities become text. The `help` of each field says what it is.

    Scores, weights and thresholds are natural logarithms. A field with a `help` is an option of the command line,
    part of the JSON file, of the fingerprint and of the text that reports show; nothing else names it.

    Attributes:
        method: "greedy" takes the best path; "beam" sums over paths and uses all that follows.
        hot_words: words and phrases to favour, each with its weight.
        look_ahead: rank open words by the best known word that begins so.
        calibration: raw word confidence -> probability that the word is right.
        greedy_calibration: the same for what greedy decoding finds (see `as_greedy`).
    """

    method: Literal["greedy", "beam"] = "greedy"
    beam_width: int = option(50, "hypotheses kept by the beam search")
    token_threshold: float = option(-12.0, "tokens less probable than this extend no hypothesis")
    score_threshold: float = option(20.0, "hypotheses that score this much less than the best are dropped")
    certainty_threshold: float = option(
        0.0,
        "an utterance has no words where the mean probability of each frame's likeliest phone (or letter) is less, as of people who talk far away; 0 "
        "is for never",
    )
    lm: str | None = _file("language model: ARPA, or .lm of `asr lm convert`")
    lm_weight: float = option(0.5, "factor of the language model's log-probability")
    word_bonus: float = option(0.0, "added for each word")
    unknown_penalty: float = option(
        -10.0, "added for each word outside the language model, hot words excepted"
    )
    lexicon: str | None = _file("the only words allowed, one a line; `lm` for the language model's")
    hot_words: Mapping[str, float] = field(default_factory=dict)
    look_ahead: bool = True
    calibration: Calibration = field(default_factory=Calibration)
    blank_penalty: float = option(
        0.0,
        "subtracted from the blank's log-probability in every frame; 1 to 2 where too many words are lost",
    )
    pronunciations: str | None = _file(
        "words and their phones, as in CMUdict, to search through; for a model with a head for phones"
    )
    letter_weight: float = option(
        0.0, "weight of the character CTC score in N-best rescoring, with --pronunciations"
    )
    recurrent_lm: str | None = _file(
        "recurrent language model of `asr lm train-recurrent`, for N-best rescoring; needs --lm"
    )
    recurrent_share: float = option(
        0.5, "interpolation weight of the recurrent language model beside the n-gram, 0 to 1"
    )
    rescoring_n_best: int = option(100, "hypotheses of the search that N-best rescoring chooses among")
    phrases: tuple[str, ...] = option(
        (),
        "all that may be said: phrases, a line each of a file or parted by commas; other speech gives no words; the language model and "
        "the lexicon have no say",
        metavar="FILE|LIST",
        parse=read_phrases,
    )
    other_speech: float = option(
        OTHER_SPEECH,
        "with --phrases, added for each phone (or letter) that is heard in none of them; nearer 0, more is taken for other speech",
    )
    greedy_calibration: Calibration = field(default_factory=Calibration)

    def __post_init__(self) -> None:
        if self.method not in ("greedy", "beam"):
            raise DecodingError(f"decoding method {self.method!r}; expected greedy or beam")
        for one in fields(self):
            value = getattr(self, one.name)
            without_end = one.name in _UNBOUNDED and not math.isnan(value)
            if isinstance(value, float) and not (math.isfinite(value) or without_end):
                raise DecodingError(f"{one.name.replace('_', ' ')} {value}; expected a finite number")
        for name in file_fields():
            file = getattr(self, name)
            if file is not None and not can_name_a_file(file):
                raise DecodingError(f"{name.replace('_', ' ')} {file!r}; expected the path of a file")
        if not 1 <= self.beam_width <= _WIDEST:
            raise DecodingError(f"beam width {self.beam_width}; expected 1 to {_WIDEST:,}")
        if self.phrases and self.hot_words:
            raise DecodingError(
                f"hot words ({', '.join(self.hot_words)}) beside phrases, which alone may be said; give the one or the other"
            )
        if not 0 <= self.certainty_threshold < 1:
            raise DecodingError(
                f"certainty threshold {self.certainty_threshold}; expected a probability, from 0 and below 1"
            )
        if not self.other_speech <= 0:
            raise DecodingError(f"other speech {self.other_speech}; expected a natural log, 0 or below")

    @property
    def uses_external_knowledge(self) -> bool:
        """Whether there is anything beside the emission: a file, hot words, or phrases."""
        return bool(self.hot_words or self.phrases or any(getattr(self, name) for name in file_fields()))

    def as_greedy(self) -> "DecodingOptions":
        """Greedy decoding, its confidence calibrated as these options have it."""
        calibration, threshold = self.greedy_calibration, self.certainty_threshold
        return DecodingOptions(
            "greedy",
            certainty_threshold=threshold,
            calibration=calibration,
            greedy_calibration=calibration,
        )

    def fingerprint(self) -> str:
        """A digest of all fields and of the content of the files: equal where the same emission gives the same.

        Raises:
            AsrError: a file cannot be read.
        """
        record = dataclasses.asdict(self)
        _change_paths(record, content_digest)
        return settings_digest(record)

    def __str__(self) -> str:
        if self.method == "greedy":
            return "greedy"
        parts = ["beam"]
        for one in option_fields(DecodingOptions):
            value = getattr(self, one.name)
            if isinstance(value, tuple):
                parts += [f"{len(value)} phrases"] if value else []
            elif value != one.default or one.name == "beam_width":
                parts.append(
                    f"{one.name.replace('_', ' ')} {value if isinstance(value, str) else f'{value:g}'}"
                )
        parts += [f"{len(self.hot_words)} hot words"] if self.hot_words else []
        parts += [] if self.look_ahead else ["no look-ahead"]
        return ", ".join(parts)


def file_fields() -> list[str]:
    """Names of the fields that hold a path."""
    return [one.name for one in option_fields(DecodingOptions) if one.metadata["metavar"] == "FILE"]


def _change_paths(record: dict[str, Any], change: Callable[[str], str]) -> None:
    """Change every path among the values of the fields, in place."""
    for name in file_fields():
        if record[name] is not None and record[name] != LEXICON_OF_LM:
            record[name] = change(record[name])


def tuned_options(checkpoint: str | Path) -> DecodingOptions:
    """What `asr lm tune` found best for a model; greedy decoding where it has not been run. Raises as `read_options`."""
    path = Companion.DECODING.find(checkpoint)
    return DecodingOptions() if path is None else read_options(path)


def write_options(
    path: str | Path, options: DecodingOptions, *, measured: Mapping[str, Any] | None = None
) -> None:
    """Write the file, atomically; its paths become relative to its folder.

    Args:
        path: the file.
        options: what is kept.
        measured: how it was found (manifest, WER and so on); informative only.

    Raises:
        AsrError: the file cannot be written.
    """
    folder = Path(path).resolve().parent
    record = dataclasses.asdict(options)
    _change_paths(record, lambda file: os.path.relpath(file, folder).replace(os.sep, "/"))
    with write_atomically(path) as file:
        json.dump(
            {"version": VERSION, "options": record, "measured": dict(measured or {})},
            file,
            indent=2,
            ensure_ascii=False,
        )
        file.write("\n")


def read_options(path: str | Path) -> DecodingOptions:
    """Read the file, of this version or the one before; its paths become ones that open from here.

    Raises:
        DecodingError: cannot be read, of a newer version, or lacks a field.
    """
    path = Path(path)
    record = _read(path)["options"]
    try:
        values = {one.name: _value(one, record) for one in fields(DecodingOptions)}
        unknown = set(record) - set(values)
        if unknown:
            raise ValueError(f"no option {min(unknown)!r}")
        _change_paths(values, lambda file: str(path.parent / file))
        return DecodingOptions(**values)
    except (ValueError, TypeError, DecodingError) as error:
        raise _no_options(path, error) from None


def copy_options(
    source: Path, target: Path, *, place: Callable[[str], str | Path] = lambda file: file
) -> None:
    """Write the options of one file to another, with how they were found.

    Args:
        source: the file.
        target: the other one; what it names is found from there as well.
        place: where each file that they name is from then on.

    Raises:
        AsrError: as `read_options` and `write_options`.
    """
    options = read_options(source)
    files = {name: getattr(options, name) for name in file_fields()}
    _change_paths(files, lambda file: str(place(file)))
    write_options(target, dataclasses.replace(options, **files), measured=read_measured(source))


def read_measured(path: str | Path) -> dict[str, Any]:
    """How the options of a file were found. Raises as `read_options`."""
    found: dict[str, Any] = _read(Path(path))["measured"]
    return found


def _read(path: Path) -> dict[str, Any]:
    """The file as version 2 has it: {"version", "options", "measured"}."""
    try:
        record = parse_json(read_text(path, what="the decoding options", error=DecodingError))
        if "version" not in record:  # version 1: what was tuned, by itself
            for name in ("lm", "lm_weight", "word_bonus"):
                record[name]
            measured = record.pop("measured", {})
            record = {"version": 1, "options": {"method": "beam", **record}, "measured": measured}
        if record["version"] > VERSION:
            raise DecodingError(
                f"{path}: version {record['version']}; this package reads up to {VERSION}; update it, or run "
                "`asr lm tune` again"
            )
        return {
            "version": record["version"],
            "options": dict(record["options"]),
            "measured": dict(record["measured"]),
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _no_options(path, error) from None


def _value(one: "dataclasses.Field[Any]", record: Mapping[str, Any]) -> Any:
    """A field's value in a record of JSON; the default where it has none."""
    default = one.default_factory() if callable(one.default_factory) else one.default
    value = record.get(one.name, default)
    if isinstance(default, Calibration) and isinstance(value, Mapping):
        return Calibration(**value)
    if isinstance(default, float) and not (one.name in _UNBOUNDED and value in (math.inf, -math.inf)):
        value = finite_number(value)
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        if any(finite_number(weight) is None for weight in value.values()):
            raise TypeError(f"{one.name} is {value!r}")
        return dict(value)
    if isinstance(default, tuple) and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    wanted = str | None if default is None else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise TypeError(f"{one.name} is {record.get(one.name)!r}")
    return value


def _no_options(path: Path, error: Exception) -> DecodingError:
    return DecodingError(f"{path}: not what `asr lm tune` writes ({error}); run it again or remove the file")
