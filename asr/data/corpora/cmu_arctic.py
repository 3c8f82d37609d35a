"""CMU ARCTIC (Kominek & Black 2004): about 1,132 phonetically balanced sentences from each of 18 readers.

`cmu_us_SPEAKER_arctic/etc/txt.done.data` and `cmu_us_SPEAKER_arctic/wav/arctic_a0001.wav`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, list_audio, read_lines, report_untranscribed
from asr.data.corpora.downloads import Download
from asr.data.corpora.spelling import plain_words
from asr.errors import CorpusError

# ( arctic_a0001 "Author of the danger trail, Philip Steels, etc." )
_LINE = re.compile(r'^\(\s*(?P<id>\S+)\s+"(?P<text>.*)"\s*\)\s*$')
_FOLDER = re.compile(r"cmu_us_(\w+)_arctic")

# SHA-256 of each reader's archive, as torchaudio 2.11 lists them.
_ARCHIVES = {
    "aew": "645cb33c0f0b2ce41384fdd8d3db2c3f5fc15c1e688baeb74d2e08cab18ab406",
    "ahw": "024664adeb892809d646a3efd043625b46b5bfa3e6189b3500b2d0d59dfab06c",
    "aup": "2c55bc3050caa996758869126ad10cf42e1441212111db034b3a45189c18b6fc",
    "awb": "d74a950c9739a65f7bfc4dfa6187f2730fa03de5b8eb3f2da97a51b74df64d3c",
    "axb": "dd65c3d2907d1ee52f86e44f578319159e60f4bf722a9142be01161d84e330ff",
    "bdl": "26b91aaf48b2799b2956792b4632c2f926cd0542f402b5452d5adecb60942904",
    "clb": "3f16dc3f3b97955ea22623efb33b444341013fc660677b2e170efdcc959fa7c6",
    "eey": "8a0ee4e5acbd4b2f61a4fb947c1730ab3adcc9dc50b195981d99391d29928e8a",
    "fem": "3fcff629412b57233589cdb058f730594a62c4f3a75c20de14afe06621ef45e2",
    "gka": "dc82e7967cbd5eddbed33074b0699128dbd4482b41711916d58103707e38c67f",
    "jmk": "3a37c0e1dfc91e734fdbc88b562d9e2ebca621772402cdc693bbc9b09b211d73",
    "ksp": "8029cafce8296f9bed3022c44ef1e7953332b6bf6943c14b929f468122532717",
    "ljm": "b23993765cbf2b9e7bbc3c85b6c56eaf292ac81ee4bb887b638a24d104f921a0",
    "lnh": "4faf34d71aa7112813252fb20c5433e2fdd9a9de55a00701ffcbf05f24a5991a",
    "rms": "c6dc11235629c58441c071a7ba8a2d067903dfefbaabc4056d87da35b72ecda4",
    "rxr": "1fa4271c393e5998d200e56c102ff46fcfea169aaa2148ad9e9469616fbfdd9b",
    "slp": "54345ed55e45c23d419e9a823eef427f1cc93c83a710735ec667d068c916abf1",
    "slt": "7c173297916acf3cc7fcab2713be4c60b27312316765a90934651d367226b4ea",
}


class CmuArctic(Corpus):
    """One split, `all`: the corpus has no official ones."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Reader by reader."""
        listings = sorted(
            {
                *root.glob("etc/txt.done.data"),
                *root.glob("*/etc/txt.done.data"),
                *root.glob("*/*/etc/txt.done.data"),
            }
        )
        if not listings:
            raise CorpusError(
                f"{root}: no cmu_us_*_arctic/etc/txt.done.data; expected the unpacked archives of readers"
            )
        for listing in listings:
            yield from _read_reader(listing, transcript=transcript)


def _read_reader(listing: Path, *, transcript: str) -> Iterator[Entry]:
    folder = listing.parent.parent
    match = _FOLDER.match(folder.resolve().name)
    speaker = match[1] if match else folder.resolve().name
    listed = set()
    for number, line in enumerate(read_lines(listing), 1):
        if not line.strip():
            continue
        found = _LINE.match(line.strip())
        if found is None:
            raise CorpusError(f'{listing}:{number}: got {line!r}; expected ( arctic_a0001 "The words." )')
        audio = folder / "wav" / f"{found['id']}.wav"
        listed.add(audio)
        text = found["text"].replace('\\"', '"')
        yield Entry(
            split="all",
            id=f"{speaker}-{found['id']}",
            audio=audio,
            text=plain_words(text) if transcript == "normalised" else text,
            where=f"{listing}:{number}",
            speaker=speaker,
        )
    report_untranscribed(
        (audio for audio in list_audio(folder / "wav") if audio not in listed),
        transcripts=listing,
    )


CORPUS = CmuArctic(
    name="cmu-arctic",
    title="CMU ARCTIC, 18 readers of about 1,132 phonetically balanced sentences",
    licence="CMU: free for any use, keep the notice in COPYING",
    citation="John Kominek and Alan W Black: The CMU Arctic speech databases. 5th ISCA Speech Synthesis Workshop 2004",
    homepage="http://festvox.org/cmu_arctic/",
    downloads={
        speaker: (
            Download(
                urls=(f"http://festvox.org/cmu_arctic/packed/cmu_us_{speaker}_arctic.tar.bz2",),
                checksum=f"sha256:{digest}",
                size=None,
            ),
        )
        for speaker, digest in _ARCHIVES.items()
    },
    transcripts=("normalised", "published"),
)
