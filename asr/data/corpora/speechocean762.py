"""speechocean762 (Zhang et al. 2021): read English by 250 Mandarin speakers, half of them children.

`train/` and `test/` are Kaldi data folders; their wav.scp names `WAVE/SPEAKER0001/000010011.WAV`. A copy
compressed to FLAC or Opus under the same names is read too.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, find_root, first_existing
from asr.data.corpora.kaldi import read_data_folder


class SpeechOcean762(Corpus):
    """The published splits; age and gender of each speaker are kept."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train and test, or the one of them that is there."""
        folder = find_root(root, "train/wav.scp", "test/wav.scp")
        for split in ("train", "test"):
            if (folder / split).exists():
                for entry in read_data_folder(folder / split, split=split):
                    place = folder / "WAVE" / f"SPEAKER{entry.speaker}" / entry.audio.name
                    audio = first_existing(
                        place, *(place.with_suffix(suffix) for suffix in (".flac", ".opus"))
                    )
                    yield entry._replace(audio=audio)


CORPUS = SpeechOcean762(
    name="speechocean762",
    title="speechocean762, 5,000 sentences of English read by Mandarin speakers, half of them children",
    licence="free for commercial and non-commercial use (https://www.openslr.org/101)",
    citation=(
        "Junbo Zhang et al.: speechocean762: an open-source non-native English speech corpus for pronunciation "
        "assessment. Interspeech 2021"
    ),
    homepage="https://www.openslr.org/101",
    expected={"train": Expected(2500), "test": Expected(2500)},
)
