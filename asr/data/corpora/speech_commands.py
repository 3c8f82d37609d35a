"""Google Speech Commands 0.02 (Warden 2018): 105,829 recordings of one of 35 words, one second each.

`WORD/HASH_nohash_N.wav`; `validation_list.txt` and `testing_list.txt` name two splits, the rest is train.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root, list_audio, read_lines
from asr.data.corpora.downloads import Download
from asr.errors import CorpusError

_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}


class SpeechCommands(Corpus):
    """Words are the folders' names; background noise is no utterance."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, validation and test, word by word."""
        folder = find_root(root, "testing_list.txt")
        splits: dict[str, str] = {}
        for split, name in _LISTS.items():
            for number, line in enumerate(read_lines(folder / name), 1):
                if splits.setdefault(line.strip(), split) != split:
                    raise CorpusError(
                        f"{folder / name}:{number}: {line} is in both lists; expected it in one"
                    )
        words = sorted(path for path in folder.glob("*/") if not path.name.startswith(("_", ".")))
        for word in words:
            for audio in list_audio(word, {".wav"}):
                place = f"{word.name}/{audio.name}"
                speaker, _, repetition = audio.stem.partition("_nohash_")
                yield Entry(
                    split=splits.pop(place, "train"),
                    id=f"{word.name}-{audio.stem}",
                    audio=audio,
                    text=word.name,
                    where=str(word),
                    speaker=speaker,
                    extras={"repetition": repetition},
                )
        if splits:
            raise CorpusError(
                f"{folder / next(iter(splits))} is missing, and {len(splits) - 1} more that the lists name; fetch or "
                "unpack the archive again"
            )


CORPUS = SpeechCommands(
    name="speech-commands",
    title="Google Speech Commands 0.02, one of 35 words in a second, 2,618 speakers",
    licence="CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
    citation="Pete Warden: Speech Commands: a dataset for limited-vocabulary speech recognition. arXiv:1804.03209",
    homepage="https://arxiv.org/abs/1804.03209",
    downloads={
        "all": (
            Download(
                urls=(
                    "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
                    "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
                ),
                checksum="sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
                size=2_428_923_189,
                folder="speech_commands_v0.02",
            ),
        )
    },
    expected={"train": Expected(84_843), "validation": Expected(9_981), "test": Expected(11_005)},
)
