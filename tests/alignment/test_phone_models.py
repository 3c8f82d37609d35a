"""Models of phones: densities against SciPy, paths against all paths, boundaries that are known."""

import itertools

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from asr.alignment.phone_models import STATES, PhoneModels, read_phone_models, write_phone_models
from asr.decoding.confidence import Calibration
from asr.errors import DecodingError


def models(phones: int = 2, *, gaussians: int = 2, size: int = 3, seed: int = 0) -> PhoneModels:
    generator = np.random.default_rng(seed)
    states = STATES * (phones + 1)
    shape = (states, gaussians, size)
    weights = generator.dirichlet(np.ones(gaussians), states)
    return PhoneModels(
        tuple("abcdefg"[:phones]),
        generator.normal(size=shape) * 2,
        generator.uniform(0.5, 2, size=shape),
        np.log(weights),
        generator.uniform(0.2, 0.8, states),
    )


def test_densities_are_those_of_scipy():
    own, features = models(), np.random.default_rng(1).normal(size=(5, 3))
    expected = [
        [
            np.log(
                sum(
                    np.exp(own.log_weights[state, g])
                    * multivariate_normal(own.means[state, g], np.diag(own.variances[state, g])).pdf(frame)
                    for g in range(2)
                )
            )
            for state in range(9)
        ]
        for frame in features
    ]
    assert np.allclose(own.log_likelihoods(features), expected)


@pytest.mark.parametrize(("seed", "pauses"), [*itertools.product(range(4), [(True, True), (False, False)])])
def test_the_path_is_the_best_of_all(seed, pauses):
    own = models(seed=seed)
    features = np.random.default_rng(seed + 10).normal(size=(9, 3)) * 2
    densities = own.log_likelihoods(features)
    silence, first, second = [6, 7, 8], [0, 1, 2], [3, 4, 5]
    best, best_owner = -np.inf, None
    for at_start, between, at_end in itertools.product([True, False], [True, False], [True, False]):
        if between and not pauses[1]:
            continue
        parts = [(silence, -1)] * at_start + [(first, 0)] + [(silence, -1)] * between + [(second, 1)]
        parts += [(silence, -1)] * at_end
        chain = [(state, owner) for states, owner in parts for state in states]
        if len(chain) > len(features):
            continue
        for cuts in itertools.combinations(range(1, len(features)), len(chain) - 1):
            lengths = np.diff([0, *cuts, len(features)])
            score, frame = 0.0, 0
            for number, ((state, _), length) in enumerate(zip(chain, lengths, strict=True)):
                score += densities[frame : frame + length, state].sum() + (length - 1) * np.log(
                    own.stay[state]
                )
                if number < len(chain) - 1:
                    score += np.log(1 - own.stay[state])
                frame += length
            if score > best:
                best, best_owner = score, np.repeat([owner for _, owner in chain], lengths)
    owner, _ = own.path(features, [0, 1], pauses=pauses, centres=np.array([3, 6]))
    assert owner.tolist() == best_owner.tolist()


def spoken(own: PhoneModels, lengths: list[tuple[int, int]]) -> np.ndarray:
    """Features that go through the states of phones (or 2, silence), as long in each as is said."""
    frames = [
        own.means[STATES * phone + part // (length // 3), 0]
        for phone, length in lengths
        for part in range(length)
    ]
    return np.array(frames)


@pytest.mark.parametrize("block", [7, 1000])
def test_boundaries_are_found_to_the_frame_in_blocks_too(monkeypatch, block):
    monkeypatch.setattr("asr.alignment.phone_models._BLOCK", block)
    own = models(gaussians=1, size=8)
    lengths = [(2, 9), (0, 12), (1, 6), (2, 15), (1, 9), (0, 6), (2, 12)]
    spans = own.place(
        spoken(own, lengths),
        [0, 1, 1, 0],
        pauses=[True, False, True, False],
        centres=np.array([15, 24, 46, 53]),
    )
    assert spans.tolist() == [[9, 21], [21, 27], [42, 51], [51, 57]]


def test_peaks_limit_where_phones_may_be():
    own = models(gaussians=1, size=8)
    features = spoken(own, [(2, 90), (0, 12), (1, 12), (2, 90)])
    near = own.place(features, [0, 1], pauses=[True, True], centres=np.array([96, 108]))
    assert near.tolist() == [[90, 102], [102, 114]]
    far = own.place(features, [0, 1], pauses=[True, True], centres=np.array([10, 20]))
    assert far[1, 0] <= 20 + 15 + STATES + 100  # the second may not begin past its own peak's surroundings
    assert far[0, 1] <= 20 + 15


def test_phones_that_do_not_fit_are_not_placed():
    own = models()
    assert own.place(np.zeros((5, 3)), [0, 1], pauses=[True, True], centres=np.array([1, 3])) is None


def test_files_are_read_as_they_are_written(tmp_path):
    from dataclasses import replace

    own = replace(models(), calibration=Calibration(2.0, -0.5))
    write_phone_models(tmp_path / "a.hmm", own)
    read = read_phone_models(tmp_path / "a.hmm")
    assert (read.phones, read.calibration) == (own.phones, own.calibration)
    assert np.allclose(read.means, own.means, rtol=1e-3)
    write_phone_models(tmp_path / "b.hmm", replace(own, stay=own.stay[:4]))
    with pytest.raises(DecodingError, match="do not fit together"):
        read_phone_models(tmp_path / "b.hmm")
    (tmp_path / "c.hmm").write_text("x")
    with pytest.raises(DecodingError, match=r"c\.hmm: not a file of phone models"):
        read_phone_models(tmp_path / "c.hmm")
