"""From a corpus's name to manifests: fetch, unpack, read, measure, check, write.

OUT/
  SPLIT.jsonl     one manifest a split
  corpus.json     licence, citation, counts and hours, and what the publisher states of them
  downloads/      what --download fetched

All manifests appear at once, at the end: a run that fails or is interrupted leaves none of its own, and
those of an earlier run as they were. What was fetched and unpacked is kept, and not done again.
"""

import json
import logging
import os
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from asr.data.corpora.archives import unpack, unpack_nested
from asr.data.corpora.corpus import Corpus, Entry, Expected
from asr.data.corpora.downloads import Download, fetch_all
from asr.data.corpora.durations import measure
from asr.data.manifest import Utterance, any_twice, format_line
from asr.errors import CorpusError, UsageError
from asr.files import write_atomically

log = logging.getLogger(__name__)

DOWNLOADS = "downloads"
RECORD = "corpus.json"

# Publishers round their hours.
_HOURS_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest that was written, and what the publisher states of the split."""

    split: str
    manifest: Path
    utterances: int
    seconds: float
    expected: Expected

    @property
    def differences(self) -> list[str]:
        """How the split differs from what its publisher states; empty when it does not."""
        found = []
        wanted, hours = self.expected
        if wanted is not None and wanted != self.utterances:
            found.append(f"{self.utterances:,} utterances in {self.split}; the publisher states {wanted:,}")
        if hours is not None and abs(self.seconds / 3600 - hours) > max(0.006, _HOURS_TOLERANCE * hours):
            found.append(f"{self.seconds / 3600:.2f} h in {self.split}; the publisher states {hours:g} h")
        return found


def prepare(
    corpus: Corpus,
    source: Path | None,
    out: Path,
    *,
    subsets: Sequence[str] = (),
    only: Collection[str] = (),
    transcript: str | None = None,
    skip_broken: bool = False,
    progress: bool = False,
) -> list[Prepared]:
    """Read a corpus and write one manifest a split into `out`.

    Args:
        corpus: which.
        source: its folder, or its archive, which is unpacked into `out`; None downloads it.
        out: folder for manifests (and for what is downloaded or unpacked).
        subsets: what to download; may be empty where there is only one.
        only: splits to write, or what their names begin with (`dev` is `dev-clean` and `dev-other`);
            empty for all.
        transcript: kind of transcript, one of `corpus.transcripts`; None for the first.
        skip_broken: leave out utterances without transcript, or whose audio is missing or broken, and name them.
        progress: show progress bars on stderr.

    Raises:
        UsageError: a subset, a split or a kind of transcript that the corpus does not have.
        CorpusError: the source is missing or not laid out as published, or cannot be fetched. No
            manifest is written then.
    """
    kind = transcript or corpus.transcripts[0]
    if kind not in corpus.transcripts:
        raise UsageError(
            f"{corpus.name} has no transcript {kind!r}; known are {', '.join(corpus.transcripts)}"
        )
    root = corpus.expand(_provide(corpus, source, out, subsets=subsets, progress=progress), out)
    with ExitStack() as stack:
        manifests = _Manifests(out, stack, progress=progress)
        entries = _choose(corpus.read(root, transcript=kind), only, manifests.passed_over)
        for split, utterance, _ in measure(entries, skip_broken=skip_broken):
            manifests.write(split, utterance)
        if not manifests.splits:
            _refuse_nothing(root, only, manifests.passed_over)
        for split, written in manifests.splits.items():
            if any_twice(written.ids):
                _name_doubled(corpus.read(root, transcript=kind), split, where=root)
        prepared = [
            Prepared(
                split,
                out / f"{split}.jsonl",
                len(written.ids),
                written.seconds,
                corpus.expected.get(split, Expected()),
            )
            for split, written in manifests.splits.items()
        ]
        record = stack.enter_context(write_atomically(out / RECORD))
        json.dump(_record(corpus, kind, prepared), record, indent=2, ensure_ascii=False)
        record.write("\n")
    for item in prepared:
        for difference in item.differences:
            log.warning("%s: %s", root, difference)
    return prepared


def choose_downloads(corpus: Corpus, subsets: Sequence[str]) -> tuple[Download, ...]:
    """The files of the subsets; of the only one when none is named.

    Raises:
        CorpusError: nothing of the corpus can be fetched.
        UsageError: no such subset, or several and none named.
    """
    if not corpus.downloads:
        place = f" from {corpus.homepage}" if corpus.homepage else ""
        raise CorpusError(
            f"{corpus.name} cannot be downloaded by this command; get it{place} and give the folder"
        )
    known = ", ".join(corpus.downloads)
    if not subsets and len(corpus.downloads) > 1:
        raise UsageError(f"{corpus.name} comes in parts; choose with --subset, one or more of {known}")
    for subset in subsets:
        if subset not in corpus.downloads:
            raise UsageError(f"{corpus.name} has no subset {subset!r}; known are {known}")
    chosen = [item for subset in subsets or corpus.downloads for item in corpus.downloads[subset]]
    return tuple(dict.fromkeys(chosen))


def _provide(
    corpus: Corpus, source: Path | None, out: Path, *, subsets: Sequence[str], progress: bool
) -> Path:
    """The corpus as a folder: fetched and unpacked as far as need be."""
    if source is None:
        downloads = choose_downloads(corpus, subsets)
        archives = fetch_all(downloads, out / DOWNLOADS, progress=progress)
        for download, archive in zip(downloads, archives, strict=True):
            unpack(archive, out / download.folder, progress=progress)
        source = out
    elif not source.exists():
        raise CorpusError(f"{source}: no such folder or archive; expected {corpus.title}")
    elif source.is_file() and _is_archive(source):
        out.mkdir(parents=True, exist_ok=True)
        source = unpack(source, out, progress=progress)
    else:
        return source
    if corpus.nested:
        unpack_nested(sorted(source.glob(corpus.nested)))
    return source


def _is_archive(path: Path) -> bool:
    """By the name: a reader that takes a file (a table, a list) gets it as it is."""
    return re.search(r"\.(zip|tar|tgz|tbz2?|txz|tar\.\w+)$", path.name.lower()) is not None


@dataclass
class _Split:
    """A manifest that is being written."""

    file: IO[str]
    ids: "array[int]" = field(default_factory=lambda: array("q"))  # hashes of the ids
    seconds: float = 0.0


class _Manifests:
    """The manifests of all splits, open side by side; they appear when the stack is closed without error."""

    def __init__(self, out: Path, stack: ExitStack, *, progress: bool) -> None:
        from tqdm import tqdm

        self.out = out
        self.folder = os.path.abspath(out)
        self.stack = stack
        self.splits: dict[str, _Split] = {}
        self.passed_over: set[str] = set()
        self.bar = stack.enter_context(tqdm(desc="reading", unit=" utt", disable=not progress))

    def write(self, split: str, utterance: Utterance) -> None:
        """Append a line to the manifest of the split."""
        written = self.splits.get(split)
        if written is None:
            if not re.fullmatch(r"\w[\w.+-]*", split):
                raise CorpusError(
                    f"split {split!r} cannot name a file; expected letters, digits, '-' and '_'"
                )
            file = self.stack.enter_context(write_atomically(self.out / f"{split}.jsonl"))
            written = self.splits[split] = _Split(file)
        written.file.write(format_line(utterance, folder=self.folder) + "\n")
        written.ids.append(hash(utterance.id))
        written.seconds += utterance.duration
        self.bar.update()


def _choose(entries: Iterable[Entry], only: Collection[str], passed_over: set[str]) -> Iterator[Entry]:
    """Entries of the wanted splits that hold words; names of the other splits are collected."""
    wordless = 0
    first = ""
    for entry in entries:
        if only and not any(entry.split == name or entry.split.startswith(f"{name}-") for name in only):
            passed_over.add(entry.split)
        elif entry.text == "":
            wordless += 1
            first = first or f"{entry.where} (utt {entry.id})"
        else:
            yield entry
    if wordless:
        log.warning("%s: no words in its transcript, as in %d utterances in all; left out", first, wordless)


def _refuse_nothing(root: Path, only: Collection[str], passed_over: set[str]) -> None:
    if passed_over:
        raise UsageError(f"{root}: no split {', '.join(only)}; there are {', '.join(sorted(passed_over))}")
    raise CorpusError(f"{root}: no utterance in it; expected the corpus as its publisher lays it out")


def _name_doubled(entries: Iterable[Entry], split: str, *, where: Path) -> None:
    """Raise CorpusError for the first id that comes twice; the corpus is read again to find it."""
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.split != split or entry.fault:
            continue
        if entry.id in seen:
            raise CorpusError(
                f"{entry.where}: utterance id {entry.id!r} again, after {seen[entry.id]}; ids in a split must be "
                "unique: remove one of them"
            )
        seen[entry.id] = entry.where
    log.debug("%s: two ids share a hash", where)


def _record(corpus: Corpus, transcript: str, prepared: Sequence[Prepared]) -> dict[str, Any]:
    return {
        "corpus": corpus.name,
        "title": corpus.title,
        "licence": corpus.licence,
        "citation": corpus.citation,
        "homepage": corpus.homepage,
        "transcript": transcript,
        "splits": {
            item.split: {
                "manifest": item.manifest.name,
                "utterances": item.utterances,
                "hours": round(item.seconds / 3600, 3),
                "published": {
                    key: value for key, value in item.expected._asdict().items() if value is not None
                },
                "differences": item.differences,
            }
            for item in prepared
        },
    }
