"""CMU AN4, the census database (Acero & Stern 1990): 948 + 130 utterances of spelled words and numbers."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import (
    Corpus,
    Entry,
    Expected,
    find_root,
    list_audio,
    read_lines,
    untranscribed,
)
from asr.data.corpora.downloads import Download
from asr.errors import CorpusError

# "ENTER FOUR FIVE (an253-fash-b)", in some releases with <s> and </s> around the words.
_LINE = re.compile(r"^(?:<s>)?\s*(?P<text>.*?)\s*(?:</s>)?\s*\((?P<id>[^()\s]+)\)\s*$")

# Of the training speakers, the share held out as dev.
_DEV_SHARE = 0.1


class An4(Corpus):
    """`an4/etc/an4_{train,test}.{fileids,transcription}` and `an4/wav/**/*.sph`."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev (a tenth of the training speakers, fixed by their names) and the official test."""
        folder = find_root(root, "etc/an4_train.fileids")
        training = [*_read_split(folder, "train")]
        dev_speakers = choose_dev_speakers({entry.speaker or "" for entry in training})
        for entry in training:
            yield entry._replace(split="dev") if entry.speaker in dev_speakers else entry
        test = [*_read_split(folder, "test")]
        yield from test
        known = {entry.audio for entry in [*training, *test]}
        extra = (audio for audio in list_audio(folder / "wav", {".sph"}) if audio not in known)
        yield from untranscribed(extra, transcripts=folder / "etc", split="train")


def _read_split(folder: Path, split: str) -> Iterator[Entry]:
    listing = folder / "etc" / f"an4_{split}.fileids"
    transcripts: dict[str, str] = {}
    transcription = listing.with_suffix(".transcription")
    for number, line in enumerate(read_lines(transcription), 1):
        match = _LINE.match(line)
        if match is None:
            raise CorpusError(f"{transcription}:{number}: got {line!r}; expected `WORDS (utterance-id)`")
        transcripts[match["id"]] = match["text"]
    for number, line in enumerate(read_lines(listing), 1):
        name = Path(line.strip())
        if name.name not in transcripts:
            raise CorpusError(
                f"{listing}:{number}: no transcript of {name.name} in {transcription}; fetch or unpack the archive again"
            )
        yield Entry(
            split=split,
            id=name.name,
            audio=folder / "wav" / name.parent / f"{name.name}.sph",
            text=transcripts[name.name],
            where=f"{listing}:{number}",
            speaker=name.parent.name,
        )


def choose_dev_speakers(speakers: set[str]) -> set[str]:
    """A tenth of the speakers, by a hash of their names: no seed, and new speakers move nobody.

    AN4 names a second session of a speaker with a digit (`mdcs2`): both go to the same side.
    """

    def key(speaker: str) -> bytes:
        return hashlib.sha256(speaker.rstrip("0123456789").encode()).digest()

    ranked = sorted(speakers, key=lambda speaker: (key(speaker), speaker))
    count = max(1, round(_DEV_SHARE * len(ranked)))
    last = key(ranked[count - 1])
    return {speaker for speaker in ranked if key(speaker) <= last}


CORPUS = An4(
    name="an4",
    title="CMU AN4 (census), 50 minutes of spelled words and numbers",
    licence="CMU: free for any use, keep the notice in an4/LICENSE",
    citation=(
        "Alejandro Acero and Richard M. Stern: Environmental robustness in automatic speech recognition. "
        "ICASSP 1990, pp. 849-852"
    ),
    homepage="http://www.speech.cs.cmu.edu/databases/an4/",
    downloads={
        "all": (
            Download(
                urls=(
                    "http://www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz",
                    "https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz",
                ),
                checksum="sha256:ba09f2690cd6281f0675c5645604f035a5f1622dba1a6510af920dc4e7f9e1aa",
                size=64_340_155,
            ),
        )
    },
    expected={
        "train": Expected(859),  # 859 + 89 are the 948 that the publisher calls train
        "dev": Expected(89),
        "test": Expected(130),
    },
)
