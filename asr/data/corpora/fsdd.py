"""Free Spoken Digit Dataset (Jackson et al. 2018): `recordings/DIGIT_SPEAKER_INDEX.wav` at 8 kHz."""

import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root, list_audio
from asr.errors import CorpusError

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)")


class Fsdd(Corpus):
    """The official test set is recordings 0 to 4 of each speaker and digit; 5 to 9 of the others are dev."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """test as published; what its publishers call train is train and dev here."""
        folder = find_root(root, "recordings") / "recordings"
        for audio in list_audio(folder, {".wav"}):
            match = _NAME.fullmatch(audio.stem)
            if match is None:
                raise CorpusError(f"{audio}: unknown name; expected DIGIT_SPEAKER_INDEX.wav")
            index = int(match["index"])
            yield Entry(
                split="test" if index < 5 else "dev" if index < 10 else "train",
                id=audio.stem,
                audio=audio,
                text=DIGITS[int(match["digit"])],
                where=str(folder),
                speaker=match["speaker"],
            )


CORPUS = Fsdd(
    name="fsdd",
    title="Free Spoken Digit Dataset, 3,000 digits by six speakers at 8 kHz",
    licence="CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)",
    citation="Zohar Jackson et al.: Jakobovski/free-spoken-digit-dataset, v1.0.8. Zenodo 2018. doi:10.5281/zenodo.1342401",
    homepage="https://github.com/Jakobovski/free-spoken-digit-dataset (git clone it, or take the archive of a release)",
    expected={"train": Expected(2400), "dev": Expected(300), "test": Expected(300)},
)
