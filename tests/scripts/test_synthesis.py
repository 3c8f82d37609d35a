"""espeak-ng through its C interface."""

import pytest

from synthesis import Synthesizer, Voice

pytest.importorskip("espeakng_loader", reason="espeak-ng comes with espeakng-loader")


def test_espeak_speaks_longer_when_slower() -> None:
    synthesizer = Synthesizer(sample_rate=8000)
    quick, slow = (synthesizer.speak("yes", Voice("en-us", rate=rate)) for rate in (300, 100))
    assert 0.2 * 8000 < len(quick) < len(slow) < 3 * 8000
    assert abs(slow).max() <= 1
