import json
from pathlib import Path

import pytest

from asr.cli import main
from asr.data.manifest import Utterance, write_manifest


@pytest.fixture
def manifests(tmp_path: Path) -> tuple[str, str]:
    audio = tmp_path / "a.wav"
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    write_manifest(train, [Utterance("a", audio, 3600.0, text="GO HOME", speaker="s1")])
    write_manifest(test, [Utterance("b", audio, 1800.0, text="GO AWAY", speaker="s2")])
    return str(train), str(test)


def test_text(manifests: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    train, test = manifests
    assert main(["stats", test, "--against", train]) == 0
    printed = capsys.readouterr().out
    assert f"{test}: 1 utterances, 0.500 h (1800.00 to 1800.00 s), 1 speakers, 2 words" in printed
    assert f"out of vocabulary against {train}: 1 of 2 words, 1 of 2 occurrences (50.00 %)" in printed
    assert "most frequent: AWAY (1)" in printed
    assert "characters it lacks: 'AWY'" in printed


def test_several_manifests_have_a_total(
    manifests: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stats", *manifests]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "total: 2 utterances, 1.500 h, 2 speakers"


def test_json_and_picture(
    manifests: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = manifests
    picture = tmp_path / "p.png"
    assert main(["stats", train, test, "--against", train, "--json", "--picture", str(picture)]) == 0
    records = json.loads(capsys.readouterr().out)
    assert records[train]["hours"] == 1.0
    assert records[train]["out_of_vocabulary"]["tokens"] == 0
    assert records[test]["out_of_vocabulary"]["frequent"] == [["AWAY", 1]]
    assert records[test]["frequent_words"] == {"AWAY": 1, "GO": 1}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_is_no_manifest_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(tmp_path / "none.jsonl")]) == 1
    (tmp_path / "empty.jsonl").write_text("\n")
    assert main(["stats", str(tmp_path / "empty.jsonl")]) == 1
    assert "empty manifest" in capsys.readouterr().err
