"""VoxForge: sentences that volunteers sent in, one folder a session.

`SPEAKER-YYYYMMDD-xyz/etc/PROMPTS` with `SESSION/mfc/a0001 THE WORDS`, the audio in `wav/` or `flac/`,
`etc/README` with what the speaker told. Sessions are as their senders left them: recordings without prompt
and prompts without recording are counted, named and left out.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import (
    Corpus,
    Entry,
    first_existing,
    list_audio,
    read_pairs,
    report_untranscribed,
)
from asr.data.corpora.spelling import plain_words
from asr.errors import CorpusError

log = logging.getLogger(__name__)

_ABOUT = re.compile(
    r"^\s*(Gender|Age Range|Language|Pronunciation dialect)\s*:\s*(\S.*?)\s*;?\s*$", re.I | re.M
)


class VoxForge(Corpus):
    """One split, `all`: the corpus has no official ones."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Session by session."""
        prompts = sorted(
            {*root.glob("etc/PROMPTS"), *root.glob("*/etc/PROMPTS"), *root.glob("*/*/etc/PROMPTS")}
        )
        if not prompts:
            raise CorpusError(
                f"{root}: no SESSION/etc/PROMPTS in it; expected the unpacked sessions of VoxForge"
            )
        unrecorded: list[str] = []
        untranscribed: list[Path] = []
        for session in prompts:
            yield from _read_session(session, transcript, unrecorded, untranscribed)
        if unrecorded:
            log.warning(
                "%s: no recording of it, nor for %d more prompts; left out",
                unrecorded[0],
                len(unrecorded) - 1,
            )
        report_untranscribed(untranscribed, transcripts="PROMPTS")


def _read_session(
    prompts: Path, transcript: str, unrecorded: list[str], untranscribed: list[Path]
) -> Iterator[Entry]:
    session = prompts.parent.parent
    # `aaron-20080318-kdl` is a session of aaron; anonymous ones are told apart by their date and letters.
    speaker = re.sub(r"-\d{8,10}\w*-?\w*$", "", session.resolve().name)
    if speaker == "anonymous":
        speaker = session.resolve().name
    extras = _read_about(session / "etc" / "README")
    folder = first_existing(session / "wav", session / "flac")
    recordings = {audio.stem: audio for audio in list_audio(folder)} if folder.is_dir() else {}
    for number, place, words in read_pairs(prompts):
        name = place.rsplit("/", 1)[-1]
        audio = recordings.pop(name, None)
        if audio is None:
            unrecorded.append(f"{prompts}:{number}")
            continue
        yield Entry(
            split="all",
            id=f"{session.resolve().name}-{name}",
            audio=audio,
            text=plain_words(words) if transcript == "normalised" else words,
            where=f"{prompts}:{number}",
            speaker=speaker,
            extras=extras,
        )
    untranscribed.extend(recordings.values())


def _read_about(readme: Path) -> dict[str, str]:
    if not readme.exists():
        return {}
    # Senders wrote in whatever encoding their machine had; nothing here is a transcript.
    text = readme.read_text(encoding="utf-8", errors="replace")
    names = {
        "gender": "gender",
        "age range": "age",
        "language": "language",
        "pronunciation dialect": "accent",
    }
    return {names[key.lower()]: value for key, value in _ABOUT.findall(text)}


CORPUS = VoxForge(
    name="voxforge",
    title="VoxForge, sentences read by volunteers",
    licence="GPL 3",
    citation="VoxForge.org: free speech recognition. http://www.voxforge.org",
    homepage="http://www.repository.voxforge1.org/downloads/SpeechCorpus/Trunk/Audio/ (one archive a session)",
    transcripts=("normalised", "published"),
)
