"""TED-LIUM 2 (Rousseau et al. 2014); its layout is described with TED-LIUM 3."""

from asr.data.corpora.corpus import Expected
from asr.data.corpora.downloads import openslr
from asr.data.corpora.tedlium3 import TedLium

CORPUS = TedLium(
    name="tedlium2",
    title="TED-LIUM 2, 207 h of TED talks",
    licence="CC BY-NC-ND 3.0 (https://creativecommons.org/licenses/by-nc-nd/3.0/)",
    citation=(
        "Anthony Rousseau, Paul Deléglise and Yannick Estève: Enhancing the TED-LIUM corpus with selected data for "
        "language modeling and more TED talks. LREC 2014"
    ),
    homepage="https://www.openslr.org/19",
    downloads={
        "all": (
            openslr(
                19,
                "TEDLIUM_release2.tar.gz",
                "sha256:93281b5fcaaae5c88671c9d000b443cb3c7ea3499ad12010b3934ca41a7b9c58",
                35_000_000_000,
            ),
        )
    },
    expected={"train": Expected(hours=207), "dev": Expected(507), "test": Expected(1155)},
    transcripts=("normalised", "published"),
)
