"""The Wall Street Journal corpora (WSJ0, LDC93S6A, and WSJ1, LDC94S13A) as on LDC's disks.

Disks are folders `11-1.1` ... `13-34.1`; index files name what belongs to a split
(`11_1_1:wsj0/si_tr_s/01t/01to030v.wv1`), `*.dot` files hold the transcripts, the audio is
shorten-compressed SPHERE. The splits are those of Kaldi's recipe: train_si284, train_si84, dev93, eval92,
eval93, each with the largest vocabulary and without verbalised punctuation.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, read_lines
from asr.errors import CorpusError

_TRAIN_WSJ0 = "11-13.1/wsj0/doc/indices/train/tr_s_wv1.ndx"
_SPLITS = {
    "train_si284": ("13-34.1/wsj1/doc/indices/si_tr_s.ndx", _TRAIN_WSJ0),
    "train_si84": (_TRAIN_WSJ0,),
    "dev93": ("13-34.1/wsj1/doc/indices/h1_p0.ndx",),
    "eval92": ("11-13.1/wsj0/doc/indices/test/nvp/si_et_20.ndx",),
    "eval93": ("13-32.1/wsj1/doc/indices/wsj1/eval/h1_p0.ndx",),
}
_DISK = re.compile(r"\d\d-\d+\.\d")
_INDEX_LINE = re.compile(r"(?P<disk>\d+_\d+_\d+):\s*/?(?P<path>\S+)")
_TRANSCRIPT = re.compile(r"(?P<text>.*)\((?P<id>\w{8})\)\s*")
# [<door_slam] [door_slam>] [phone_ring/] [/phone_ring] [loud_breath]
_NOISE = re.compile(r"\[[</]?\w+[/>]?\]")


class Wsj(Corpus):
    """Splits whose index file is there; at least one of the two corpora."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances in the order of the index files."""
        disks = {
            path.name: path
            for path in sorted([*root.glob("*/"), *root.glob("*/*/")])
            if _DISK.fullmatch(path.name)
        }
        if not any(name in disks for name in ("11-13.1", "13-34.1")):
            raise CorpusError(
                f"{root}: no disk 11-13.1 or 13-34.1 in it; expected LDC's disks, each a folder"
            )
        dots = {path.stem.lower(): path for disk in disks.values() for path in _find_dots(disk)}
        transcripts = _Transcripts(dots)
        for split, indices in _SPLITS.items():
            if any(index.split("/")[0] not in disks for index in indices):
                continue
            for index in indices:
                disk, _, rest = index.partition("/")
                for audio, where in _read_index(disks[disk] / rest, disks):
                    name = audio.stem.lower()
                    text = transcripts.find(name, where)
                    yield Entry(
                        split=split,
                        id=name,
                        audio=audio,
                        text=normalise(text) if transcript == "normalised" else text,
                        where=where,
                        speaker=name[:3],
                    )


def _find_dots(disk: Path) -> Iterator[Path]:
    return (path for path in disk.rglob("*") if path.suffix.lower() == ".dot")


def _read_index(index: Path, disks: dict[str, Path]) -> Iterator[tuple[Path, str]]:
    """Audio files that an index names."""
    for number, line in enumerate(read_lines(index), 1):
        if not line.strip() or line.startswith(";"):
            continue
        where = f"{index}:{number}"
        match = _INDEX_LINE.match(line.strip())
        if match is None:
            raise CorpusError(
                f"{where}: got {line!r}; expected DISK:PATH, such as 11_1_1:wsj0/si_tr_s/01t/01to030v.wv1"
            )
        head, middle, tail = match["disk"].split("_")
        disk = f"{head}-{middle}.{tail}"
        if disk == "13-32.1" and "13-33.1" in disks:
            disk = "13-33.1"  # the index of the 1993 evaluation names the wrong disk
        if disk not in disks:
            raise CorpusError(f"{where}: disk {disk} is missing; expected it beside the others")
        path = match["path"] if match["path"].lower().endswith(".wv1") else f"{match['path']}.wv1"
        # Kaldi's recipe leaves this speaker's folder out of training, and so do results compared with it.
        if "11-2.1/wsj0/si_tr_s/401" in f"{disk}/{path}".lower():
            continue
        audio = disks[disk] / path
        if not audio.exists() and (upper := disks[disk] / path.upper()).exists():
            audio = upper
        yield audio, where


class _Transcripts:
    """Transcripts of utterances: those of `01to030v` stand in `01to0300.dot`. The last file read is kept."""

    def __init__(self, dots: dict[str, Path]) -> None:
        self.dots = dots
        self.known: tuple[str, dict[str, str]] = ("", {})

    def find(self, utterance: str, where: str) -> str:
        stem = f"{utterance[:6]}00"
        if stem not in self.dots:
            raise CorpusError(
                f"{where}: no transcript of {utterance}: {stem}.dot is on none of the disks; add its disk"
            )
        if self.known[0] != stem:
            lines = (_TRANSCRIPT.fullmatch(line) for line in read_lines(self.dots[stem]))
            self.known = stem, {line["id"].lower(): line["text"].strip() for line in lines if line}
        if utterance not in self.known[1]:
            raise CorpusError(
                f"{self.dots[stem]}: no transcript of {utterance}, which {where} names; get the disk again"
            )
        return self.known[1][utterance]


def normalise(text: str) -> str:
    """Upper case, without noises, pauses and quoting, as Kaldi's normalize_transcript.pl but for its noise word."""
    words = []
    for word in text.upper().replace("\\", "").split():
        word = {"%PERCENT": "PERCENT", ".POINT": "POINT", "--DASH": "-DASH"}.get(word, word)
        if word in {"~", "."} or _NOISE.fullmatch(word):
            continue
        verbal_deletion = re.fullmatch(r"<([\w']+)>", word)  # crossed out in the prompt, but pronounced
        words.append(verbal_deletion[1] if verbal_deletion else word)
    return " ".join(words)


CORPUS = Wsj(
    name="wsj",
    title="Wall Street Journal (WSJ0 and WSJ1), 81 h of read newspaper",
    licence="LDC User Agreement (https://catalog.ldc.upenn.edu/LDC93S6A, https://catalog.ldc.upenn.edu/LDC94S13A)",
    citation="Douglas B. Paul and Janet M. Baker: The design for the Wall Street Journal-based CSR corpus. HLT 1992",
    homepage="https://catalog.ldc.upenn.edu/LDC93S6A and https://catalog.ldc.upenn.edu/LDC94S13A",
    expected={
        "train_si284": Expected(37_416),
        "train_si84": Expected(7_138),
        "dev93": Expected(503),
        "eval92": Expected(333),
        "eval93": Expected(213),
    },
    transcripts=("normalised", "published"),
)
