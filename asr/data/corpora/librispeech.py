"""LibriSpeech's layout: `SUBSET/SPEAKER/CHAPTER/*.flac` with a `.trans.txt` a chapter (Panayotov et al. 2015)."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asr.data.corpora.corpus import Corpus, check_unique, read_lines, with_duration
from asr.data.manifest import Utterance
from asr.errors import CorpusError


class LibriSpeech(Corpus):
    """Every subset found becomes a split of its own name (`train-clean-5`, `dev-clean`, ...)."""

    def read(self, root: Path) -> Mapping[str, Sequence[Utterance]]:
        """Utterances of each subset below `root`, or of the one subset that `root` is."""
        folder = root / "LibriSpeech" if (root / "LibriSpeech").is_dir() else root
        subsets: dict[str, list[Path]] = {}
        for transcripts in sorted([*folder.glob("*/*/*/*.trans.txt"), *folder.glob("*/*/*.trans.txt")]):
            subsets.setdefault(transcripts.parents[2].name, []).append(transcripts)
        if not subsets:
            raise CorpusError(
                f"{root}: no SUBSET/SPEAKER/CHAPTER/*.trans.txt below it; expected the LibriSpeech folder, or one "
                "subset of it"
            )
        splits = {}
        with ThreadPoolExecutor() as pool:
            for subset, files in subsets.items():
                utterances = [utterance for chapter in pool.map(_read_chapter, files) for utterance in chapter]
                check_unique(utterances, where=folder / subset)
                splits[subset] = utterances
        return splits


def _read_chapter(transcripts: Path) -> list[Utterance]:
    utterances = []
    listed = set()
    for number, line in enumerate(read_lines(transcripts), 1):
        name, _, text = line.strip().partition(" ")
        if not name:
            continue
        audio = next(
            (path for suffix in (".flac", ".opus", ".wav") if (path := transcripts.parent / (name + suffix)).exists()),
            None,
        )
        if audio is None:
            raise CorpusError(
                f"{transcripts}:{number}: {name}.flac is missing; fetch or unpack the subset again"
            )
        listed.add(audio)
        utterances.append(
            Utterance(
                id=name,
                audio=audio,
                duration=with_duration(audio),
                text=text.strip(),
                speaker=name.split("-", 1)[0],
                extras={"chapter": transcripts.parent.name},
            )
        )
    unlisted = sorted(set(transcripts.parent.glob("*.flac")) - listed)
    if unlisted:
        raise CorpusError(f"{unlisted[0]}: no transcript in {transcripts.name}, nor for {len(unlisted) - 1} more")
    return utterances


CORPUS = LibriSpeech(
    name="librispeech",
    title="LibriSpeech, or a corpus in its layout",
    licence="CC BY 4.0",
    expected={
        "train-clean-5": 1519,
        "dev-clean-2": 1089,
        "dev-clean": 2703,
        "dev-other": 2864,
        "test-clean": 2620,
        "test-other": 2939,
        "train-clean-100": 28539,
        "train-clean-360": 104014,
        "train-other-500": 148688,
    },
)
