from pathlib import Path

import numpy as np
import pytest

from asr.data.manifest import Utterance
from asr.data.statistics import as_record, collect, headline, out_of_vocabulary, report, text_histogram

AUDIO = Path("a.wav")
UTTERANCES = [
    Utterance("a", AUDIO, 2.0, text="GO TO TOWN", speaker="s1"),
    Utterance("b", AUDIO, 4.0, text="GO", speaker="s1"),
    Utterance("c", AUDIO, 1.0, text="TÖWN", speaker="s2"),
    Utterance("d", AUDIO, 5.0),
]


def test_counts_are_those_of_a_hand_count() -> None:
    statistics = collect(UTTERANCES)
    assert statistics.utterances == 4
    assert statistics.seconds == 12.0
    assert statistics.untranscribed == 1
    assert statistics.words == {"GO": 2, "TO": 1, "TOWN": 1, "TÖWN": 1}
    assert statistics.alphabet == " GNOTWÖ"
    assert statistics.speakers == {"s1": 6.0, "s2": 1.0}
    assert list(statistics.rates) == [5.0, 0.5, 4.0, 0.0]


def test_percentiles_are_those_of_numpy() -> None:
    lengths = np.random.default_rng(1).uniform(0.5, 15, 1001)
    record = as_record(collect(Utterance(str(n), AUDIO, float(x), text="A") for n, x in enumerate(lengths)))
    for key, at in (("min", 0), ("p5", 5), ("median", 50), ("p95", 95), ("max", 100)):
        assert record["duration"][key] == pytest.approx(np.percentile(lengths, at), abs=1e-3)
    assert sum(record["duration"]["histogram"]["counts"]) == 1001


def test_out_of_vocabulary_is_what_the_other_manifest_lacks() -> None:
    known = collect([Utterance("x", AUDIO, 1.0, text="GO TOWN")])
    missing = out_of_vocabulary(collect(UTTERANCES), known)
    assert missing.types == 2
    assert missing.tokens == 2
    assert missing.share == pytest.approx(2 / 5)
    assert missing.frequent == [("TO", 1), ("TÖWN", 1)]
    assert missing.characters == "Ö"
    assert out_of_vocabulary(known, known).tokens == 0


def test_the_report_of_nothing_and_of_no_speakers_does_not_fail() -> None:
    assert "0 utterances" in report(collect([]))
    assert "unknown speakers" in headline(collect([Utterance("a", AUDIO, 1.0, text="A")]))


def test_a_histogram_counts_every_value_once() -> None:
    lines = text_histogram([0.5, 0.5, 9.5, 10.0], unit="s").splitlines()
    assert len(lines) == 10
    assert lines[0].split("#")[0].split()[-1] == "2"
    assert lines[9].split("#")[0].split()[-1] == "2"
