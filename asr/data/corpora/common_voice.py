"""Mozilla Common Voice (Ardila et al. 2020), any language and release: TSV splits and mp3 clips.

`cv-corpus-*/LANGUAGE/{train,dev,test}.tsv` and `clips/*.mp3`. Given several languages, the splits are
named after them (`cy-train`).
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry
from asr.data.corpora.spelling import plain_words
from asr.data.corpora.tables import read_table
from asr.errors import CorpusError

_CONDITIONS = ("age", "gender", "accents", "accent", "variant", "locale")


class CommonVoice(Corpus):
    """The official train, dev and test; validated.tsv and the rest are not split by speaker."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances of every language below `root`."""
        tables = [root / "train.tsv"] if (root / "train.tsv").exists() else []
        tables = tables or sorted([*root.glob("*/train.tsv"), *root.glob("*/*/train.tsv")])
        if not tables:
            raise CorpusError(
                f"{root}: no train.tsv in it; expected cv-corpus-VERSION or one of its languages"
            )
        for train in tables:
            language = train.parent
            prefix = f"{language.name}-" if len(tables) > 1 else ""
            for split in ("train", "dev", "test"):
                yield from _read_split(language / f"{split}.tsv", split=prefix + split, transcript=transcript)


def _read_split(table: Path, *, split: str, transcript: str) -> Iterator[Entry]:
    rows = read_table(table, delimiter="\t", needed=("client_id", "path", "sentence"), quoted=False)
    for row, where in rows:
        # Releases before 3 name clips without a suffix.
        clip = row["path"] if "." in row["path"] else f"{row['path']}.mp3"
        sentence = row["sentence"]
        yield Entry(
            split=split,
            id=Path(clip).stem,
            audio=table.parent / "clips" / clip,
            text=plain_words(sentence) if transcript == "normalised" else " ".join(sentence.split()),
            where=where,
            speaker=row["client_id"] or None,
            extras={key: row[key] for key in _CONDITIONS if row.get(key)},
        )


CORPUS = CommonVoice(
    name="common-voice",
    title="Mozilla Common Voice, sentences read by volunteers in more than a hundred languages",
    licence="CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/); do not try to identify speakers",
    citation="Rosana Ardila et al.: Common Voice: a massively-multilingual speech corpus. LREC 2020, pp. 4218-4222",
    homepage="https://commonvoice.mozilla.org/datasets",
    transcripts=("normalised", "published"),
)
