"""GigaSpeech (Chen et al. 2021): segments of long Opus files, described in one large GigaSpeech.json.

Training subsets lie within each other (XS, S, M, L, XL): a segment is in the manifest of every subset that
holds it; `--only M` writes one. Segments that are only noise or music are left out, as the publishers do.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root
from asr.data.corpora.json_lines import read_json_array
from asr.errors import CorpusError

_PUNCTUATION = ("<COMMA>", "<PERIOD>", "<QUESTIONMARK>", "<EXCLAMATIONPOINT>")
_GARBAGE = ("<SIL>", "<MUSIC>", "<NOISE>", "<OTHER>")


class GigaSpeech(Corpus):
    """The file list is read piece by piece: whole, it takes tens of gigabytes of memory."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Segments of every subset, recording by recording."""
        listing = find_root(root, "GigaSpeech.json") / "GigaSpeech.json"
        for recording in read_json_array(listing, "audios"):
            where = f"{listing} ({recording.get('aid')})"
            try:
                audio = listing.parent / recording["path"]
                for segment in recording["segments"]:
                    words = segment["text_tn"].split()
                    if any(tag in words for tag in _GARBAGE):
                        continue
                    if transcript == "normalised":
                        words = [word for word in words if word not in _PUNCTUATION]
                    for subset in segment["subsets"]:
                        yield Entry(
                            split=subset.strip("{}"),
                            id=segment["sid"],
                            audio=audio,
                            text=" ".join(words),
                            where=where,
                            start=float(segment["begin_time"]),
                            duration=float(segment["end_time"]) - float(segment["begin_time"]),
                            extras={
                                "source": recording["source"],
                                "category": recording.get("category", "N/A"),
                            },
                        )
            except (KeyError, TypeError, ValueError) as error:
                raise CorpusError(
                    f"{where}: no or odd {error}; expected GigaSpeech 1.0.0's own list: fetch the file again"
                ) from None


CORPUS = GigaSpeech(
    name="gigaspeech",
    title="GigaSpeech, 10,000 h of English from audiobooks, podcasts and YouTube",
    licence="Apache 2.0 for the transcripts; the audio keeps its owners' copyright: non-commercial research only",
    citation=(
        "Guoguo Chen et al.: GigaSpeech: an evolving, multi-domain ASR corpus with 10,000 hours of transcribed audio. "
        "Interspeech 2021, pp. 3670-3674"
    ),
    homepage="https://github.com/SpeechColab/GigaSpeech (by a form)",
    expected={
        subset: Expected(hours=hours)
        for subset, hours in {
            "XS": 10,
            "S": 250,
            "M": 1000,
            "L": 2500,
            "XL": 10_000,
            "DEV": 12,
            "TEST": 40,
        }.items()
    },
    transcripts=("normalised", "tagged"),
)
