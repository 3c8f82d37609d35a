"""AISHELL-1 (Bu et al. 2017): 178 h of read Mandarin by 400 speakers.

`data_aishell/wav/{train,dev,test}/S0002/BAC009S0002W0122.wav` (each speaker an archive of its own at first)
and `transcript/aishell_transcript_v0.8.txt`; `resource_aishell/speaker.info` with the speakers' gender.
Results are character error rates: by default transcripts have no spaces.
"""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import (
    Corpus,
    Entry,
    Expected,
    find_root,
    first_existing,
    list_audio,
    read_pairs,
    report_untranscribed,
)
from asr.data.corpora.downloads import openslr
from asr.errors import CorpusError


class Aishell(Corpus):
    """The published splits; some hundred recordings are published without transcript and left out."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev and test, speaker by speaker."""
        folder = find_root(root, "transcript/aishell_transcript_v0.8.txt")
        listing = folder / "transcript" / "aishell_transcript_v0.8.txt"
        texts = {name: (number, text) for number, name, text in read_pairs(listing)}
        info = first_existing(
            folder.parent / "resource_aishell" / "speaker.info", folder / "resource_aishell" / "speaker.info"
        )
        genders = {name: gender for _, name, gender in read_pairs(info)} if info.exists() else {}
        untranscribed = []
        for split in ("train", "dev", "test"):
            packed = next((folder / "wav").glob("*.tar.gz"), None)
            if packed is not None and not (folder / "wav" / split).is_dir():
                raise CorpusError(
                    f"{packed}: still packed; give data_aishell.tgz itself, or unpack what is in wav/"
                )
            for audio in list_audio(folder / "wav" / split, {".wav"}):
                if audio.stem not in texts:
                    untranscribed.append(audio)
                    continue
                number, words = texts[audio.stem]
                words = unicodedata.normalize("NFKC", words).upper()
                speaker = audio.parent.name
                gender = genders.get(speaker.removeprefix("S"))
                yield Entry(
                    split=split,
                    id=audio.stem,
                    audio=audio,
                    text="".join(words.split()) if transcript == "characters" else " ".join(words.split()),
                    where=f"{listing}:{number}",
                    speaker=speaker,
                    extras={"gender": gender} if gender else {},
                )
        report_untranscribed(untranscribed, transcripts=listing)


CORPUS = Aishell(
    name="aishell",
    title="AISHELL-1, 178 h of read Mandarin by 400 speakers",
    licence="Apache 2.0",
    citation=(
        "Hui Bu, Jiayu Du, Xingyu Na, Bengu Wu and Hao Zheng: AISHELL-1: an open-source Mandarin speech corpus and a "
        "speech recognition baseline. Oriental COCOSDA 2017"
    ),
    homepage="https://www.openslr.org/33",
    downloads={
        "all": (
            openslr(33, "data_aishell.tgz", "md5:2f494334227864a8a8fec932999db9d8", 15_000_000_000),
            openslr(33, "resource_aishell.tgz", "md5:957d480a0fcac85fc18e550756f624e5", 1_200_000),
        )
    },
    nested="data_aishell/wav/*.tar.gz",
    expected={"train": Expected(120_098), "dev": Expected(14_326), "test": Expected(7_176)},
    transcripts=("characters", "words"),
)
