"""Switchboard-1 release 2 (LDC97S62; Godfrey et al. 1992): telephone conversations, one speaker a channel.

Audio `sw02001.sph` (8 kHz mu-law, two channels) anywhere below the folder; the Mississippi State
transcripts `swb_ms98_transcriptions/20/2001/sw2001A-ms98-a-trans.text` with lines `ID START END WORDS`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, list_audio, read_lines
from asr.errors import CorpusError

_NAME = re.compile(r"sw(?P<call>\d{4})(?P<side>[AB])-ms98-a-trans\.text")


class Switchboard(Corpus):
    """One split, `train`; silence is left out, sides of a conversation are speakers."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Segments, one side of a conversation after the other."""
        audio = {path.stem.lower(): path for path in list_audio(root, {".sph"})}
        sides = sorted(path for path in root.rglob("*-ms98-a-trans.text") if _NAME.fullmatch(path.name))
        if not sides:
            raise CorpusError(
                f"{root}: no swb_ms98_transcriptions/*/*/sw2001A-ms98-a-trans.text in it; get them from "
                "https://isip.piconepress.com/projects/switchboard/ and put them below the folder"
            )
        for path in sides:
            match = _NAME.fullmatch(path.name)
            assert match is not None
            recording = f"sw0{match['call']}"
            if recording not in audio:
                raise CorpusError(
                    f"{path}: {recording}.sph is nowhere below {root}; add the disk that holds it"
                )
            yield from _read_side(path, audio[recording], side=match["side"], transcript=transcript)


def _read_side(path: Path, audio: Path, *, side: str, transcript: str) -> Iterator[Entry]:
    speaker = f"{audio.stem.lower()}-{side}"
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            _, start, end, *words = line.split()
            times = float(start), float(end)
        except ValueError:
            raise CorpusError(f"{where}: got {line!r}; expected ID START END WORDS") from None
        if [word.lower() for word in words] == ["[silence]"]:
            continue
        yield Entry(
            split="train",
            id=f"{speaker}_{int(100 * times[0] + 0.5):06d}-{int(100 * times[1] + 0.5):06d}",
            audio=audio,
            text=spoken(words) if transcript == "normalised" else " ".join(words),
            where=where,
            speaker=speaker,
            start=times[0],
            duration=times[1] - times[0],
            channel="AB".index(side),
        )


def spoken(words: list[str]) -> str:
    """What was said, in lower case; rules of Kaldi's swbd1_map_words.pl, and noises removed."""
    kept = []
    for word in words:
        word = word.lower()
        word = re.sub(r"^(-?)\[laughter-(.+)\](-?)$", r"\1\2\3", word)
        if re.fullmatch(r"\[[a-z-]+\]|<[ab]_aside>|<[be]_aside>", word):
            continue  # [noise], [laughter], [vocalized-noise], [silence]; asides
        word = re.sub(r"^\[(.+)/.+\](-?)$", r"\1\2", word)  # [it'n/isn't] -> it'n
        word = re.sub(r"^-?\[[^\]\[]+\](.+)$", r"-\1", word)  # -[an]y -> -y
        word = re.sub(r"^(.+)\[[^\]\[]+\]-?$", r"\1-", word)  # ab[solute]- -> ab-
        word = re.sub(r"^\{(.+)\}$", r"\1", word)  # {yuppiedom}: a word of the speaker's own
        word = re.sub(r"_\d", "", word)  # them_1 -> them
        kept.append(word)
    return " ".join(kept)


CORPUS = Switchboard(
    name="switchboard",
    title="Switchboard-1, 260 h of telephone conversations",
    licence="LDC User Agreement (https://catalog.ldc.upenn.edu/LDC97S62)",
    citation=(
        "John J. Godfrey, Edward C. Holliman and Jane McDaniel: Switchboard: telephone speech corpus for research and "
        "development. ICASSP 1992, pp. 517-520"
    ),
    homepage="https://catalog.ldc.upenn.edu/LDC97S62; transcripts: https://isip.piconepress.com/projects/switchboard/",
    transcripts=("normalised", "published"),
)
