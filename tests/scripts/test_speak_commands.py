"""Which numbers, letters and commands are to be spoken, and by whom."""

import random
import re

from speak_commands import DIGITS, choose, phrase


def test_every_voice_says_every_digit_slow_and_fast() -> None:
    jobs = choose(["af_a", "bm_b"], phrases=30, seed=7)
    assert len(jobs) == 2 * (4 * 10 + 20 + 20) + 30
    for voice in ("af_a", "bm_b"):
        for digit in DIGITS:
            speeds = [job.speed for job in jobs if (job.text, job.voice) == (digit, voice)]
            assert min(speeds) < 0.9
            assert max(speeds) > 1.1
    assert (
        jobs == choose(["af_a", "bm_b"], phrases=30, seed=7) != choose(["af_a", "bm_b"], phrases=30, seed=8)
    )


def test_phrases_are_words_that_can_be_said() -> None:
    draw = random.Random(1)
    said = [phrase(draw) for _ in range(2000)]
    assert all(re.fullmatch(r"[A-Za-z]+('[a-z]+)?(,? [A-Za-z]+('[a-z]+)?)*", text) for text in said)
    assert len(set(said)) > 1000
    assert any(text.startswith("set a timer for") for text in said)
