"""What was found best for a checkpoint on a development set: a small JSON file beside it.

`asr lm tune` writes `best.decoding.json` beside `best.pt`; `asr transcribe` and `asr evaluate` read it.
"""

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asr.decoding.confidence import Calibration
from asr.decoding.decoder import DecodingConfig
from asr.errors import DecodingError
from asr.files import write_atomically


@dataclass(frozen=True)
class Tuned:
    """Weights, and the files that they were found with.

    Attributes:
        lm, lexicon, pronunciations, recurrent_lm: as in `DecodingConfig`; relative paths are relative to the file's folder.
        lm_weight, word_bonus, blank_penalty: the best of what was tried.
        letter_weight, recurrent_share: as in `DecodingConfig`; what they were found with.
        beam_width: prefixes kept in the search that found them.
        calibration: of the confidence of words found with them.
        greedy_calibration: the same for greedy decoding.
        measured: how it was found (manifest, WER and so on); informative only.
    """

    lm: str
    lm_weight: float
    word_bonus: float
    lexicon: str | None = None
    calibration: Calibration = field(default_factory=Calibration)
    greedy_calibration: Calibration = field(default_factory=Calibration)
    measured: dict[str, Any] = field(default_factory=dict)
    beam_width: int = DecodingConfig.beam_width
    blank_penalty: float = DecodingConfig.blank_penalty
    pronunciations: str | None = None
    letter_weight: float = DecodingConfig.letter_weight
    recurrent_lm: str | None = None
    recurrent_share: float = DecodingConfig.recurrent_share

    def beam_config(self, **given: Any) -> DecodingConfig:
        """The beam search with them; what is `given` (fields of `DecodingConfig`) wins."""
        found: dict[str, Any] = {
            "lm": self.lm,
            "lm_weight": self.lm_weight,
            "word_bonus": self.word_bonus,
            "blank_penalty": self.blank_penalty,
            "beam_width": self.beam_width,
            "calibration": self.calibration,
            "pronunciations": self.pronunciations,
            "letter_weight": self.letter_weight,
            "recurrent_lm": self.recurrent_lm,
            "recurrent_share": self.recurrent_share,
        }
        if self.lexicon is not None:
            found["lexicon"] = self.lexicon
        return DecodingConfig("beam", **{**found, **given})


def tuned_path(checkpoint: str | Path) -> Path:
    """Where the file of a checkpoint is: `best.pt` -> `best.decoding.json`."""
    return Path(checkpoint).with_suffix(".decoding.json")


def write_tuned(path: str | Path, tuned: Tuned) -> None:
    """Write the file, atomically; its paths become relative to its folder. Raises AsrError."""
    folder = Path(path).resolve().parent
    record = dataclasses.asdict(tuned)
    record["lm"] = os.path.relpath(tuned.lm, folder)
    if tuned.lexicon not in (None, "lm"):
        record["lexicon"] = os.path.relpath(str(tuned.lexicon), folder)
    for name in ("pronunciations", "recurrent_lm"):
        if record[name] is not None:
            record[name] = os.path.relpath(record[name], folder)
    with write_atomically(path) as file:
        json.dump(record, file, indent=2, ensure_ascii=False)
        file.write("\n")


def read_tuned(path: str | Path) -> Tuned:
    """Read the file; its paths become ones that open from here.

    Raises:
        DecodingError: cannot be read, or lacks a field.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        for key in ("calibration", "greedy_calibration"):
            record[key] = Calibration(**record[key])
        tuned = Tuned(**record)
        lexicon = tuned.lexicon
        beside: dict[str, Any] = {
            name: None if named is None else str(path.parent / named)
            for name, named in (
                ("pronunciations", tuned.pronunciations),
                ("recurrent_lm", tuned.recurrent_lm),
            )
        }
        if lexicon not in (None, "lm"):
            lexicon = str(path.parent / str(lexicon))
        return dataclasses.replace(
            tuned,
            lm=str(path.parent / tuned.lm),
            lm_weight=float(tuned.lm_weight),
            word_bonus=float(tuned.word_bonus),
            beam_width=int(tuned.beam_width),
            blank_penalty=float(tuned.blank_penalty),
            lexicon=lexicon,
            letter_weight=float(tuned.letter_weight),
            recurrent_share=float(tuned.recurrent_share),
            **beside,
        )
    except OSError as error:
        raise DecodingError(f"{path}: cannot read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise DecodingError(
            f"{path}: not what `asr lm tune` writes ({error}); run it again or remove the file"
        ) from None
