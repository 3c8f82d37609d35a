import json
from pathlib import Path

import pytest

from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.errors import ManifestError


def test_a_written_manifest_reads_back_equal(tmp_path: Path) -> None:
    utterances = [
        Utterance(
            "a", tmp_path / "wav" / "a.wav", 1.5, text="HELLO", speaker="s1", extras={"room": "kitchen"}
        ),
        Utterance("b", tmp_path / "wav" / "b.wav", 2.0, start=3.25, text=""),
        Utterance("c", Path("/elsewhere/c.wav"), 0.5),
    ]
    write_manifest(tmp_path / "m.jsonl", utterances)
    assert read_manifest(tmp_path / "m.jsonl") == utterances


def test_audio_below_the_manifest_is_written_relative_so_that_the_folder_can_move(tmp_path: Path) -> None:
    write_manifest(tmp_path / "old" / "m.jsonl", [Utterance("a", tmp_path / "old" / "wav" / "a.wav", 1.0)])
    (tmp_path / "old").rename(tmp_path / "new")
    assert read_manifest(tmp_path / "new" / "m.jsonl")[0].audio == tmp_path / "new" / "wav" / "a.wav"


GOOD = {"id": "a", "audio": "a.wav", "duration": 1.0}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "m.jsonl:2: not JSON"),
        ("[1]", "m.jsonl:2: got a JSON list; expected an object"),
        (json.dumps({**GOOD, "id": ""}), "m.jsonl:2: id is missing"),
        (json.dumps({**GOOD, "id": 7}), "m.jsonl:2: id is 7; expected a string"),
        (json.dumps({**GOOD, "audio": None}), r"m.jsonl:2 \(utt a\): audio is missing"),
        (json.dumps({**GOOD, "duration": -1.0}), r"m.jsonl:2 \(utt a\): duration -1.0 s; expected > 0"),
        (json.dumps({**GOOD, "duration": True}), r"m.jsonl:2 \(utt a\): duration is True; expected seconds"),
        ('{"id": "a", "audio": "a.wav", "duration": NaN}', r"m.jsonl:2 \(utt a\): duration nan s"),
        (json.dumps({**GOOD, "start": -0.1}), r"m.jsonl:2 \(utt a\): start -0.1 s; expected >= 0"),
        (json.dumps({**GOOD, "text": 5}), r"m.jsonl:2 \(utt a\): text is 5; expected a string"),
        (json.dumps({**GOOD, "duration": 10**400}), r"m.jsonl:2 \(utt a\): duration 1000"),
        (json.dumps({**GOOD, "duration": 1e308}), r"m.jsonl:2 \(utt a\): duration 1e\+308 s; expected > 0"),
        (json.dumps({**GOOD, "duration": 1e-320}), r"m.jsonl:2 \(utt a\): duration .* from 1e-06 to 1e\+09"),
        (json.dumps({**GOOD, "start": 10**400}), r"m.jsonl:2 \(utt a\): start 1000"),
        (
            json.dumps({**GOOD, "audio": "a\0.wav"}),
            r"m.jsonl:2 \(utt a\): audio is 'a\\x00.wav', which no file",
        ),
        (
            json.dumps({**GOOD, "audio": "\ud800.wav"}),
            r"m.jsonl:2 \(utt a\): audio is '\\ud800.wav', which no",
        ),
        (json.dumps({**GOOD, "text": "A \ud800"}), r"m.jsonl:2 \(utt a\): text is .*, with half a character"),
        ('{"id": ' + "9" * 5000 + "}", "m.jsonl:2: not JSON .a number of too many digits"),
        ("[" * 100_000, "m.jsonl:2: not JSON .nested too deeply"),
        (json.dumps({**GOOD, "id": "first"}), r"m.jsonl:2 \(utt first\): id already used on line 1"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps({**GOOD, "id": "first"}) + "\n" + line + "\n")
    with pytest.raises(ManifestError, match=message):
        read_manifest(manifest)


def test_missing_empty_and_binary_manifests_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such manifest"):
        read_manifest(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(ManifestError, match="empty manifest"):
        read_manifest(tmp_path / "empty.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="not UTF-8"):
        read_manifest(tmp_path / "binary.jsonl")
    with pytest.raises(ManifestError, match="is a folder"):
        read_manifest(tmp_path)


def test_an_interrupted_write_leaves_the_old_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    write_manifest(manifest, [Utterance("old", tmp_path / "a.wav", 1.0)])

    def breaks():
        yield Utterance("new", tmp_path / "b.wav", 1.0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manifest(manifest, breaks())
    assert [utterance.id for utterance in read_manifest(manifest)] == ["old"]
    assert list(tmp_path.iterdir()) == [manifest]


def test_a_byte_order_mark_no_start_and_any_name_of_a_file_are_read(tmp_path: Path) -> None:
    line = {**GOOD, "start": None, "text": "\U0001f600", "audio": "caf\udce9.wav"}
    (tmp_path / "m.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(line).encode() + b"\n")
    assert read_manifest(tmp_path / "m.jsonl") == [
        Utterance("a", tmp_path / "caf\udce9.wav", 1.0, text="\U0001f600")
    ]
