"""What a corpus reader is, and the machinery that all readers share.

A corpus is one file in this folder with a class that derives from `Corpus` and an instance of it named
`CORPUS`. `asr prepare` finds it by the file's name; nothing else needs to change.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.data.audio import audio_info
from asr.data.corpora.archives import Download, fetch, unpack
from asr.data.manifest import Utterance, write_manifest
from asr.errors import CorpusError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Corpus:
    """A published corpus, or a shape of folder.

    Attributes:
        name: as in `asr prepare NAME`.
        title: one line for people.
        licence: how it may be used.
        downloads: what `--download` fetches; empty when there is nothing to fetch.
        expected: utterances a split as published; a difference is reported.
    """

    name: str
    title: str
    licence: str = ""
    downloads: tuple[Download, ...] = ()
    expected: Mapping[str, int] | None = None

    def read(self, root: Path) -> Mapping[str, Sequence[Utterance]]:
        """Utterances of each split, from the unpacked folder.

        Raises:
            CorpusError: the folder is not laid out as published; the message names the file.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest that was written."""

    split: str
    manifest: Path
    utterances: int
    seconds: float


def prepare(corpus: Corpus, source: Path | None, out: Path, *, progress: bool = False) -> list[Prepared]:
    """Read a corpus and write one manifest a split into `out`.

    Args:
        corpus: which.
        source: its folder, or its archive, which is unpacked into `out`; None downloads it.
        out: folder for manifests (and for what is downloaded or unpacked).
        progress: show progress bars on stderr.

    Raises:
        CorpusError: the source is missing or not laid out as published, or cannot be fetched. No
            manifest is written then.
    """
    if source is None:
        source = _download(corpus, out, progress=progress)
    if not source.exists():
        raise CorpusError(f"{source}: no such folder or archive; expected {corpus.title}")
    if source.is_file():
        source = unpack(source, out, progress=progress)
    splits = corpus.read(source)
    for split, utterances in splits.items():
        expected = (corpus.expected or {}).get(split)
        if expected is not None and expected != len(utterances):
            log.warning("%s: %d utterances in %s; the publisher states %d", source, len(utterances), split, expected)
    return [
        Prepared(
            split,
            out / f"{split}.jsonl",
            write_manifest(out / f"{split}.jsonl", utterances),
            sum(utterance.duration for utterance in utterances),
        )
        for split, utterances in splits.items()
    ]


def _download(corpus: Corpus, out: Path, *, progress: bool) -> Path:
    if not corpus.downloads:
        raise CorpusError(f"{corpus.name} cannot be downloaded; give the folder you have it in")
    for download in corpus.downloads:
        archive = fetch(download, out / "downloads", progress=progress)
        unpack(archive, out, progress=progress)
    return out


def find_root(place: Path, marker: str) -> Path:
    """The folder at `place`, or at most two levels below it, that holds the relative path `marker`.

    Raises:
        CorpusError: no such folder.
    """
    for candidate in (place, *sorted(place.glob("*/")), *sorted(place.glob("*/*/"))):
        if (candidate / marker).exists():
            return candidate
    raise CorpusError(f"{place}: no {marker} in it; expected the corpus as its publisher lays it out")


def read_lines(path: Path) -> list[str]:
    """Lines of a transcript file.

    Raises:
        CorpusError: missing, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file; the corpus is incomplete: fetch or unpack it again") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 (byte {error.start}); convert it with iconv") from None


def with_duration(path: Path) -> float:
    """Seconds of an audio file, from its header. Raises AudioError."""
    return audio_info(path).duration


def check_unique(utterances: Iterable[Utterance], *, where: Path) -> None:
    """Raise CorpusError when two utterances share an id."""
    seen: dict[str, Path] = {}
    for utterance in utterances:
        if utterance.id in seen:
            raise CorpusError(
                f"{where}: utterance id {utterance.id!r} twice: {seen[utterance.id]} and {utterance.audio}"
            )
        seen[utterance.id] = utterance.audio
