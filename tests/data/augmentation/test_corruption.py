"""Test sets as they would have been heard elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.data.audio import read_utterance
from asr.data.augmentation.channel import telephone
from asr.data.augmentation.corruption import corrupt_utterances, read_corruption
from asr.data.augmentation.noise import power
from asr.data.manifest import Utterance
from asr.errors import UsageError

RATE = 16000


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Two stretches of one file, the second of its right channel."""
    sound = 0.2 * np.sin(np.arange(3 * RATE)[:, None] ** 1.2 / [70, 50])
    soundfile.write(tmp_path / "both.wav", sound, RATE, subtype="FLOAT")
    return [
        Utterance("a", tmp_path / "both.wav", 1.0, text="ONE", channel=0),
        Utterance("b/1", tmp_path / "both.wav", 1.5, start=1.0, text="TWO", channel=1),
    ]


def corrupted(utterances: list[Utterance], how: str, folder: Path, **options: int) -> list[Utterance]:
    return list(corrupt_utterances(utterances, read_corruption(how), folder, sample_rate=RATE, **options))


@pytest.mark.parametrize("kind", ["white", "babble", "recorded"])
def test_noise_is_as_loud_as_is_asked_for(utterances, kind, tmp_path):
    if kind == "recorded":
        (tmp_path / "noises").mkdir()
        soundfile.write(tmp_path / "noises" / "1.wav", np.random.default_rng(1).uniform(-1, 1, RATE), RATE)
        kind = str(tmp_path / "noises")
    made = corrupted(utterances, f"noise={kind}, snr=7", tmp_path / "made")
    for before, after in zip(utterances, made, strict=True):
        assert (after.id, after.text, after.duration) == (before.id, before.text, before.duration)
        speech, heard = (read_utterance(one, sample_rate=RATE) for one in (before, after))
        scale = float(heard @ speech / (speech @ speech))  # what is too loud is written fainter
        snr = 10 * np.log10(power(speech) / power(heard / scale - speech))
        assert snr == pytest.approx(7, abs=0.2)


def test_a_call_is_what_training_makes_of_it(utterances, tmp_path):
    made = corrupted(utterances, "telephone", tmp_path / "made")
    speech, heard = (read_utterance(one, sample_rate=RATE) for one in (utterances[1], made[1]))
    ways = [telephone(speech, law, sample_rate=RATE) for law in ("mu-law", "A-law")]
    assert min(np.abs(heard - way).max() for way in ways) < 1e-4


def test_the_seed_alone_decides(utterances, tmp_path):
    sounds = {
        name: (tmp_path / name / "000001.flac").read_bytes()
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
        if corrupted(utterances, "noise=pink,gain=-9", tmp_path / name, seed=seed)
    }
    assert sounds["first"] == sounds["again"] != sounds["other"]


@pytest.mark.parametrize("how", ["clipping=6", "noise=babble"])
def test_what_cannot_be_read_is_left_to_the_next_reader(utterances, how, tmp_path):
    lost = [Utterance("c", tmp_path / "none.wav", 1.0, text="THREE"), *utterances]
    made = corrupted(lost, how, tmp_path / "made")
    assert made[0] == lost[0]
    assert [one.audio.name for one in made[1:]] == ["000001.flac", "000002.flac"]


@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        ("", "''"),
        ("nose=white", "'nose=white'"),
        ("noise", "'noise'"),
        ("telephone=8", "'telephone=8'"),
        ("room=1,room=2", "'room=2'"),
        ("snr=10", "snr without noise"),
        ("telephone,compression=0.5", "compression without codec"),
        ("noise=white,snr=loud", "loud"),
        ("band=300", "could not convert"),
        ("band=3000-100", "expected less and more"),
        ("gain=6", "gain.peak"),
        ("codec=flac", "codec.kinds"),
        ("noise=/none", "'/none' is no kind of noise, and no file or folder"),
    ],
)
def test_words_that_mean_nothing_are_refused(how, wrong):
    with pytest.raises(UsageError, match=wrong) as caught:
        read_corruption(how)
    assert "noise=white|pink" in str(caught.value)
