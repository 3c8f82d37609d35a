"""LJ Speech (Ito & Johnson 2017): 13,100 clips of one reader; `metadata.csv` and `wavs/`."""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root, list_audio, untranscribed
from asr.data.corpora.downloads import Download
from asr.data.corpora.spelling import plain_words
from asr.data.corpora.tables import read_table
from asr.errors import CorpusError


class LjSpeech(Corpus):
    """One split, `all`: the corpus has no official ones."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """`id|as written|numbers and abbreviations spelled out`."""
        folder = find_root(root, "metadata.csv")
        listed = set()
        header = ("id", "written", "spoken")
        for row, where in read_table(folder / "metadata.csv", delimiter="|", header=header, quoted=False):
            if not row["written"]:
                raise CorpusError(f"{where}: no transcript of {row['id']}; expected id|written|spoken")
            audio = folder / "wavs" / f"{row['id']}.wav"
            listed.add(audio)
            spoken = row["spoken"] or row["written"]
            texts = {"normalised": plain_words(spoken), "spoken": spoken, "written": row["written"]}
            yield Entry(
                split="all",
                id=row["id"],
                audio=audio,
                text=texts[transcript],
                where=where,
                speaker="linda-johnson",
                extras={"chapter": row["id"].rsplit("-", 1)[0]},
            )
        yield from untranscribed(
            (audio for audio in list_audio(folder / "wavs") if audio not in listed),
            transcripts=folder / "metadata.csv",
            split="all",
        )


CORPUS = LjSpeech(
    name="ljspeech",
    title="LJ Speech, 24 h of one reader of non-fiction",
    licence="public domain",
    citation="Keith Ito and Linda Johnson: The LJ Speech dataset. 2017. https://keithito.com/LJ-Speech-Dataset/",
    homepage="https://keithito.com/LJ-Speech-Dataset/",
    downloads={
        "all": (
            Download(
                urls=("https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",),
                checksum="sha256:be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
                size=2_748_572_632,
            ),
        )
    },
    expected={"all": Expected(13100, 23.92)},
    transcripts=("normalised", "spoken", "written"),
)
