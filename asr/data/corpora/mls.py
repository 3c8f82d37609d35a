"""Multilingual LibriSpeech (Pratap et al. 2020): read books in eight languages, FLAC or Opus.

`mls_LANGUAGE[_opus]/{train,dev,test}/transcripts.txt` and `audio/SPEAKER/BOOK/SPEAKER_BOOK_NNN.flac`,
`metainfo.txt` with the speakers' gender. Splits are named after the language: `polish-train`.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, first_existing, read_lines, read_pairs
from asr.errors import CorpusError

# Hours of train, dev and test, from table 2 of the paper.
_HOURS = {
    "english": (44_659.74, 15.75, 15.55),
    "german": (1_966.51, 14.28, 14.29),
    "dutch": (1_554.24, 12.76, 12.76),
    "french": (1_076.58, 10.07, 10.07),
    "spanish": (917.68, 9.99, 10.00),
    "italian": (247.38, 5.18, 5.27),
    "portuguese": (160.96, 3.64, 3.74),
    "polish": (103.65, 2.08, 2.14),
}


class Mls(Corpus):
    """Every language below the folder, or the one that the folder is."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev and test of each language, in the order of transcripts.txt."""
        languages = [root] if (root / "train").is_dir() else sorted(root.glob("mls_*/"))
        languages = [folder for folder in languages if (folder / "dev" / "transcripts.txt").exists()]
        if not languages:
            raise CorpusError(
                f"{root}: no mls_LANGUAGE/dev/transcripts.txt in it; expected an unpacked language, or a folder of them"
            )
        for folder in languages:
            name = folder.resolve().name.removeprefix("mls_").removesuffix("_opus")
            genders = _read_genders(folder / "metainfo.txt")
            for split in ("train", "dev", "test"):
                yield from _read_split(folder / split, split=f"{name}-{split}", genders=genders)


def _read_genders(metainfo: Path) -> dict[str, str]:
    """`10232 | F | train | 13.9 | ...` -> {"10232": "F"}; empty without the file."""
    if not metainfo.exists():
        return {}
    rows = (line.split("|") for line in read_lines(metainfo))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1 and row[0].strip().isdigit()}


def _read_split(folder: Path, *, split: str, genders: dict[str, str]) -> Iterator[Entry]:
    transcripts = folder / "transcripts.txt"
    for number, name, text in read_pairs(transcripts, separator="\t"):
        where = f"{transcripts}:{number}"
        try:
            speaker, book, _ = name.split("_")
        except ValueError:
            raise CorpusError(
                f"{where}: got {name!r}; expected SPEAKER_BOOK_NUMBER, a tab and the words"
            ) from None
        if not text:
            raise CorpusError(f"{where}: no transcript of {name}; expected its words after a tab")
        place = folder / "audio" / speaker / book
        yield Entry(
            split=split,
            id=name,
            audio=first_existing(place / f"{name}.flac", place / f"{name}.opus"),
            text=text,
            where=where,
            speaker=speaker,
            extras={"book": book, **({"gender": genders[speaker]} if speaker in genders else {})},
        )


CORPUS = Mls(
    name="mls",
    title="Multilingual LibriSpeech, books read in eight languages, 50,500 h",
    licence="CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
    citation=(
        "Vineel Pratap, Qiantong Xu, Anuroop Sriram, Gabriel Synnaeve and Ronan Collobert: MLS: a large-scale "
        "multilingual dataset for speech research. Interspeech 2020, pp. 2757-2761"
    ),
    homepage="https://www.openslr.org/94",
    expected={
        f"{language}-{split}": Expected(hours=hours)
        for language, all_hours in _HOURS.items()
        for split, hours in zip(("train", "dev", "test"), all_hours, strict=True)
    },
)
