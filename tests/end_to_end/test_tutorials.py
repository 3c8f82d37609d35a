"""The commands of the tutorials, in their order, on a small corpus: as they stand, but for less training."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.cli import main

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("YES", "NO", "STOP", "GO BACK")
LITTLE = ["--training.epochs", "1", "--data.workers", "0", "--training.consistency", "0"]
SMALL = ["--model.layers", "1", "--model.hidden_size", "8", "--model.channels", "2"]


def commands(page: str) -> Iterator[list[str]]:
    """The words of every `$ asr ...` line of a page."""
    for line in re.findall(
        r"^\$ asr (.*)$", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE
    ):
        yield shlex.split(line, comments=True)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings of ten speakers, and the configurations of the checkout."""
    draw = np.random.default_rng(1)
    for speaker in range(10):
        folder = tmp_path / "recordings" / f"s{speaker}"
        folder.mkdir(parents=True)
        for number in range(2):
            soundfile.write(folder / f"u{number}.flac", draw.normal(0, 0.05, 24000 + 400 * speaker), 16000)
            (folder / f"u{number}.txt").write_text(WORDS[(speaker + number) % 4], encoding="utf-8")
    # What a file is, its content says.
    soundfile.write(
        tmp_path / "lecture.mp4", draw.normal(0, 0.05, 24000), 16000, format="WAV", subtype="PCM_16"
    )
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_first_model(workplace: Path) -> None:
    done = []
    for words in commands("tutorials/first-model.md"):
        code = main([*words, *(LITTLE + SMALL if words[0] == "train" else [])])
        assert code == 0 or words[0] == "doctor", words  # what the machine lacks is not the page's fault
        done.append(words[0])
    assert done == ["prepare", "manifest", "validate", "doctor", "train", "evaluate", "transcribe"]
    assert {path.name for path in (workplace / "runs" / "mine").iterdir()} >= {"metrics.csv", "curves.png"}
    assert (workplace / "runs" / "mine" / "test" / "report.html").exists()


def test_fine_tuning(workplace: Path) -> None:
    done = []
    for words in commands("tutorials/fine-tune.md"):
        assert main([*words, *(LITTLE if words[0] == "train" else [])]) == 0, words
        if words[0] == "prepare":  # the page has it that there are splits
            split = "data/mine/all.jsonl data/mine train=0.8 dev=0.1 test=0.1"
            assert main(["manifest", "split", *split.split()]) == 0
        done.append(words[0])
    assert done == ["prepare", "validate", "train", "evaluate"]


def test_subtitles(workplace: Path) -> None:
    for words in commands("tutorials/subtitles.md"):
        assert main(words) == 0, words
    assert {path.suffix for path in (workplace / "out").glob("lecture.*")} == {".srt", ".vtt", ".txt"}
    assert (workplace / "out" / "transcripts.jsonl").exists()
