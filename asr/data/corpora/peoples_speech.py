"""The People's Speech (Galvez et al. 2021): `train/{clean,clean_sa,dirty,dirty_sa}.json` and audio folders.

Each line of `PART/SUBSET.json` is a source document with lists of its segments: `label` (words),
`name` (a file below `PART/SUBSET/`) and `duration_ms`.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, find_root
from asr.data.corpora.json_lines import read_json_lines
from asr.errors import CorpusError

_SUBSETS = (
    "train/clean",
    "train/clean_sa",
    "train/dirty",
    "train/dirty_sa",
    "validation/validation",
    "test/test",
)


class PeoplesSpeech(Corpus):
    """Every subset that is there becomes a split of its name."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Segments, document by document."""
        folder = find_root(root, *(f"{subset}.json" for subset in _SUBSETS))
        for subset in _SUBSETS:
            listing = folder / f"{subset}.json"
            if not listing.exists():
                continue
            for where, document in read_json_lines(listing):
                try:
                    source, segments = document["identifier"], document["training_data"]
                    rows = [*zip(segments["label"], segments["name"], segments["duration_ms"], strict=True)]
                except (KeyError, TypeError, ValueError):
                    raise CorpusError(
                        f"{where}: expected identifier and training_data with label, name and duration_ms, equally many"
                    ) from None
                for text, name, milliseconds in rows:
                    yield Entry(
                        split=listing.stem,
                        id=Path(name).with_suffix("").as_posix(),
                        audio=folder / subset / name,
                        text=" ".join(text.split()),
                        where=where,
                        duration=milliseconds / 1000,
                        extras={"source": source},
                    )


CORPUS = PeoplesSpeech(
    name="peoples-speech",
    title="The People's Speech, 30,000 h of English with licences that allow commercial use",
    licence="CC BY 4.0 and CC BY-SA (the subsets named _sa)",
    citation=(
        "Daniel Galvez et al.: The People's Speech: a large-scale diverse English speech recognition dataset for "
        "commercial usage. NeurIPS Datasets and Benchmarks 2021. arXiv:2111.09344"
    ),
    homepage="https://mlcommons.org/datasets/peoples-speech/",
)
