"""FLEURS (Conneau et al. 2022): the same sentences read in 102 languages, about 12 h each.

`LANGUAGE/{train,dev,test}.tsv` without header, and the audio in `LANGUAGE/audio/SPLIT/*.wav` (an archive
`audio/SPLIT.tar.gz` at first). Given several languages, the splits are named after them (`cy_gb-train`).
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, first_existing
from asr.data.corpora.tables import read_table
from asr.errors import CorpusError

_HEADER = ("sentence", "file", "raw", "normalised", "characters", "samples", "gender")


class Fleurs(Corpus):
    """The published splits; speakers are not told apart, only their gender is known."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances of every language below `root`."""
        tables = [root / "train.tsv"] if (root / "train.tsv").exists() else []
        tables = tables or sorted([*root.glob("*/train.tsv"), *root.glob("*/*/train.tsv")])
        if not tables:
            raise CorpusError(
                f"{root}: no LANGUAGE/train.tsv in it; expected a language of FLEURS, or a folder of them"
            )
        for train in tables:
            prefix = f"{train.parent.name}-" if len(tables) > 1 else ""
            for split in ("train", "dev", "test"):
                yield from _read_split(train.parent, split, prefix=prefix, transcript=transcript)


def _read_split(folder: Path, split: str, *, prefix: str, transcript: str) -> Iterator[Entry]:
    packed = folder / "audio" / f"{split}.tar.gz"
    if packed.exists() and not (folder / "audio" / split).is_dir():
        raise CorpusError(f"{packed}: still packed; unpack it there: `tar -C {packed.parent} -xzf {packed}`")
    for row, where in read_table(folder / f"{split}.tsv", delimiter="\t", header=_HEADER, quoted=False):
        text = row["raw"] if transcript == "raw" else row["normalised"]
        if not text:
            raise CorpusError(f"{where}: no transcript of {row['file']}; expected 7 columns between tabs")
        yield Entry(
            split=prefix + split,
            id=f"{row['sentence']}-{Path(row['file']).stem}",
            audio=first_existing(folder / "audio" / split / row["file"], folder / split / row["file"]),
            text=text,
            where=where,
            extras={"sentence": row["sentence"], "gender": row["gender"]},
        )


CORPUS = Fleurs(
    name="fleurs",
    title="FLEURS, the same sentences read in 102 languages, about 12 h each",
    licence="CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
    citation=(
        "Alexis Conneau et al.: FLEURS: few-shot learning evaluation of universal representations of speech. SLT 2022, "
        "pp. 798-805"
    ),
    homepage="https://huggingface.co/datasets/google/fleurs",
    transcripts=("normalised", "raw"),
)
