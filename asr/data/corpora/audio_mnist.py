"""AudioMNIST (Becker et al. 2018): 30,000 spoken digits by 60 speakers; `data/SPEAKER/DIGIT_SPEAKER_N.wav`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root, list_audio, read_lines
from asr.data.corpora.fsdd import DIGITS
from asr.errors import CorpusError
from asr.plain_values import parse_json

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>\d+)_(?P<index>\d+)")
_META = "audioMNIST_meta.txt"

# Speakers of the first of the publishers' five folds for digits (audiomnist/train/splits.py); all others train.
_DEV = {4, 11, 12, 15, 21, 27, 31, 41, 44, 47, 50, 59}
_TEST = {5, 13, 18, 22, 26, 32, 33, 42, 45, 51, 52, 60}


class AudioMnist(Corpus):
    """The publishers' first fold: 36 speakers train, 12 dev, 12 test."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Speaker by speaker, with what the corpus knows of each."""
        base = find_root(root, f"data/{_META}", _META)
        folder = base / "data" if (base / "data").is_dir() else base
        speakers = _read_speakers(folder / _META)
        for audio in list_audio(folder, {".wav"}):
            match = _NAME.fullmatch(audio.stem)
            if match is None:
                raise CorpusError(f"{audio}: unknown name; expected DIGIT_SPEAKER_N.wav")
            number = int(match["speaker"])
            yield Entry(
                split="test" if number in _TEST else "dev" if number in _DEV else "train",
                id=audio.stem,
                audio=audio,
                text=DIGITS[int(match["digit"])],
                where=str(folder),
                speaker=match["speaker"],
                extras=speakers.get(match["speaker"], {}),
            )


def _read_speakers(meta: Path) -> dict[str, dict[str, Any]]:
    try:
        speakers = parse_json("\n".join(read_lines(meta)))
    except json.JSONDecodeError as error:
        raise CorpusError(f"{meta}:{error.lineno}: not JSON ({error.msg}); fetch the file again") from None
    known = ("accent", "age", "gender", "native speaker", "origin")
    return {name: {key: about[key] for key in known if key in about} for name, about in speakers.items()}


CORPUS = AudioMnist(
    name="audio-mnist",
    title="AudioMNIST, 30,000 digits by 60 speakers at 48 kHz",
    licence="MIT",
    citation=(
        "Sören Becker et al.: AudioMNIST: exploring explainable artificial intelligence for audio analysis on a simple "
        "benchmark. Journal of the Franklin Institute 2024. arXiv:1807.03418"
    ),
    homepage="https://github.com/soerenab/AudioMNIST (git clone it)",
    expected={"train": Expected(18_000), "dev": Expected(6_000), "test": Expected(6_000)},
)
