from collections.abc import Callable
from pathlib import Path

import pytest

from asr.cli import main
from asr.config import ExperimentConfig, save_experiment
from asr.data.manifest import read_manifest, write_manifest


def test_a_good_manifest_is_described_and_passes(
    tone_experiment: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_experiment(tmp_path / "c.yaml", tone_experiment)
    manifests = [tone_experiment.data.train, tone_experiment.data.dev]
    histogram = tmp_path / "histogram.png"
    assert (
        main(["validate", *manifests, "--config", str(tmp_path / "c.yaml"), "--histogram", str(histogram)])
        == 0
    )
    printed = capsys.readouterr().out
    assert "4 utterances, 0.001 h (0.50 to 0.80 s), 4 speakers, 4 words, alphabet 'AB'" in printed
    assert printed.count("0 errors, 0 warnings") == 2
    assert histogram.read_bytes().startswith(b"\x89PNG")


def test_every_error_names_its_utterance_and_the_exit_is_1(
    tone_experiment: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import dataclasses

    save_experiment(tmp_path / "c.yaml", tone_experiment)
    manifest = Path(tone_experiment.data.dev)
    first, second = read_manifest(manifest)
    write_manifest(
        manifest,
        [
            dataclasses.replace(first, text="AZ"),
            dataclasses.replace(second, audio=tmp_path / "gone.wav", speaker="s0"),
        ],
    )
    assert (
        main(["validate", tone_experiment.data.train, str(manifest), "--config", str(tmp_path / "c.yaml")])
        == 1
    )
    captured = capsys.readouterr()
    assert "error: " in captured.out
    assert f"utt {first.id}: character 'Z'" in captured.out
    assert f"utt {second.id}: {tmp_path / 'gone.wav'}: no such audio file" in captured.out
    assert f"warning: utt {second.id}: speaker s0" in captured.out
    assert "2 errors; training would fail or lose data" in captured.err


def test_without_a_config_sound_and_transcripts_are_still_checked(
    tone: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(f'{{"id": "u", "audio": "{tone()}", "duration": 9.0, "text": "HELLO"}}\n')
    assert main(["validate", str(manifest)]) == 1
    assert (
        "the manifest says 9.000 s from 0.000 s, the file ends 1.000 s from there" in capsys.readouterr().out
    )
