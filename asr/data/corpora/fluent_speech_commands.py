"""Fluent Speech Commands (Lugosch et al. 2019): 30,043 spoken commands with what they mean.

`data/{train,valid,test}_data.csv` and `wavs/speakers/SPEAKER/UUID.wav`; action, object and location are kept.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root
from asr.data.corpora.spelling import plain_words
from asr.data.corpora.tables import read_table

_NEEDED = ("path", "speakerId", "transcription", "action", "object", "location")


class FluentSpeechCommands(Corpus):
    """The published splits: no speaker is in two of them."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, valid and test, in the order of the tables."""
        folder = find_root(root, "data/train_data.csv")
        for split in ("train", "valid", "test"):
            for row, where in read_table(folder / "data" / f"{split}_data.csv", needed=_NEEDED):
                words = row["transcription"]
                yield Entry(
                    split=split,
                    id=Path(row["path"]).stem,
                    audio=folder / row["path"],
                    text=plain_words(words) if transcript == "normalised" else words,
                    where=where,
                    speaker=row["speakerId"],
                    extras={key: row[key] for key in ("action", "object", "location")},
                )


CORPUS = FluentSpeechCommands(
    name="fluent-speech-commands",
    title="Fluent Speech Commands, 30,043 commands to a home by 97 speakers",
    licence="Fluent Speech Commands Public License: academic research only",
    citation=(
        "Loren Lugosch, Mirco Ravanelli, Patrick Ignoto, Vikrant Singh Tomar and Yoshua Bengio: Speech model "
        "pre-training for end-to-end spoken language understanding. Interspeech 2019, pp. 814-818"
    ),
    homepage="https://fluent.ai/fluent-speech-commands-a-dataset-for-spoken-language-understanding-research/",
    expected={"train": Expected(23_132, 14.7), "valid": Expected(3_118, 1.9), "test": Expected(3_793, 2.4)},
    transcripts=("normalised", "published"),
)
