import librosa
import numpy as np
import pytest
import torch
import torchaudio

from asr.errors import ConfigError
from asr.model.features import Features, FeaturesConfig, deltas


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


def test_deltas_equal_torchaudio_alone_and_padded() -> None:
    features = torch.randn(2, 12, 5)
    lengths = torch.tensor([12, 7])
    found = deltas(features, lengths)
    for row, length in enumerate(lengths.tolist()):
        columns = features[row, :length].T  # (T, F) -> (F, T)
        expected = torchaudio.functional.compute_deltas(columns).T
        torch.testing.assert_close(found[row, :length], expected)


def test_energy_is_that_of_the_windowed_samples() -> None:
    waveform = speech(4000)
    config = FeaturesConfig(n_mels=40, energy=True, normalisation="none")
    features, _ = Features(config)(torch.from_numpy(waveform)[None], torch.tensor([4000]))
    window = torch.hann_window(400).numpy()
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 400)[::160] * window
    np.testing.assert_allclose(features[0, :, 40], np.log((frames**2).sum(axis=1) + 1e-6), atol=1e-3)


def test_forty_filters_and_energy_with_deltas_and_accelerations_are_123() -> None:
    features = Features(FeaturesConfig(n_mels=40, energy=True, deltas=2))
    assert features.size == 123
    assert features(torch.randn(1, 4000), torch.tensor([4000]))[0].shape[2] == 123


def test_global_normalisation_uses_the_statistics_of_the_checkpoint() -> None:
    waveform, lengths = torch.from_numpy(speech(4000))[None], torch.tensor([4000])
    plain, _ = Features(FeaturesConfig(normalisation="none"))(waveform, lengths)
    features = Features(FeaturesConfig(normalisation="global"))
    features.mean.fill_(-3.0)
    features.deviation.fill_(2.0)
    torch.testing.assert_close(features(waveform, lengths)[0], (plain + 3) / 2)
    assert {"mean", "deviation"} <= set(features.state_dict())
