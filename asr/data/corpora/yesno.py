"""YesNo (OpenSLR 1): 60 recordings of one speaker saying eight words of Hebrew, each yes or no.

`waves_yesno/0_1_0_1_0_0_1_1.wav`: the name is the transcript, 1 for yes. There is no official split; as in
icefall, every second recording by name is test. Every fifth of the others is dev.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, list_audio
from asr.data.corpora.downloads import openslr
from asr.errors import CorpusError

_NAME = re.compile(r"[01](_[01]){7}")


class YesNo(Corpus):
    """Transcripts in English, `YES` and `NO`, as everyone's results with it."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev and test."""
        folder = root / "waves_yesno" if (root / "waves_yesno").is_dir() else root
        recordings = [audio for audio in list_audio(folder, {".wav"}) if _NAME.fullmatch(audio.stem)]
        if not recordings:
            raise CorpusError(f"{root}: no 0_1_0_1_0_0_1_1.wav or the like in it; expected waves_yesno")
        for number, audio in enumerate(recordings):
            yield Entry(
                split="test" if number % 2 else "dev" if number % 10 == 8 else "train",
                id=audio.stem,
                audio=audio,
                text=" ".join("YES" if digit == "1" else "NO" for digit in audio.stem.split("_")),
                where=str(folder),
                speaker="yesno",
            )


CORPUS = YesNo(
    name="yesno",
    title="YesNo, 60 recordings of one speaker saying yes or no eight times in Hebrew, at 8 kHz",
    licence="CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/)",
    citation="The yesno dataset, donated by its anonymous speaker to the Kaldi project. https://www.openslr.org/1",
    homepage="https://www.openslr.org/1",
    downloads={
        "all": (
            openslr(
                1,
                "waves_yesno.tar.gz",
                "sha256:c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
                4_700_000,
            ),
        )
    },
    expected={"train": Expected(24), "dev": Expected(6), "test": Expected(30)},
)
