"""Where there is no sound there are no words, by every path."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.cli import main
from asr.decoding.emission import Emission, NetworkText
from asr.decoding.options import DecodingOptions
from asr.model.checkpoint import load_checkpoint, save_checkpoint
from asr.transcription.live import open_session
from asr.transcription.loading import load
from asr.transcription.silence import FAINTEST, is_silent
from asr.transcription.transcriber import Transcriber

RATE = 16000


def noise(seconds: float, level: float, seed: int = 1) -> np.ndarray:
    """`level` is its root mean square."""
    drawn = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (level * drawn).astype(np.float32)


def test_the_loudest_tenth_of_a_second_decides() -> None:
    silence = np.zeros(RATE, np.float32)
    assert is_silent(silence, sample_rate=RATE)
    assert is_silent(silence[:5], sample_rate=RATE)
    assert is_silent(noise(1.0, FAINTEST / 2), sample_rate=RATE)
    assert not is_silent(noise(1.0, 2 * FAINTEST), sample_rate=RATE)
    word = silence.copy()
    word[5000:6600] = noise(0.1, 4 * FAINTEST)
    assert not is_silent(word, sample_rate=RATE)
    word[5000:5003] = 0.001  # a click is no word
    assert is_silent(np.where(np.abs(word) >= 0.001, word, 0), sample_rate=RATE)
    assert not is_silent(np.concatenate([silence, noise(0.05, 0.01)]), sample_rate=RATE)  # a rest of less


def test_a_silenced_emission_is_blank_in_every_head() -> None:
    emission = Emission(
        np.full((3, 4), -1.4, np.float32), np.full((3, 2), -0.7, np.float32), NetworkText((1,), -1.0)
    )
    silenced = emission.silenced()
    assert silenced.phones is not None
    for head in (silenced.letters, silenced.phones):
        assert (head.argmax(axis=1) == 0).all()
        np.testing.assert_allclose(np.exp(head).sum(axis=1), 1.0)
    assert silenced.network_text == NetworkText((), 0.0)
    assert emission.letters[0, 1] == np.float32(-1.4)


@pytest.fixture
def chatty(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A model that hears letters in everything."""
    checkpoint = load_checkpoint(tiny_checkpoint)
    with torch.no_grad():
        checkpoint.model.head.bias[0] = -5.0
        checkpoint.model.head.bias[2] = 5.0
    save_checkpoint(tmp_path / "chatty.pt", checkpoint)
    return tmp_path / "chatty.pt"


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_from_python_and_by_the_command(
    method: str, chatty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transcriber = load(chatty, device="cpu", decoding=DecodingOptions(method))  # type: ignore[arg-type]
    assert transcriber.transcribe(noise(2.0, 0.01)).text
    assert not transcriber.transcribe(np.zeros(2 * RATE, np.float32)).text
    assert not transcriber.transcribe(noise(30.0, FAINTEST / 3)).text
    for name, sound in (("loud", noise(2.0, 0.01)), ("silent", np.zeros(2 * RATE))):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
        capsys.readouterr()
        words = ["--model", str(chatty), "--decoding", method, "--device", "cpu"]
        assert main(["transcribe", str(tmp_path / f"{name}.wav"), *words]) == 0
        assert bool(capsys.readouterr().out.strip()) == (name == "loud")


def live_text(transcriber: Transcriber, sound: np.ndarray) -> str:
    session = open_session(transcriber)
    results = [
        result for first in range(0, len(sound), 1600) for result in session.feed(sound[first : first + 1600])
    ]
    return " ".join(result.text for result in [*results, *session.finish()] if result.text)


def test_live_before_the_first_sound_and_long_after_the_last(chatty: Path) -> None:
    transcriber = load(chatty, device="cpu")
    silence = np.zeros(3 * RATE, np.float32)
    assert not live_text(transcriber, silence)
    assert live_text(transcriber, noise(3.0, 0.01))
    assert live_text(transcriber, np.concatenate([silence, noise(3.0, 0.01)]))


def test_speech_as_faint_as_can_be_understood_is_heard(corpora_dir: Path, tmp_path: Path) -> None:
    """The loudest sample 20 steps of 16 bits high."""
    from asr.data.corpora import find
    from asr.data.corpora.preparation import prepare
    from asr.data.manifest import read_manifest

    archive = corpora_dir / "an4_sphere.tar.gz"
    if not archive.exists():
        pytest.skip(f"no {archive}")
    prepare(find("an4"), archive, tmp_path)
    transcriber = load(device="cpu")
    utterances = read_manifest(tmp_path / "test.jsonl")[::10]
    heard = 0
    for utterance in utterances:
        waveform = transcriber.read_utterance(utterance)
        faint = np.round(waveform * (20 / np.abs(waveform).max())) / 32768
        assert not is_silent(faint.astype(np.float32), sample_rate=RATE)
        heard += bool(transcriber.transcribe(faint.astype(np.float32)).text)
    assert heard == len(utterances)
