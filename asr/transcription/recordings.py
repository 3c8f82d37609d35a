"""What the user names (files, folders, globs, manifests, stdin) -> recordings with names of their own."""

import glob
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from asr.data.audio import AUDIO_ENDINGS, STDIN, AudioFile, header_info, is_stream, open_audio
from asr.data.manifest import Utterance, read_manifest
from asr.errors import AsrError, UsageError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    """Something to transcribe.

    Attributes:
        name: unique among the recordings of a run; a relative path without ending, which names its outputs.
        audio: the file; of a pipe, its copy.
        source: what the user calls it, for messages.
        duration: seconds; None where only decoding the file will tell.
        start: seconds from the beginning of the file.
        channel: of the file, counted from 0; None mixes all of them.
        whole: whether it is all of the file.
        allow_truncated: whether what is there of a file that was cut short will do.
        held: what keeps the copy of a pipe there.
    """

    name: str
    audio: Path
    source: str
    duration: float | None
    start: float = 0.0
    channel: int | None = None
    whole: bool = True
    allow_truncated: bool = False
    held: AudioFile | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, utterance: Utterance) -> "Recording":
        """An utterance of a manifest, named by its id."""
        return cls(
            utterance.id,
            utterance.audio,
            f"utt {utterance.id}",
            utterance.duration,
            start=utterance.start,
            channel=utterance.channel,
            whole=False,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording, or something named on the command line, that could not be transcribed, and why."""

    source: str
    error: AsrError

    def __str__(self) -> str:
        text = str(self.error)
        return text if self.source in text else f"{self.source}: {text}"


def find_recordings(
    inputs: Sequence[str], *, allow_truncated: bool = False
) -> tuple[list[Recording], list[Failure]]:
    """The recordings that are meant, in order, each file once; and what is not there or not readable.

    A folder is walked for audio and video by their endings, sorted by path; a `.jsonl` file is a manifest,
    each of whose utterances is a recording named by its id; what does not exist and has `*`, `?` or `[` in
    it is a glob, `**` for any depth. What comes through a pipe (`-`, `/dev/stdin`, `<(...)`) is read to its end.

    Args:
        inputs: as the user wrote them.
        allow_truncated: take what is there of files that were cut short.

    Raises:
        UsageError: a folder or a glob without audio, or two manifest utterances of one name.
        ManifestError: a manifest that cannot be read.
    """
    candidates: list[Recording] = []
    for text in inputs:
        path = Path(text)
        if text == STDIN:
            candidates.append(Recording("stdin", path, "stdin", None))
        elif path.is_dir():
            candidates += _walk(path)
        elif path.suffix == ".jsonl":
            candidates += _listed(path)
        elif not path.exists() and glob.has_magic(text):
            found = [Path(name) for name in sorted(glob.glob(text, recursive=True))]
            files = [name for name in found if name.is_file()]
            if not files:
                raise UsageError(f"{text}: no file matches")
            candidates += [_file(name) for name in files]
        else:
            candidates.append(_file(path))
    failures, recordings = [], []
    for recording in _named(_once(candidates)):
        try:
            recordings.append(_measured(replace(recording, allow_truncated=allow_truncated)))
        except AsrError as error:
            failures.append(Failure(recording.source, error))
    return recordings, failures


def _file(path: Path) -> Recording:
    return Recording(path.stem, path, str(path), None)


def _walk(folder: Path) -> list[Recording]:
    """The audio and video files below a folder, named by their path within it."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in AUDIO_ENDINGS and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise UsageError(
            f"{folder}: no audio in this folder; expected files such as .wav, .flac, .mp3 or .mp4"
        )
    return [
        Recording(path.relative_to(folder).with_suffix("").as_posix(), path, str(path), None)
        for path in found
    ]


def _listed(manifest: Path) -> list[Recording]:
    """The utterances of a manifest."""
    return [Recording.of(utterance) for utterance in read_manifest(manifest)]


def _once(candidates: Sequence[Recording]) -> list[Recording]:
    """Without the files that were named before."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for recording in candidates:
        # An utterance is told from others by its id, too: two may lie over the same stretch.
        key = (recording.audio.absolute(), recording.whole or (recording.name, recording.start))
        if key not in seen:
            seen.add(key)
            kept.append(recording)
    return kept


def _named(recordings: Sequence[Recording]) -> list[Recording]:
    """With names that differ, on file systems that ignore case as well, and stay below the output folder.

    `talk.wav` and `talk.mp3` become `talk.wav` and `talk.mp3`, not two of `talk`; if that does not tell them
    apart, numbers do.
    """
    named = [replace(recording, name=_inside(recording.name)) for recording in recordings]
    counts = Counter(recording.name.casefold() for recording in named)
    named = [
        replace(recording, name=recording.name + recording.audio.suffix)
        if counts[recording.name.casefold()] > 1 and recording.whole
        else recording
        for recording in named
    ]
    taken: set[str] = set()
    final = []
    for recording in named:
        name, number = recording.name, 2
        while name.casefold() in taken:
            name, number = f"{recording.name}-{number}", number + 1
        if name != recording.name:
            log.info(
                "%s: another recording is called %s; its outputs are called %s",
                recording.source,
                recording.name,
                name,
            )
        taken.add(name.casefold())
        final.append(replace(recording, name=name))
    return final


def _inside(name: str) -> str:
    """A relative path without `..`, whatever an id in a manifest looks like."""
    parts = [
        part for part in name.replace("\\", "/").replace("\0", "").split("/") if part not in ("", ".", "..")
    ]
    return "/".join(parts) or "recording"


def _measured(recording: Recording) -> Recording:
    """With the duration, where a header tells it. Raises AudioError for what is no audio."""
    if recording.duration is not None:
        return recording
    if is_stream(recording.audio):
        held = open_audio(recording.audio, allow_truncated=recording.allow_truncated)
        return replace(recording, audio=held.path, duration=held.info.duration, held=held)
    info = header_info(recording.audio, allow_truncated=recording.allow_truncated)
    return replace(recording, duration=None if info is None else info.duration)
