from pathlib import Path

import pytest

from asr.cli import main
from asr.data.manifest import Utterance, read_manifest, write_manifest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "all.jsonl"
    write_manifest(
        path,
        (
            Utterance(
                f"u{n}",
                tmp_path / "a.wav",
                36.0,
                text=f"WORD {n}",
                speaker=f"s{n % 10}",
                extras={"mic": n % 2},
            )
            for n in range(100)
        ),
    )
    return path


def test_filter(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ids.txt").write_text("u1\nu11\nu2\n")
    out = tmp_path / "out.jsonl"
    words = ["manifest", "filter", str(source), str(out)]
    assert main([*words, "--ids", str(tmp_path / "ids.txt"), "--where", "mic=1", "--text", r"\d\d$"]) == 0
    assert capsys.readouterr().out == f"{out}: 1 of 100 utterances, 0.010 of 1.000 h\n"
    assert [item.id for item in read_manifest(out)] == ["u11"]
    assert main([*words, "--min-duration", "50"]) == 1
    assert "none of 100 utterances" in capsys.readouterr().err
    assert main([*words, "--text", "("]) == 2
    assert "is no regular expression" in capsys.readouterr().err
    assert main([*words, "--where", "mic"]) == 2
    assert main([*words, "--where", "mic<=loud"]) == 2
    assert "expected a number behind <=" in capsys.readouterr().err
    assert main([*words, "--ids", str(tmp_path / "none.txt")]) == 2


def test_every_filter_option_is_heeded(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    for options, kept in (
        (["--speaker", "s1", "--speaker", "s2"], 20),
        (["--not-speaker", "s1"], 90),
        (["--not-text", "WORD [0-4]"], 55),
        (["--alphabet", "WORD 123"], 12),
        (["--max-duration", "36", "--min-duration", "36"], 100),
        (["--min-rate", "0.18"], 90),
        (["--max-rate", "0.18"], 10),
        (["--transcribed"], 100),
        (["--where", "mic=1"], 50),
        (["--where", "mic<=0.5"], 50),
        (["--where", "mic>=0", "--where", "mic<=1"], 100),
    ):
        assert main(["manifest", "filter", str(source), str(out), *options]) == 0
        assert len(read_manifest(out)) == kept, options


def test_split(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["manifest", "split", str(source), str(tmp_path / "parts")]
    assert main([*words, "train=0.8", "dev=0.2", "--seed", "3"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split() == [str(tmp_path / "parts" / "train.jsonl"), "80", "0.800", "8"]
    assert printed[2].split() == [str(tmp_path / "parts" / "dev.jsonl"), "20", "0.200", "2"]
    assert main([*words, "train=0.8", "dev=0.3"]) == 2
    assert main([*words, "train=most", "dev=0.3"]) == 2
    assert "expected a share, such as train=0.9" in capsys.readouterr().err


def test_merge_sample_and_shuffle(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, mixed, both = (str(tmp_path / name) for name in ("small.jsonl", "mixed.jsonl", "both.jsonl"))
    assert main(["manifest", "sample", str(source), small, "--hours", "0.25", "--seed", "2"]) == 0
    assert main(["manifest", "shuffle", small, mixed, "--seed", "2"]) == 0
    assert main(["manifest", "merge", small, mixed, both]) == 1
    assert "id already used at" in capsys.readouterr().err
    assert main(["manifest", "merge", small, mixed, both, "--prefix"]) == 0
    assert capsys.readouterr().out == f"{both}: 50 utterances of 2 manifests\n"
    assert main(["manifest", "merge", small, both]) == 2
    assert main(["manifest", "sample", str(source), small, "--share", "0.1", "--utterances", "3"]) == 2


def test_normalise_says_what_each_rule_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "published.jsonl", tmp_path / "out.jsonl"
    texts = ["“Mr. Jones’s well-known café!”", "In 1984", "PLAIN"]
    write_manifest(
        path, (Utterance(f"u{n}", tmp_path / "a.wav", 1.0, text=text) for n, text in enumerate(texts))
    )
    words = ["manifest", "normalise", str(path), str(out), "--case", "upper", "--drop-accents"]
    words += ["--replace", "Mr.=Mister", "--alphabet", "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]
    assert main(words) == 1
    assert "1 of 3 utterances" in capsys.readouterr().err
    assert main([*words, "--skip-others"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[1:7]] == [
        "replace",
        "typography",
        "hyphens",
        "punctuation",
        "accents",
        "case",
    ]
    assert "well-known café" in said
    assert "left out: 1, such as" in said
    assert f"{out}: 2 utterances" in said
    assert [one.text for one in read_manifest(out)] == ["MISTER JONES'S WELL KNOWN CAFE", "PLAIN"]
    assert (
        main(["manifest", "normalise", str(path), str(out), "--hyphens", "keep", "--keep-punctuation"]) == 0
    )
    assert "with digits, symbols or signs: 1" in capsys.readouterr().out
    assert [one.text for one in read_manifest(out)] == ['"Mr. Jones\'s well-known café!"', "In 1984", "PLAIN"]
