"""lhotse's manifests: cuts, or recordings and supervisions as `lhotse prepare` leaves them (JSON lines, gzipped or not).

Cuts are MonoCuts, each with its recording and supervisions. Recordings and supervisions are joined by their ids:
`librispeech_recordings_dev-clean.jsonl.gz` with `librispeech_supervisions_dev-clean.jsonl.gz`. Every supervision
becomes an utterance: its own stretch of the recording, not the cut's. Given one file, its name is the split
(`librispeech_cuts_train-clean-5.jsonl.gz` is `train-clean-5`); given a folder, each file whose name has `cuts` in it is
one, and so is each pair of recordings and supervisions that no cuts were made of.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asr.data.corpora.corpus import Corpus, Entry, check_text, faulty
from asr.data.corpora.json_lines import read_json_lines
from asr.data.corpora.tables import seconds
from asr.errors import CorpusError

log = logging.getLogger(__name__)

_KINDS = ("cuts", "recordings", "supervisions")

# What comes of values that lhotse does not write.
_ODD = (LookupError, TypeError, AttributeError, ValueError, OverflowError)


class _Manifest(NamedTuple):
    """A file of lhotse's: what it holds and of which split."""

    path: Path
    kind: str
    split: str


class Lhotse(Corpus):
    """Cuts, or recordings and supervisions, of recordings that are files; language, gender and custom fields are kept."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Supervisions in the order of the cuts, or of the file of supervisions."""
        folder = root.parent if root.is_file() else root
        found = {
            (item.split, item.kind): item.path
            for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
            if (item := _classify(path)) is not None
        }
        if root.is_file():
            named = _classify(root) or _Manifest(root, "cuts", _stem(root))
            if named.kind == "cuts":
                found = {(named.split, "cuts"): root}
            else:
                found.pop((named.split, "cuts"), None)
            splits = [named.split]
        else:
            splits = list(dict.fromkeys(split for split, _ in found))
        if not splits:
            raise CorpusError(
                f"{root}: no *cuts*.jsonl or .jsonl.gz in it, nor *recordings* and *supervisions*; expected lhotse's "
                "manifests"
            )
        for split in splits:
            cuts, recordings, supervisions = (found.get((split, kind)) for kind in _KINDS)
            if cuts is not None:
                yield from _read_cuts(cuts, split=split)
            elif recordings is None or supervisions is None:
                there, lacking = (
                    (recordings, "supervisions") if supervisions is None else (supervisions, "recordings")
                )
                raise CorpusError(
                    f"{there}: no *{lacking}* of the split {split!r} beside it; expected both: `lhotse prepare` writes them"
                )
            else:
                yield from _read_pair(recordings, supervisions, split=split)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def _classify(path: Path) -> _Manifest | None:
    """What a file holds, by its name: `[CORPUS_]KIND[_SPLIT]`; None where the name does not say."""
    stem = _stem(path)
    for kind in _KINDS:
        prefix, marker, split = stem.rpartition(kind)
        if marker:
            return _Manifest(path, kind, split.strip("_-.") or prefix.strip("_-.") or stem)
    return None


def _read_cuts(path: Path, *, split: str) -> Iterator[Entry]:
    for where, cut in read_json_lines(path):
        try:
            yield from _entries(cut, path.parent, split=split, where=where)
        except _ODD as error:
            raise CorpusError(f"{where}: no or odd {error}; expected a MonoCut with its recording") from None


def _read_pair(recordings: Path, supervisions: Path, *, split: str) -> Iterator[Entry]:
    """Each supervision with the recording that it is of."""
    known: dict[str, dict[str, Any]] = {}
    for where, recording in read_json_lines(recordings):
        try:
            # Only what is needed: there may be a million.
            known[str(recording["id"])] = {
                "sources": recording["sources"],
                "transforms": recording.get("transforms"),
            }
        except KeyError as error:
            raise CorpusError(f"{where}: no {error}; expected a recording") from None
    heard = set()
    for where, supervision in read_json_lines(supervisions):
        try:
            name = str(supervision["recording_id"])
            if name not in known:
                yield faulty(
                    f"{where}: recording {name} is not in {recordings}; add it there, or leave it out with "
                    "--skip-broken",
                    split=split,
                )
                continue
            heard.add(name)
            yield _entry(supervision, known[name], recordings.parent, split=split, where=where)
        except _ODD as error:
            raise CorpusError(f"{where}: no or odd {error}; expected a supervision") from None
    silent = [name for name in known if name not in heard]
    if silent:
        log.warning(
            "%s: nothing is said of %s in %s, nor of %d more recordings; left out",
            recordings,
            silent[0],
            supervisions.name,
            len(silent) - 1,
        )


def _entries(cut: dict[str, Any], folder: Path, *, split: str, where: str) -> Iterator[Entry]:
    kind = cut.get("type", "MonoCut")
    if kind not in {"MonoCut", "MultiCut"}:
        raise CorpusError(
            f"{where}: a {kind}; expected cuts of single recordings: save them with lhotse first"
        )
    for supervision in cut.get("supervisions") or []:
        yield _entry(supervision, cut["recording"], folder, split=split, where=where, cut=cut)


def _entry(
    supervision: dict[str, Any],
    recording: dict[str, Any],
    folder: Path,
    *,
    split: str,
    where: str,
    cut: dict[str, Any] | None = None,
) -> Entry:
    """The utterance of a supervision of a recording, or of a cut of it."""
    cut = cut or {"start": 0.0}
    channel = supervision.get("channel", cut.get("channel"))
    channel = channel[0] if isinstance(channel, list) else channel
    audio, position = _source(recording, channel, folder, where)
    extras = {key: supervision[key] for key in ("language", "gender") if supervision.get(key)}
    check_text(supervision.get("text"), where)
    # A supervision's start counts from the beginning of its cut, and may lie before it.
    start = seconds(max(float(cut["start"]) + float(supervision["start"]), 0.0), where)
    duration = seconds(supervision["duration"], where)
    if start is None or duration is None:
        raise CorpusError(f"{where}: no start or duration; expected seconds")
    return Entry(
        split=split,
        id=str(supervision["id"]),
        audio=audio,
        text=supervision.get("text"),
        where=where,
        speaker=supervision.get("speaker"),
        start=start,
        duration=duration,
        channel=position,
        extras={**extras, **(supervision.get("custom") or {})},
    )


def _source(
    recording: dict[str, Any], channel: int | None, folder: Path, where: str
) -> tuple[Path, int | None]:
    """The file that holds the channel, and where in it; None where it is the file's only one."""
    if recording.get("transforms"):
        raise CorpusError(
            f"{where}: the recording is changed as it is read ({recording['transforms']}); expected plain files: save "
            "it with lhotse first"
        )
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


CORPUS = Lhotse(
    name="lhotse", title="lhotse's cuts, or its recordings and supervisions: JSON lines, gzipped or not"
)
