"""TIMIT (LDC93S1; Garofolo et al. 1993): words and phones of 630 speakers.

`TIMIT/{TRAIN,TEST}/DR1/FCJF0/SX37.{WAV,TXT,WRD,PHN}`, in either case; the WAV are NIST SPHERE. Splits as
everyone's results with it: the two SA sentences that all speakers read are left out; test is the core test
set of 24 speakers, dev the 50 speakers of Halberstadt (1998), `test-complete` all 168 test speakers.

Phones are those of the PHN files (61), or folded to the 48 that are modelled or the 39 that are scored.
"""

from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, Expected, list_audio, read_lines
from asr.data.corpora.spelling import plain_words
from asr.data.phones import TIMIT_PHONES, fold_transcript
from asr.errors import CorpusError

_CORE_TEST = """
    mdab0 mwbt0 felc0 mtas1 mwew0 fpas0 mjmp0 mlnt0 fpkt0 mlll0 mtls0 fjlm0
    mbpm0 mklt0 fnlp0 mcmj0 mjdh0 fmgd0 mgrt0 mnjm0 fdhc0 mjln0 mpam0 fmld0
"""
CORE_TEST_SPEAKERS = frozenset(_CORE_TEST.split())
_DEV = """
    faks0 fdac1 fjem0 mgwt0 mjar0 mmdb1 mmdm2 mpdf0 fcmh0 fkms0 mbdg0 mbwm0 mcsh0 fadg0 fdms0 fedw0 mgjf0
    mglb0 mrtk0 mtaa0 mtdt0 mthc0 mwjg0 fnmr0 frew0 fsem0 mbns0 mmjr0 mdls0 mdlf0 mdvc0 mers0 fmah0 fdrw0
    mrcs0 mrjm4 fcal1 mmwh0 fjsj0 majc0 mjsw0 mreb0 fgjd0 fjmg0 mroa0 mteb0 mjfc0 mrjr0 fmml0 mrws1
"""
DEV_SPEAKERS = frozenset(_DEV.split())


class Timit(Corpus):
    """Sentences of the SX and SI kinds."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """train, dev, test (core) and test-complete."""
        found = False
        for audio in list_audio(root, {".wav"}):
            try:
                part, region, speaker = (name.lower() for name in audio.parts[-4:-1])
            except ValueError:
                continue
            # Some copies add a RIFF version, SX37.WAV.wav: it is taken instead.
            sentence = audio.name.split(".")[0].lower()
            if part not in {"train", "test"} or sentence.startswith("sa"):
                continue
            riff = audio.with_name(f"{audio.name}.wav")
            if riff.exists():
                continue
            found = True
            entry = Entry(
                split="train",
                id=f"{speaker}-{sentence}",
                audio=audio,
                text=_read_transcript(audio, sentence, transcript),
                where=str(audio),
                speaker=speaker,
                extras={"region": region, "gender": speaker[0].upper()},
            )
            if part == "train":
                yield entry
                continue
            yield entry._replace(split="test-complete")
            if speaker in CORE_TEST_SPEAKERS:
                yield entry._replace(split="test")
            elif speaker in DEV_SPEAKERS:
                yield entry._replace(split="dev")
        if not found:
            raise CorpusError(
                f"{root}: no TRAIN/DR1/SPEAKER/SX37.WAV or the like in it; expected TIMIT as LDC has it"
            )


def _read_transcript(audio: Path, sentence: str, transcript: str) -> str:
    if transcript == "words":
        path = _beside(audio, sentence, "txt")
        words = " ".join(" ".join(read_lines(path)).split()).split(maxsplit=2)
        if len(words) < 3:
            raise CorpusError(f"{path}:1: no words; expected `0 46797 She had your dark suit ...`")
        return plain_words(words[2])
    path = _beside(audio, sentence, "phn")
    phones = []
    for number, line in enumerate(read_lines(path), 1):
        phone = line.split()[-1] if line.split() else ""
        if phone not in TIMIT_PHONES:
            raise CorpusError(
                f"{path}:{number}: got {line!r}; expected START END and one of TIMIT's 61 phones"
            )
        phones.append(phone)
    return fold_transcript(" ".join(phones), int(transcript.removeprefix("phones-")))


def _beside(audio: Path, sentence: str, suffix: str) -> Path:
    """The file of that suffix, in whichever case the copy has its names."""
    wanted = f"{sentence}.{suffix}"
    exact = audio.with_name(
        audio.name.split(".")[0] + (f".{suffix.upper()}" if audio.suffix.isupper() else f".{suffix}")
    )
    if exact.exists():
        return exact
    return next((path for path in audio.parent.iterdir() if path.name.lower() == wanted), exact)


CORPUS = Timit(
    name="timit",
    title="TIMIT, phonetically balanced sentences with time-aligned phones, 630 speakers",
    licence="LDC User Agreement (https://catalog.ldc.upenn.edu/LDC93S1)",
    citation=(
        "John S. Garofolo et al.: TIMIT acoustic-phonetic continuous speech corpus. Linguistic Data Consortium 1993. "
        "LDC93S1"
    ),
    homepage="https://catalog.ldc.upenn.edu/LDC93S1",
    expected={
        "train": Expected(3696),
        "dev": Expected(400),
        "test": Expected(192),
        "test-complete": Expected(1344),
    },
    transcripts=("words", "phones-61", "phones-48", "phones-39"),
)
