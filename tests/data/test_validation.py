from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.data.manifest import Utterance
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.data.validation import check_audio, check_fit, check_speakers, check_transcripts
from asr.model.acoustic import AcousticModel

TOKENIZER = build_tokenizer(TokenizerConfig(alphabet="AB "), [])


def test_each_bad_transcript_is_named() -> None:
    here = Path("a.wav")
    utterances = [
        Utterance("good", here, 1.0, text="A B"),
        Utterance("none", here, 1.0),
        Utterance("empty", here, 1.0, text=" "),
        Utterance("foreign", here, 1.0, text="AXB"),
    ]
    found = {finding.utterance: finding.message for finding in check_transcripts(utterances, TOKENIZER)}
    assert set(found) == {"none", "empty", "foreign"}
    assert "'X'" in found["foreign"]


def test_what_ctc_cannot_fit_is_found_to_the_frame(tiny_model: AcousticModel) -> None:
    def findings(text: str, samples: int) -> list[str]:
        utterance = Utterance("u", Path("a.wav"), samples / 16000, text=text)
        return [
            finding.message
            for finding in check_fit(
                [utterance], TOKENIZER, sample_rate=16000, encoder_frames=tiny_model.emission_lengths
            )
        ]

    # Window 400, hop 160, subsampling 4: nine feature frames give three encoder frames, eight give two.
    nine_frames = 400 + 8 * 160
    assert findings("ABA", nine_frames) == []
    assert len(findings("ABA", nine_frames - 160)) == 1
    assert findings("AA", nine_frames) == [], "two equal tokens and the blank between them"
    assert len(findings("AA", nine_frames - 160)) == 1
    assert len(findings("", 399)) == 1, "not one frame"


def test_speed_augmentation_is_counted_in(tiny_model: AcousticModel) -> None:
    utterance = Utterance("u", Path("a.wav"), (400 + 8 * 160) / 16000, text="ABA")
    found = list(
        check_fit(
            [utterance], TOKENIZER, sample_rate=16000, encoder_frames=tiny_model.emission_lengths, fastest=1.1
        )
    )
    assert "played at 1.1 times its speed" in found[0].message


def test_sound_is_decoded_and_compared_with_the_manifest(tone: Callable[..., Path], tmp_path: Path) -> None:
    fine = Utterance("fine", tone("fine.wav"), 1.0, text="A")
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(tmp_path / "clipped.wav", np.sign(np.sin(np.arange(16000.0))), 16000)
    (tmp_path / "text.wav").write_text("no audio")
    utterances = [
        fine,
        replace(fine, id="twice"),
        replace(fine, id="long", duration=1.2),
        replace(fine, id="short", audio=tone("three.wav", seconds=3.0, hertz=500)),
        replace(fine, id="low", audio=tone("low.wav", rate=8000)),
        replace(fine, id="silent", audio=tmp_path / "silent.wav"),
        replace(fine, id="clipped", audio=tmp_path / "clipped.wav"),
        replace(fine, id="text", audio=tmp_path / "text.wav"),
        replace(fine, id="missing", audio=tmp_path / "missing.wav"),
    ]
    found = {(f.severity, f.utterance): f.message for f in check_audio(utterances, sample_rate=16000)}
    assert {key: message.split(";")[0] for key, message in found.items() if key[0] == "warning"} == {
        ("warning", "twice"): "the same samples as utt fine",
        ("warning", "short"): "2.00 s of the file are not used",
        ("warning", "low"): "recorded at 8000 Hz, the model wants 16000 Hz",
        ("warning", "silent"): "silent: the loudest sample is 0.000000",
        ("warning", "clipped"): "clipped: over 1 % of the samples are at full scale",
    }
    errors = {key[1]: message for key, message in found.items() if key[0] == "error"}
    assert set(errors) == {"long", "text", "missing"}
    assert "the manifest says 1.200 s from 0.000 s, the file ends 1.000 s from there" in errors["long"]


def test_a_speaker_in_two_splits_is_named_once() -> None:
    here = Path("a.wav")
    train = [Utterance("a", here, 1.0, speaker="s1"), Utterance("b", here, 1.0, speaker="s2")]
    dev = [Utterance("c", here, 1.0, speaker="s2"), Utterance("d", here, 1.0, speaker="s2")]
    found = list(check_speakers({"train": train, "dev": dev}))
    assert [str(finding) for finding in found] == ["utt c: speaker s2 of dev is also in train"]


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_findings_know_their_severity(severity: str, tmp_path: Path) -> None:
    audio = tmp_path / "a.wav"
    soundfile.write(audio, np.zeros(16000), 16000)
    utterance = Utterance("u", audio if severity == "warning" else tmp_path / "none.wav", 1.0)
    assert [finding.severity for finding in check_audio([utterance], sample_rate=16000)] == [severity]
