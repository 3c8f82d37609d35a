import librosa
import numpy as np
import pytest
import torch

from asr.errors import ConfigError
from asr.model.features import Features, FeaturesConfig


def speech(samples: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (0.1 * generator.standard_normal(samples)).astype(np.float32)


def librosa_log_mel(waveform: np.ndarray) -> np.ndarray:
    mel = librosa.feature.melspectrogram(
        y=waveform,
        sr=16000,
        n_fft=400,
        win_length=400,
        hop_length=160,
        window="hann",
        center=False,
        n_mels=80,
        fmin=20.0,
        fmax=8000.0,
        htk=True,
        norm=None,
        power=2.0,
    )
    return np.log(mel + 1e-6)


def test_log_mel_equals_librosa() -> None:
    waveform = speech(8000)
    features, lengths = Features(FeaturesConfig(normalisation="none"))(
        torch.from_numpy(waveform)[None], torch.tensor([8000])
    )
    expected = librosa_log_mel(waveform)  # (F, T)
    assert lengths.tolist() == [expected.shape[1]]
    np.testing.assert_allclose(features[0].T.numpy(), expected, atol=2e-4)


def test_mfcc_equals_librosa() -> None:
    waveform = speech(8000)
    features, _ = Features(FeaturesConfig(kind="mfcc", normalisation="none"))(
        torch.from_numpy(waveform)[None], torch.tensor([8000])
    )
    expected = librosa.feature.mfcc(S=librosa_log_mel(waveform), n_mfcc=13, dct_type=2, norm="ortho")
    np.testing.assert_allclose(features[0].T.numpy(), expected, atol=2e-3)


def test_each_utterance_has_zero_mean_and_unit_variance_over_its_own_frames() -> None:
    waveforms = torch.zeros(2, 16000)
    waveforms[0] = torch.from_numpy(speech(16000))
    waveforms[1, :9000] = torch.from_numpy(speech(9000)) * 3
    features, lengths = Features(FeaturesConfig())(waveforms, torch.tensor([16000, 9000]))
    for row, length in zip(features, lengths.tolist(), strict=True):
        torch.testing.assert_close(row[:length].mean(dim=0), torch.zeros(80), atol=1e-4, rtol=0)
        torch.testing.assert_close(row[:length].var(dim=0, unbiased=False), torch.ones(80), atol=1e-2, rtol=0)
        assert (row[length:] == 0).all()


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 559, 560, 561, 16000])
def test_the_length_formula_counts_whole_windows(samples: int) -> None:
    expected = len(range(0, samples - 400 + 1, 160))
    assert Features(FeaturesConfig()).lengths(torch.tensor([samples])).tolist() == [expected]


def test_digital_silence_is_finite() -> None:
    features, _ = Features(FeaturesConfig())(torch.zeros(1, 1600), torch.tensor([1600]))
    assert torch.isfinite(features).all()


def test_autocast_does_not_touch_the_features() -> None:
    waveform = torch.from_numpy(speech(4000))[None]
    features = Features(FeaturesConfig())
    plain, _ = features(waveform, torch.tensor([4000]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, _ = features(waveform, torch.tensor([4000]))
    assert torch.equal(plain, cast)


def test_impossible_framing_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 0 < hop <= window"):
        Features(FeaturesConfig(window=0.01, hop=0.02))
    with pytest.raises(ConfigError, match="at most n_mels"):
        Features(FeaturesConfig(kind="mfcc", n_mfcc=90))
