"""The limited-supervision subsets of Libri-Light (Kahn et al. 2020): 10 minutes, 1 hour and 10 hours.

`librispeech_finetuning/{1h/0..5,9h}/{clean,other}/SPEAKER/CHAPTER/*.flac` with LibriSpeech's transcripts.
As published, 10min is `1h/0`, 1h all of `1h`, and 10h both `1h` and `9h`.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, find_root
from asr.data.corpora.downloads import Download
from asr.data.corpora.librispeech import read_chapter


class LibriLight(Corpus):
    """Three training sets, each within the next; dev and test are LibriSpeech's."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Every utterance once for each subset that holds it."""
        folder = find_root(root, "1h")
        chapters = sorted([*folder.glob("1h/*/*/*/*/*.trans.txt"), *folder.glob("9h/*/*/*/*.trans.txt")])
        for transcripts in chapters:
            parts = transcripts.relative_to(folder).parts
            subsets = ["10h"] if parts[0] == "9h" else ["10h", "1h"] + (["10min"] if parts[1] == "0" else [])
            quality = parts[1] if parts[0] == "9h" else parts[2]
            for entry in read_chapter(transcripts, split="10h"):
                for subset in subsets:
                    yield entry._replace(split=subset, extras={**entry.extras, "quality": quality})


CORPUS = LibriLight(
    name="libri-light",
    title="Libri-Light's limited-supervision subsets of LibriSpeech: 10 minutes, 1 hour, 10 hours",
    licence="CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), as LibriSpeech",
    citation=(
        "Jacob Kahn et al.: Libri-Light: a benchmark for ASR with limited or no supervision. ICASSP 2020, pp. 7669-7673"
    ),
    homepage="https://github.com/facebookresearch/libri-light",
    downloads={
        "all": (
            Download(
                urls=("https://dl.fbaipublicfiles.com/librilight/data/librispeech_finetuning.tgz",),
                checksum="sha256:5d1efdc777b548194d7e09ba89126e2188026df9fd57aa57eb14408d2b2342af",
                size=None,
            ),
        )
    },
)
