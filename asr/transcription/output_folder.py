"""The folder that transcriptions go to: what is finished in it, and how a run that was killed goes on.

One rule: a recording is finished when there is a line for it, in `transcripts.jsonl` or in the folder of
unfinished runs, that names the same recogniser and formats, and every output that it names is there. The
outputs are written first, each atomically, the line after them. A kill at any moment leaves recordings that
are finished and recordings that are done again.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asr.decoding.hypothesis import AlignedWord
from asr.errors import AsrError
from asr.files import remove_leftovers, write_atomically
from asr.transcription.formats import FORMATS, SubtitleRules, render
from asr.transcription.recordings import Recording
from asr.transcription.transcript import Transcription, by_channel, spoken_words

TRANSCRIPTS = "transcripts.jsonl"
UNFINISHED = ".unfinished"


class OutputFolder:
    """Writes outputs, and knows what is finished.

    Args:
        folder: made when it is missing.
        formats: some of `FORMATS`.
        subtitles: how srt and vtt make cues.
        settings: what made the transcriptions, in words; a recording that other settings made is not
            finished.

    Raises:
        AsrError: a file stands where the folder should be.
    """

    def __init__(
        self, folder: Path, *, formats: Sequence[str], subtitles: SubtitleRules, settings: str
    ) -> None:
        self.folder = folder
        self.formats = tuple(formats)
        self.subtitles = subtitles
        self.settings = settings
        if folder.exists() and not folder.is_dir():
            raise AsrError(f"{folder}: a file; expected a folder for the outputs")

    def outputs(self, recording: Recording) -> list[Path]:
        """The files that a recording gets."""
        return [self.folder / f"{recording.name}{FORMATS[name]}" for name in self.formats]

    def begin(self, *, resume: bool) -> None:
        """Forget what earlier runs left, unless their work goes on; and what a killed one had begun to write."""
        endings = [*(FORMATS[name] for name in self.formats), TRANSCRIPTS]
        remove_leftovers(self.folder, *(f"*{ending}" for ending in endings))
        if not resume:
            shutil.rmtree(self.folder / UNFINISHED, ignore_errors=True)
            (self.folder / TRANSCRIPTS).unlink(missing_ok=True)

    def finished(self, recordings: Sequence[Recording]) -> dict[str, str]:
        """The lines of the recordings that are finished, by name."""
        lines = self._merged_lines()
        found = {}
        for recording in recordings:
            marker = self._marker(recording)
            if marker.exists():
                lines[recording.name] = marker.read_text(encoding="utf-8").strip()
            line = lines.get(recording.name)
            if line is not None and self._holds(line, recording):
                found[recording.name] = line
        return found

    def write(self, recording: Recording, transcription: Transcription) -> None:
        """Write the outputs, then the line that says so. Raises AsrError when there is no room."""
        for name, path in zip(self.formats, self.outputs(recording), strict=True):
            with write_atomically(path, durable=False) as file:
                file.write(render(transcription, name, name=recording.name, subtitles=self.subtitles))
        with write_atomically(self._marker(recording), durable=False) as file:
            file.write(self._line(recording, transcription) + "\n")

    def records(self, recordings: Sequence[Recording]) -> list[dict[str, Any]]:
        """What the lines of the finished recordings hold, in order."""
        finished = self.finished(recordings)
        return [json.loads(finished[one.name]) for one in recordings if one.name in finished]

    def merge(self, recordings: Sequence[Recording]) -> None:
        """Gather the lines of all finished recordings, in order, into `transcripts.jsonl`."""
        finished = self.finished(recordings)
        with write_atomically(self.folder / TRANSCRIPTS) as file:
            for recording in recordings:
                if recording.name in finished:
                    file.write(finished[recording.name] + "\n")
        shutil.rmtree(self.folder / UNFINISHED, ignore_errors=True)

    def _marker(self, recording: Recording) -> Path:
        return self.folder / UNFINISHED / f"{recording.name}.json"

    def _line(self, recording: Recording, transcription: Transcription) -> str:
        """A manifest line with the words as they were recognised, which can be trained on, or scored; the text as it was written, and that of
        each channel where channels are told apart."""
        record: dict[str, object] = {"id": recording.name, "audio": str(recording.audio.absolute())}
        if not recording.whole:
            record["start"] = recording.start
        record["duration"] = round(transcription.duration, 6)
        if recording.channel is not None:
            record["channel"] = recording.channel
        aligned = [word.confidence for word in transcription.words if isinstance(word, AlignedWord)]
        if aligned:
            record["confidence"] = round(sum(aligned) / len(aligned), 4)
        if transcription.misfits:
            record["misfits"] = [str(misfit) for misfit in transcription.misfits]
        record["text"] = transcription.verbatim
        if transcription.is_written:
            record["written"] = transcription.text
        if transcription.has_channels:
            record["channels"] = {
                str(channel): " ".join(word.text for word in spoken_words(words))
                for channel, words in by_channel(transcription.words).items()
            }
        record |= {"formats": list(self.formats), "recogniser": self.settings}
        return json.dumps(record, ensure_ascii=False)

    def _holds(self, line: str, recording: Recording) -> bool:
        try:
            record = json.loads(line)
        except ValueError:
            return False
        return (
            isinstance(record, Mapping)
            and record.get("recogniser") == self.settings
            and record.get("audio") == str(recording.audio.absolute())
            and set(self.formats) == set(record.get("formats", ()))
            and all(path.exists() for path in self.outputs(recording))
        )

    def _merged_lines(self) -> dict[str, str]:
        try:
            text = (self.folder / TRANSCRIPTS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        lines = {}
        for line in text.splitlines():
            try:
                lines[str(json.loads(line)["id"])] = line
            except (ValueError, KeyError, TypeError):
                continue  # not one of ours: that recording is done again
        return lines
