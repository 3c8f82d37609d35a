"""VoxPopuli (Wang et al. 2021), the transcribed part: segments of sessions of the European Parliament.

`asr_LANGUAGE.tsv[.gz]`, with columns between bars, and `raw_audios/original/YEAR/SESSION_original.ogg` (or
`raw_audios/LANGUAGE/YEAR/SESSION_LANGUAGE.ogg`). Segments are read out of the sessions, from start_time to
end_time; splits are named after the language: `en-train`.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, first_existing
from asr.data.corpora.tables import read_table, seconds
from asr.errors import CorpusError

_NEEDED = ("id_", "session_id", "normed_text", "start_time", "end_time", "split")


class VoxPopuli(Corpus):
    """Every language whose annotations lie in the folder (or in `annotations/asr`)."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev and test of each language; what the publishers call invalid is left out."""
        tables = [
            table
            for folder in (root, root / "annotations" / "asr", root / "voxpopuli")
            for table in sorted([*folder.glob("asr_*.tsv.gz"), *folder.glob("asr_*.tsv")])
        ]
        if not tables:
            raise CorpusError(
                f"{root}: no asr_LANGUAGE.tsv.gz in it; expected the annotations beside raw_audios/ (they are at "
                "https://dl.fbaipublicfiles.com/voxpopuli/annotations/asr/)"
            )
        for table in tables:
            language = table.name.split(".")[0].removeprefix("asr_")
            yield from _read_table(table, root, language=language, transcript=transcript)


def _read_table(table: Path, root: Path, *, language: str, transcript: str) -> Iterator[Entry]:
    lines = _unzipped(table) if table.suffix == ".gz" else None
    for row, where in read_table(table, delimiter="|", needed=_NEEDED, lines=lines):
        if row["split"] not in {"train", "dev", "test"}:
            continue
        session = row["session_id"]
        start, end = seconds(row["start_time"], where), seconds(row["end_time"], where)
        if start is None or end is None:
            raise CorpusError(f"{where}: no start_time or end_time; expected seconds")
        audio = root / "raw_audios"
        yield Entry(
            split=f"{language}-{row['split']}",
            id=f"{session}-{row['id_']}",
            audio=first_existing(
                audio / "original" / session[:4] / f"{session}_original.ogg",
                audio / language / session[:4] / f"{session}_{language}.ogg",
            ),
            text=row["normed_text"] if transcript == "normalised" else row.get("original_text", ""),
            where=where,
            speaker=row.get("speaker_id") or None,
            start=start,
            duration=end - start,
            extras={"gender": row["gender"]} if row.get("gender") else {},
        )


def _unzipped(table: Path) -> Iterator[str]:
    try:
        with gzip.open(table, "rt", encoding="utf-8") as lines:
            yield from lines
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CorpusError(f"{table}: cannot unzip ({error}); fetch the file again") from None


CORPUS = VoxPopuli(
    name="voxpopuli",
    title="VoxPopuli, 1,791 h of transcribed speech of the European Parliament in 16 languages",
    licence="CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/); see also the Parliament's legal notice",
    citation=(
        "Changhan Wang et al.: VoxPopuli: a large-scale multilingual speech corpus for representation learning, "
        "semi-supervised learning and interpretation. ACL 2021, pp. 993-1003"
    ),
    homepage="https://github.com/facebookresearch/voxpopuli",
    transcripts=("normalised", "original"),
)
