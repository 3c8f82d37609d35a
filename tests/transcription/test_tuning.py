"""The grid search over decoding weights, its border and its picture."""

import numpy as np
import pytest

from asr.decoding.confidence import fit_calibration
from asr.evaluation.calibration import calibration_curve
from asr.evaluation.scoring import score
from asr.transcription.tuning import Grid, Trial, best_trial
from asr.transcription.tuning_picture import write_heat_map


def trial(weight: float, bonus: float = 0.0, penalty: float = 0.0, *, heard: str = "A B") -> Trial:
    return Trial(weight, bonus, penalty, score([("u", "A B", heard)]))


def test_the_best_has_the_fewest_word_errors_then_character_errors_then_the_lowest_weight() -> None:
    trials = [
        trial(0.1, heard="A XYZ"),
        trial(0.9, heard="A X"),
        trial(0.5, heard="A X"),
        trial(0.2, heard="X Y"),
    ]
    assert best_trial(trials).lm_weight == 0.5


@pytest.mark.parametrize(
    ("best", "narrow"),
    [
        (trial(0.5, 1.0, 1.0), []),
        (trial(1.0, 1.0, 1.0), ["lm_weight"]),
        (trial(0.0, 0.0, 1.0), ["word_bonus"]),  # a weight of 0 cannot go on below
        (trial(0.5, 2.0, 2.0), ["word_bonus", "blank_penalty"]),
    ],
)
def test_a_best_at_the_border_says_which_range_to_widen(best: Trial, narrow: list[str]) -> None:
    assert Grid([0.0, 0.5, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]).narrow(best) == narrow
    assert Grid([best.lm_weight], [best.word_bonus], [best.blank_penalty]).narrow(best) == []


def test_the_heat_map_is_a_picture(tmp_path):
    trials = [
        Trial(weight, bonus, 0.0, score([("u", "A B", "A" if weight else "A B")]))
        for weight in (0.0, 1.0)
        for bonus in (0.0, 2.0)
    ]
    write_heat_map(tmp_path / "map.png", trials, title="dev")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_fitted_calibration_is_better_calibrated_than_the_evidence():
    generator = np.random.default_rng(0)
    evidence = generator.uniform(0.3, 1, size=4000)
    # Right as often as sigmoid(0.5 logit - 0.4) says.
    truth = 1 / (1 + np.exp(-(0.5 * np.log(evidence / (1 - evidence)) - 0.4)))
    is_right = (generator.random(4000) < truth).tolist()
    fitted = fit_calibration(evidence.tolist(), is_right)
    assert (fitted.slope, fitted.offset) == pytest.approx((0.5, -0.4), abs=0.12)
    before, after = (
        calibration_curve(zip(confidences, is_right, strict=True))
        for confidences in (evidence.tolist(), [fitted(value) for value in evidence])
    )
    assert before is not None
    assert after is not None
    assert after.expected_error < 0.03 < before.expected_error


@pytest.mark.parametrize("seed", range(8))
def test_evidence_that_is_far_too_unsure_is_calibrated_too(seed: int) -> None:
    """Here whole steps of Newton's method would go to and fro between two slopes for ever."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(-0.5, 1.8, 1900)
    is_right = generator.random(1900) < 1 / (1 + np.exp(-(0.5 * odds + 1.9)))
    fitted = fit_calibration((1 / (1 + np.exp(-odds))).tolist(), is_right.tolist())
    assert fitted.slope == pytest.approx(0.5, abs=0.15)
    assert fitted.offset == pytest.approx(1.9, abs=0.25)
