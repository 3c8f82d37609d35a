"""CSTR VCTK 0.92 (Yamagishi et al. 2019): 110 speakers of English with their accents, two microphones.

`txt/p225/p225_001.txt`, `wav48_silence_trimmed/p225/p225_001_mic1.flac`, `speaker-info.txt`. Each
microphone is a split of its own, `mic1` and `mic2`; of earlier releases, `wav48/p225/p225_001.wav`, there
is one: `all`.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, find_root, list_audio, read_lines, report_untranscribed
from asr.data.corpora.downloads import Download
from asr.data.corpora.spelling import plain_words


class Vctk(Corpus):
    """Audio without text (speaker p315) is named and left out, as published; so is text without audio."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Speaker by speaker."""
        folder = find_root(root, "wav48_silence_trimmed", "wav48")
        audio_folder = next(
            path for name in ("wav48_silence_trimmed", "wav48") if (path := folder / name).is_dir()
        )
        speakers = _read_speakers(folder / "speaker-info.txt")
        untranscribed = []
        for audio in list_audio(audio_folder, {".flac", ".wav"}):
            speaker = audio.parent.name
            name, _, microphone = audio.stem.partition("_mic")
            text_file = folder / "txt" / speaker / f"{name}.txt"
            if not text_file.exists():
                untranscribed.append(audio)
                continue
            text = " ".join(" ".join(read_lines(text_file)).split())
            yield Entry(
                split=f"mic{microphone}" if microphone else "all",
                id=audio.stem,
                audio=audio,
                text=plain_words(text) if transcript == "normalised" else text,
                where=str(text_file),
                speaker=speaker,
                extras={
                    **speakers.get(speaker, {}),
                    **({"microphone": f"mic{microphone}"} if microphone else {}),
                },
            )
        report_untranscribed(untranscribed, transcripts=folder / "txt")


def _read_speakers(table: Path) -> dict[str, dict[str, str]]:
    """`p225  23  F    English    Southern  England`; older releases write the number alone."""
    if not table.exists():
        return {}
    speakers = {}
    for line in read_lines(table):
        fields = line.split(maxsplit=4)
        if len(fields) < 4 or fields[0].upper() == "ID":
            continue
        name = fields[0] if fields[0][0].isalpha() else f"p{fields[0]}"
        region = fields[4].partition("(")[0].strip() if len(fields) > 4 else ""
        speakers[name] = {"age": fields[1], "gender": fields[2], "accent": fields[3]}
        if region:
            speakers[name]["region"] = region
    return speakers


CORPUS = Vctk(
    name="vctk",
    title="CSTR VCTK 0.92, 110 speakers of English with various accents, 44 h, two microphones",
    licence="CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)",
    citation=(
        "Junichi Yamagishi, Christophe Veaux and Kirsten MacDonald: CSTR VCTK corpus: English multi-speaker corpus for "
        "CSTR voice cloning toolkit, version 0.92. University of Edinburgh 2019. doi:10.7488/ds/2645"
    ),
    homepage="https://datashare.ed.ac.uk/handle/10283/3443",
    downloads={
        "all": (
            Download(
                urls=(
                    "https://datashare.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
                    "https://datashare.is.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
                ),
                checksum="sha256:f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c",
                size=None,
                folder="VCTK-Corpus-0.92",
            ),
        )
    },
    transcripts=("normalised", "published"),
)
