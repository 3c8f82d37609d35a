"""What several tests need: real corpora where they are, synthesised speech, a tiny model, the CLI."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import settings

from asr.config import ExperimentConfig
from asr.data.batching import DataConfig
from asr.data.manifest import Utterance, write_manifest
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.writing.published import MARKS
from asr.writing.tagger import CASES, Lexicon, Tagger, TaggerWeights, write_tagger
from environment import COMPILED

REPOSITORY = Path(__file__).resolve().parents[1]

# A busy machine is no failure: Hypothesis' limit of 200 ms for an example is off everywhere.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# Nothing of the user's own cache is read or changed; compiled code stays from one run of the tests to the next.
_CACHE = tempfile.TemporaryDirectory(prefix="asr-tests-")
os.environ["ASR_CACHE_DIR"] = _CACHE.name
os.environ.setdefault("NUMBA_CACHE_DIR", str(COMPILED))


# What takes most of the time: `./scripts/test -m "not slow"` is for whoever edits, the whole for whoever commits.
_SLOW_FOLDERS = ("end_to_end", "training", "serving", "configs")
_SLOW_FIXTURES = {"run_asr", "corpora_dir"}
_SLOW_FILES = {
    "test_aligner.py",
    "test_bucketing.py",
    "test_channels.py",
    "test_lexicon_beam.py",
    "test_listen.py",
    "test_locale.py",
    "test_page_in_browser.py",
    "test_prefix_beam.py",
    "test_process.py",
    "test_prove_gpu.py",
    "test_sclite.py",
    "test_transcribe.py",
    "test_unusual_audio.py",
}

# What takes longest goes first, so that no process is left alone with it at the end.
_LONGEST = {
    "test_prove_gpu.py": 0,
    "test_platforms.py": 1,
    "test_ray.py": 2,
    "test_processes.py": 3,
    "test_channels.py": 4,
    "test_notebooks.py": 5,
    "test_overfit.py": 6,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and put the longest first."""
    items.sort(key=lambda item: _LONGEST.get(item.path.name, len(_LONGEST)))
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here)
        fixtures = set(getattr(item, "fixturenames", ()))
        if place.parts[0] in _SLOW_FOLDERS or place.name in _SLOW_FILES or fixtures & _SLOW_FIXTURES:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def corpora_dir() -> Path:
    """The folder of real corpora: $ASR_CORPORA, or shared/corpora beside the checkout."""
    named = os.environ.get("ASR_CORPORA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip(f"no real corpora at {folder}; set ASR_CORPORA to a folder with an4_sphere.tar.gz")
    return folder


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., Path]:
    """Write a file with a tone in it."""

    def write(
        name: str = "tone.wav",
        *,
        seconds: float = 1.0,
        rate: int = 16000,
        channels: int = 1,
        hertz: float = 440.0,
    ) -> Path:
        time = np.arange(round(seconds * rate)) / rate
        samples = 0.3 * np.sin(2 * np.pi * hertz * time)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.stack([samples] * channels, axis=1) if channels > 1 else samples, rate)
        return path

    return write


@pytest.fixture
def tiny_model() -> AcousticModel:
    """A small untrained model over blank, space, A, B, C."""
    config = AcousticModelConfig(encoder=EncoderConfig(layers=2, hidden_size=16, channels=4))
    return AcousticModel(config, vocabulary_size=5).eval()


@pytest.fixture
def tiny_checkpoint(tiny_model: AcousticModel, tmp_path: Path) -> Path:
    """The tiny model in a file."""
    path = tmp_path / "tiny.pt"
    save_checkpoint(path, Checkpoint(tiny_model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])))
    return path


@pytest.fixture(scope="session")
def tiny_tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained tagger in a file; it puts marks and capitals anywhere."""
    draw = np.random.default_rng(3)

    def weights(*shape: int) -> np.ndarray:
        return draw.normal(0, 1, shape).astype(np.float32)

    lexicon = Lexicon(("a", "b", "c"), 2, np.array([0, 4, 7], np.uint8), {}, language="en")
    gates = [(12, 6)] * 4
    path = tmp_path_factory.mktemp("tagger") / "tiny.tagger"
    write_tagger(
        path,
        Tagger(
            lexicon,
            TaggerWeights(
                weights(lexicon.features, 6),
                tuple(weights(*shape) for shape in gates),
                tuple(weights(12, 3) for _ in gates),
                tuple(weights(12) for _ in gates),
                weights(len(MARKS), 6),
                weights(len(MARKS)),
                weights(len(CASES), 6),
                weights(len(CASES)),
            ),
        ),
    )
    return path


@pytest.fixture
def tone_experiment(tone: Callable[..., Path], tmp_path: Path) -> ExperimentConfig:
    """Six tones of two pitches spelled A and B, a tiny network, two epochs."""
    utterances = [
        Utterance(
            id=f"u{number}",
            audio=tone(f"tones/u{number}.wav", seconds=0.5 + 0.1 * number, hertz=300 + 500 * (number % 2)),
            duration=0.5 + 0.1 * number,
            text="AB"[number % 2],
            speaker=f"s{number}",
        )
        for number in range(6)
    ]
    write_manifest(tmp_path / "train.jsonl", utterances[:4])
    write_manifest(tmp_path / "dev.jsonl", utterances[4:])
    from asr.config import TrainingConfig

    return ExperimentConfig(
        data=DataConfig(
            train=str(tmp_path / "train.jsonl"),
            dev=str(tmp_path / "dev.jsonl"),
            workers=0,
            seconds_per_batch=3.0,
            utterances_per_batch=2,
        ),
        model=EncoderConfig(layers=1, hidden_size=8, channels=2),
        training=TrainingConfig(epochs=2, precision="float32"),
    )


@pytest.fixture(scope="session")
def run_asr() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the real command line in a process of its own."""

    def run(*words: object, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "asr", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            **options,  # type: ignore[call-overload]
        )

    return run
