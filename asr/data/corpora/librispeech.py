"""LibriSpeech and mini LibriSpeech (Panayotov et al. 2015), or any corpus in that layout.

`SUBSET/SPEAKER/CHAPTER/*.flac` with a `SPEAKER-CHAPTER.trans.txt` a chapter; every subset found becomes a
split of its own name (`train-clean-5`, `dev-clean`, ...).
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import (
    Corpus,
    Entry,
    Expected,
    faulty,
    first_existing,
    list_audio,
    read_lines,
    read_pairs,
    untranscribed,
)
from asr.data.corpora.downloads import openslr
from asr.errors import CorpusError

_SUFFIXES = (".flac", ".opus", ".wav")


class LibriSpeech(Corpus):
    """Every subset below the folder, or the one subset that the folder is."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Chapter by chapter, speakers' gender from SPEAKERS.TXT where it is there."""
        folder = root / "LibriSpeech" if (root / "LibriSpeech").is_dir() else root
        chapters = sorted([*folder.glob("*/*/*/*.trans.txt"), *folder.glob("*/*/*.trans.txt")])
        if not chapters:
            raise CorpusError(
                f"{root}: no SUBSET/SPEAKER/CHAPTER/*.trans.txt below it; expected the LibriSpeech folder, or one "
                "subset of it"
            )
        genders = _read_genders(first_existing(folder / "SPEAKERS.TXT", folder.parent / "SPEAKERS.TXT"))
        for transcripts in chapters:
            for entry in read_chapter(transcripts, split=transcripts.parents[2].name):
                gender = genders.get(entry.speaker or "")
                yield entry._replace(extras={**entry.extras, "gender": gender}) if gender else entry


def _read_genders(speakers: Path) -> dict[str, str]:
    """`14   | F | train-clean-360  | 25.03 | Kristin LeMoine` -> {"14": "F"}; empty without the file."""
    if not speakers.exists():
        return {}
    rows = (line.split("|") for line in read_lines(speakers) if line and not line.startswith(";"))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}


def read_chapter(transcripts: Path, *, split: str) -> Iterator[Entry]:
    """The utterances of one `*.trans.txt`.

    Raises:
        CorpusError: an id twice. Transcripts without words and audio without transcript come as faulty entries.
    """
    listed = set()
    for number, name, text in read_pairs(transcripts):
        audio = first_existing(*(transcripts.parent / (name + suffix) for suffix in _SUFFIXES))
        listed.add(audio)
        if not text:
            yield faulty(
                f"{transcripts}:{number}: no transcript of {name}; expected its words after the id: add them, or leave it "
                "out with --skip-broken",
                split=split,
            )
            continue
        yield Entry(
            split=split,
            id=name,
            audio=audio,
            text=text,
            where=f"{transcripts}:{number}",
            speaker=name.split("-", 1)[0],
            extras={"chapter": transcripts.parent.name},
        )
    yield from untranscribed(
        (audio for audio in list_audio(transcripts.parent, _SUFFIXES) if audio not in listed),
        transcripts=transcripts,
        split=split,
    )


CORPUS = LibriSpeech(
    name="librispeech",
    title="LibriSpeech, 960 h of read English, and mini LibriSpeech; or a corpus in their layout",
    licence="CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
    citation=(
        "Vassil Panayotov, Guoguo Chen, Daniel Povey and Sanjeev Khudanpur: LibriSpeech: an ASR corpus based on "
        "public domain audio books. ICASSP 2015, pp. 5206-5210"
    ),
    homepage="https://www.openslr.org/12 and https://www.openslr.org/31",
    # SHA-256 as torchaudio 2.11 lists them; MD5 of mini LibriSpeech from its md5sum.txt.
    downloads={
        "train-clean-5": (
            openslr(31, "train-clean-5.tar.gz", "md5:5df7d4e78065366204ca6845bb08f490", 332_000_000),
        ),
        "dev-clean-2": (
            openslr(31, "dev-clean-2.tar.gz", "md5:6d7ab67ac6a1d2c993d050e16d61080d", 126_000_000),
        ),
        "dev-clean": (
            openslr(
                12,
                "dev-clean.tar.gz",
                "sha256:76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
                337_926_286,
            ),
        ),
        "dev-other": (
            openslr(
                12,
                "dev-other.tar.gz",
                "sha256:12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
                314_305_928,
            ),
        ),
        "test-clean": (
            openslr(
                12,
                "test-clean.tar.gz",
                "sha256:39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
                346_663_984,
            ),
        ),
        "test-other": (
            openslr(
                12,
                "test-other.tar.gz",
                "sha256:d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
                328_757_843,
            ),
        ),
        "train-clean-100": (
            openslr(
                12,
                "train-clean-100.tar.gz",
                "sha256:d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
                6_387_309_499,
            ),
        ),
        "train-clean-360": (
            openslr(
                12,
                "train-clean-360.tar.gz",
                "sha256:146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
                23_049_477_885,
            ),
        ),
        "train-other-500": (
            openslr(
                12,
                "train-other-500.tar.gz",
                "sha256:ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
                30_593_501_606,
            ),
        ),
    },
    # Hours from table 1 of the paper.
    expected={
        "train-clean-5": Expected(1519, 5.31),
        "dev-clean-2": Expected(1089),
        "dev-clean": Expected(2703, 5.4),
        "dev-other": Expected(2864, 5.3),
        "test-clean": Expected(2620, 5.4),
        "test-other": Expected(2939, 5.1),
        "train-clean-100": Expected(28539, 100.6),
        "train-clean-360": Expected(104014, 363.6),
        "train-other-500": Expected(148688, 496.7),
    },
)
