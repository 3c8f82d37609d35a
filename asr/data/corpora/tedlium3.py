"""TED-LIUM 3 (Hernandez et al. 2018), and the layout of TED-LIUM 2: STM segments in long SPHERE files.

`legacy/{train,dev,test}/{stm,sph}/TALK.{stm,sph}`, where train may lie in `data/` instead;
`{train,dev,test}/...` in release 2. An STM line is
`TALK 1 SPEAKER START END <o,f0,male> words of the segment`.
"""

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
from asr.data.corpora.downloads import openslr
from asr.errors import CorpusError

_IGNORED = "ignore_time_segment_in_scoring"
# <unk>, {NOISE}, [laughter], and the number of a pronunciation: word(2)
_MARKUP = re.compile(r"<[^>]*>|\{[^}]*\}|\[[^\]]*\]|\(\d+\)")


class TedLium(Corpus):
    """Segments of talks; what the STM files mark as not to be scored is left out."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev and test, talk by talk."""
        folder = find_root(root, "legacy/dev/stm", "dev/stm")
        base = folder / "legacy" if (folder / "legacy").is_dir() else folder
        for split in ("train", "dev", "test"):
            place = base / split
            if split == "train" and not (place / "stm").is_dir():
                place = folder / "data"
            talks = sorted((place / "stm").glob("*.stm"))
            if not talks:
                raise CorpusError(
                    f"{place / 'stm'}: no *.stm in it; the corpus is incomplete: unpack it again"
                )
            for talk in talks:
                yield from _read_talk(
                    talk, place / "sph" / f"{talk.stem}.sph", split=split, transcript=transcript
                )
            known = {talk.stem for talk in talks}
            yield from untranscribed(
                (audio for audio in list_audio(place / "sph", {".sph"}) if audio.stem not in known),
                transcripts=place / "stm",
                split=split,
            )


def _read_talk(stm: Path, audio: Path, *, split: str, transcript: str) -> Iterator[Entry]:
    for number, line in enumerate(read_lines(stm), 1):
        if not line.strip() or line.startswith(";;"):
            continue
        where = f"{stm}:{number}"
        fields = line.split(maxsplit=6)
        try:
            name, _, speaker, start, end = fields[:5]
            times = float(start), float(end)
        except ValueError:
            raise CorpusError(
                f"{where}: got {line!r}; expected TALK CHANNEL SPEAKER START END <LABELS> WORDS"
            ) from None
        words = fields[6] if len(fields) > 6 else ""
        if words.strip() == _IGNORED or speaker == "inter_segment_gap":
            continue
        yield Entry(
            split=split,
            id=f"{name}-{round(100 * times[0]):07d}-{round(100 * times[1]):07d}",
            audio=audio,
            text=_spoken(words) if transcript == "normalised" else words.strip(),
            where=where,
            speaker=speaker,
            start=times[0],
            duration=times[1] - times[0],
            extras={"talk": name},
        )


def _spoken(words: str) -> str:
    """Words alone; `it 's` is written `it's` again, as Kaldi's join_suffix.py does."""
    return " ".join(_MARKUP.sub(" ", words).replace(" '", "'").split())


CORPUS = TedLium(
    name="tedlium3",
    title="TED-LIUM 3, 452 h of TED talks",
    licence="CC BY-NC-ND 3.0 (https://creativecommons.org/licenses/by-nc-nd/3.0/)",
    citation=(
        "François Hernandez et al.: TED-LIUM 3: twice as much data and corpus repartition for experiments on speaker "
        "adaptation. SPECOM 2018. arXiv:1805.04699"
    ),
    homepage="https://www.openslr.org/51",
    downloads={
        "all": (
            openslr(
                51,
                "TEDLIUM_release-3.tgz",
                "sha256:ad1e454d14d1ad550bc2564c462d87c7a7ec83d4dc2b9210f22ab4973b9eccdb",
                54_000_000_000,
            ),
        )
    },
    expected={"train": Expected(hours=452), "dev": Expected(507), "test": Expected(1155)},
    transcripts=("normalised", "published"),
)
