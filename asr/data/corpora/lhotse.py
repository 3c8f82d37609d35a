"""lhotse's cuts: JSON lines (gzipped or not) of MonoCuts, each with its recording and supervisions.

Every supervision becomes an utterance: its own stretch of the recording, not the cut's. Given one file,
its name is the split (`librispeech_cuts_train-clean-5.jsonl.gz` is `train-clean-5`); given a folder, each
file whose name has `cuts` in it is one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asr.data.corpora.corpus import Corpus, Entry
from asr.data.corpora.json_lines import read_json_lines
from asr.errors import CorpusError


class Lhotse(Corpus):
    """Cuts of recordings that are files; language, gender and custom fields are kept."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Supervisions in the order of the cuts."""
        files = (
            [root] if root.is_file() else sorted([*root.glob("*cuts*.jsonl"), *root.glob("*cuts*.jsonl.gz")])
        )
        if not files:
            raise CorpusError(f"{root}: no *cuts*.jsonl or .jsonl.gz in it; expected lhotse's cuts")
        for file in files:
            stem = file.name.removesuffix(".gz").removesuffix(".jsonl")
            split = stem.rpartition("cuts_")[2] if "cuts_" in stem else stem
            for where, cut in read_json_lines(file):
                try:
                    yield from _entries(cut, file.parent, split=split, where=where)
                except (KeyError, TypeError, AttributeError, ValueError) as error:
                    raise CorpusError(
                        f"{where}: no or odd {error}; expected a MonoCut with its recording"
                    ) from None


def _entries(cut: dict[str, Any], folder: Path, *, split: str, where: str) -> Iterator[Entry]:
    kind = cut.get("type", "MonoCut")
    if kind not in {"MonoCut", "MultiCut"}:
        raise CorpusError(
            f"{where}: a {kind}; expected cuts of single recordings: save them with lhotse first"
        )
    supervisions = cut.get("supervisions") or []
    for supervision in supervisions:
        channel = supervision.get("channel", cut.get("channel"))
        channel = channel[0] if isinstance(channel, list) else channel
        audio, position = _source(cut["recording"], channel, folder, where)
        extras = {key: supervision[key] for key in ("language", "gender") if supervision.get(key)}
        yield Entry(
            split=split,
            id=str(supervision["id"]),
            audio=audio,
            text=supervision.get("text"),
            where=where,
            speaker=supervision.get("speaker"),
            # A supervision's start counts from the beginning of its cut.
            start=max(0.0, float(cut["start"]) + float(supervision["start"])),
            duration=float(supervision["duration"]),
            channel=position,
            extras={**extras, **(supervision.get("custom") or {})},
        )


def _source(
    recording: dict[str, Any], channel: int | None, folder: Path, where: str
) -> tuple[Path, int | None]:
    """The file that holds the channel, and where in it; None where it is the file's only one."""
    for source in recording["sources"]:
        if channel is not None and channel not in source["channels"]:
            continue
        if source["type"] != "file":
            raise CorpusError(
                f"{where}: the recording is of type {source['type']!r}; expected files: save it with lhotse first"
            )
        alone = len(source["channels"]) == 1
        position = None if alone or channel is None else source["channels"].index(channel)
        return folder / source["source"], position
    raise CorpusError(f"{where}: no source has channel {channel}; correct the cut")


CORPUS = Lhotse(name="lhotse", title="lhotse's cuts: JSON lines of MonoCuts with recordings and supervisions")
