"""A Kaldi data folder: `wav.scp`, `text`, and `segments`, `utt2spk`, `spk2gender`, ... where they are.

Given one data folder, its name is the split; given a folder of data folders (`data/train`, `data/test`),
each becomes a split.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asr.data.audio import AUDIO_ENDINGS
from asr.data.corpora.corpus import Corpus, Entry, faulty, first_existing, read_pairs
from asr.data.corpora.tables import seconds
from asr.errors import CorpusError

# Programs of which a wav.scp line may be a pipe: what they read is read here without them.
_READERS = {"sph2pipe", "flac", "sox", "ffmpeg", "cat"}
_AUDIO = re.compile(f"({'|'.join(map(re.escape, sorted(AUDIO_ENDINGS)))})$", re.IGNORECASE)


class Recording(NamedTuple):
    """A line of wav.scp: a file, and the channel that its command takes (None for all)."""

    audio: Path
    channel: int | None
    where: str


class Kaldi(Corpus):
    """One data folder, or a folder of them."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances in the order of `segments`, or of `text`."""
        lists = [*root.glob("wav.scp")] or sorted([*root.glob("*/wav.scp"), *root.glob("*/*/wav.scp")])
        folders = [path.parent for path in lists]
        if not folders:
            raise CorpusError(f"{root}: no wav.scp in it; expected a Kaldi data folder, or a folder of them")
        for folder in folders:
            yield from read_data_folder(folder, split=folder.resolve().name)


def read_data_folder(folder: Path, *, split: str) -> Iterator[Entry]:
    """The utterances of one data folder.

    Raises:
        CorpusError: an utterance without recording, a transcript without utterance, an id twice, a malformed line, or
            a command in wav.scp that is more than reading one file. Utterances without transcript come as faulty entries.
    """
    recordings = {
        name: parse_recording(rest, folder=folder, where=f"{folder / 'wav.scp'}:{number}")
        for number, name, rest in read_pairs(folder / "wav.scp")
    }
    texts = {name: text for _, name, text in read_pairs(folder / "text")}
    speakers = _read_optional(folder / "utt2spk")
    conditions = {
        key: _read_optional(folder / name) for key, name in (("gender", "spk2gender"), ("age", "spk2age"))
    }
    seen = set()
    for name, recording, start, end, where in _utterances(folder, recordings):
        if name not in texts:
            yield faulty(
                f"{where}: no transcript of {name} in {folder / 'text'}; add it, remove the line, or leave it out with "
                "--skip-broken",
                split=split,
            )
            continue
        seen.add(name)
        speaker = speakers.get(name)
        yield Entry(
            split=split,
            id=name,
            audio=recording.audio,
            text=texts[name],
            where=where,
            speaker=speaker,
            start=start,
            duration=None if end is None else end - start,
            channel=recording.channel,
            extras={key: known[speaker] for key, known in conditions.items() if speaker in known},
        )
    left = [name for name in texts if name not in seen]
    if left:
        raise CorpusError(
            f"{folder / 'text'}: {left[0]} has no recording in wav.scp or segments, nor have {len(left) - 1} more; "
            "remove the lines (utils/fix_data_dir.sh does)"
        )


def _utterances(
    folder: Path, recordings: dict[str, Recording]
) -> Iterator[tuple[str, Recording, float, float | None, str]]:
    """Id, recording, start and end in seconds, and where that is written."""
    segments = folder / "segments"
    if not segments.exists():
        for name, recording in recordings.items():
            yield name, recording, 0.0, None, recording.where
        return
    for number, name, rest in read_pairs(segments):
        where = f"{segments}:{number}"
        try:
            key, begin, last = rest.split()
        except ValueError:
            raise CorpusError(
                f"{where}: got {rest!r}; expected UTTERANCE RECORDING START END in seconds"
            ) from None
        if key not in recordings:
            raise CorpusError(f"{where}: recording {key} is not in {folder / 'wav.scp'}; add it there")
        start = seconds(begin, where) or 0.0
        end = None if last.startswith("-") else seconds(last, where)  # -1 means the end of the file
        if end is not None and end <= start:
            raise CorpusError(f"{where}: from {begin} s to {last} s; expected START before END")
        yield name, recordings[key], start, end, where


def parse_recording(line: str, *, folder: Path, where: str) -> Recording:
    """The file of a wav.scp line: a path, or a command that only reads one file, such as sph2pipe's.

    Raises:
        CorpusError: another command; commands are not run.
    """
    if not line.endswith("|"):
        return Recording(_find(line, folder), None, where)
    try:
        words = shlex.split(line[:-1])
    except ValueError as error:
        raise CorpusError(f"{where}: {line!r}: {error}; correct the command") from None
    files = [word for word in words[1:] if _AUDIO.search(word)]
    program = Path(words[0]).name if words else ""
    if program not in _READERS or len(files) != 1 or "|" in words:
        raise CorpusError(
            f"{where}: {line!r} is a command that does more than read a file; run it, and name its output in wav.scp"
        )
    channel = None
    if program == "sph2pipe" and "-c" in words:
        number = [*words, ""][words.index("-c") + 1]
        if number not in {"1", "2"}:
            raise CorpusError(f"{where}: channel {number!r}; expected sph2pipe's -c 1 or -c 2")
        channel = int(number) - 1
    elif program in {"sox", "ffmpeg"} and not _only_converts(words):
        raise CorpusError(f"{where}: {line!r} changes the sound; run it, and name its output in wav.scp")
    return Recording(_find(files[0], folder), channel, where)


def _only_converts(words: list[str]) -> bool:
    """Whether a sox or ffmpeg command sets nothing but format, rate and channels."""
    harmless = re.compile(
        r"-|-t|-e|-b|-r|-c|-f|-i|-ac|-ar|-nostdin|-v|-loglevel|\d+k?|wav\w*|signed-integer|error|quiet"
    )
    return all(_AUDIO.search(word) or harmless.fullmatch(word) for word in words[1:])


def _find(name: str, folder: Path) -> Path:
    """Recipes write paths relative to where they run; here: to the data folder, or one of those above it."""
    path = Path(name.strip())
    if path.is_absolute():
        return path
    return first_existing(folder / path, folder.parent / path, folder.parent.parent / path, path)


def _read_optional(path: Path) -> dict[str, str]:
    return {name: value for _, name, value in read_pairs(path)} if path.exists() else {}


CORPUS = Kaldi(
    name="kaldi", title="a Kaldi data folder (wav.scp, text, segments, utt2spk), or a folder of them"
)
