"""NeMo's manifests: JSON lines with `audio_filepath`, `duration`, `text`, and `offset`, `speaker`, ... at will.

Given one file, its name is the split (`train_manifest.json` is `train`); given a folder, each `.json` and
`.jsonl` in it is one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asr.data.corpora.corpus import Corpus, Entry, check_text, faulty, name_of, read_lines
from asr.data.corpora.json_lines import read_json_lines
from asr.data.corpora.tables import seconds
from asr.errors import CorpusError

_AUDIO = ("audio_filepath", "audio", "audio_filename", "wav_filename")
_TEXT = ("text", "text_filepath", "sentence", "transcript")
_OWN = {*_AUDIO, *_TEXT, "duration", "offset", "speaker", "id"}


class Nemo(Corpus):
    """One object a line; what is neither audio, time, text nor speaker is kept as it is."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances in the order of the lines."""
        manifests = [root] if root.is_file() else sorted([*root.glob("*.json"), *root.glob("*.jsonl")])
        if not manifests:
            raise CorpusError(f"{root}: no .json or .jsonl in it; expected manifests of JSON lines")
        for manifest in manifests:
            split = manifest.stem.removesuffix("_manifest").removesuffix(".manifest")
            for where, record in read_json_lines(manifest):
                try:
                    yield _entry(record, manifest, split=split, where=where)
                except CorpusError as error:
                    yield faulty(f"{error}, or leave the line out with --skip-broken", split=split)


def _entry(record: dict[str, Any], manifest: Path, *, split: str, where: str) -> Entry:
    audio = next((record[key] for key in _AUDIO if record.get(key)), None)
    text = next((record[key] for key in _TEXT if record.get(key) is not None), None)
    if not isinstance(audio, str):
        raise CorpusError(f"{where}: no audio_filepath; expected the path of a file")
    if isinstance(record.get("text_filepath"), str) and "text" not in record:
        text = " ".join(read_lines(manifest.parent / record["text_filepath"])).strip()
    check_text(text, where)
    start, duration = seconds(record.get("offset"), where) or 0.0, seconds(record.get("duration"), where)
    name = name_of(audio, where).strip("/.").replace("/", "-")
    speaker = record.get("speaker")
    return Entry(
        split=split,
        id=str(record.get("id") or (f"{name}-{round(1000 * start):08d}" if record.get("offset") else name)),
        audio=manifest.parent / audio,
        text=text,
        where=where,
        speaker=None if speaker is None else str(speaker),
        start=start,
        duration=duration,
        extras={key: value for key, value in record.items() if key not in _OWN},
    )


CORPUS = Nemo(name="nemo", title="NeMo's manifests: JSON lines with audio_filepath, duration and text")
