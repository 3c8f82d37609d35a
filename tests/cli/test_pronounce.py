"""`asr pronounce`: dictionaries of the words of manifests, texts and language models."""

from pathlib import Path

import pytest

from asr.cli import main
from asr.data.manifest import Utterance, write_manifest
from asr.data.pronunciation import read_all_pronunciations

pytest.importorskip("espeakng_loader")


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    """A manifest, a text and a language model, with four words between them."""
    write_manifest(tmp_path / "m.jsonl", [Utterance("a", tmp_path / "a.wav", 1.0, text="THE CAT")])
    (tmp_path / "t.txt").write_text("THE DOG\n", encoding="utf-8")
    (tmp_path / "l.txt").write_text("A DOG\nA CAT\nA DOG\n", encoding="utf-8")
    assert main(["lm", "train", str(tmp_path / "l.txt"), str(tmp_path / "l.arpa"), "--order", "2"]) == 0
    return [str(tmp_path / name) for name in ("m.jsonl", "t.txt", "l.arpa")]


def test_every_word_of_every_source_is_said_once_and_in_other_ways_that_are_given(
    sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cmudict.dict").write_text(
        "cat K AE1 T\ndog D AO1 G\ndog(2) D AA1 G\nfish F IH1 SH\n", encoding="utf-8"
    )
    out = tmp_path / "out.phones"
    capsys.readouterr()
    assert (
        main(
            [
                "pronounce",
                *sources,
                str(out),
                "--fold",
                "--also",
                "THE=ð i",
                "--dictionary",
                str(tmp_path / "cmudict.dict"),
            ]
        )
        == 0
    )
    said = read_all_pronunciations(out)
    assert set(said) == {"A", "CAT", "DOG", "THE"}
    assert said["CAT"] == [("k", "æ", "t")]
    assert ("ð", "i") in said["THE"]
    assert len(said["DOG"]) == len(set(said["DOG"])) == 2
    assert "4 words said in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dictionary", "x"], "--dictionary has American English in 39 phones; add --fold"),
        (["--fold", "--language", "de"], "--fold is of American English, not de"),
        (["--also", "AND"], "--also 'AND'; expected a word and its phones"),
        (["--force", "--language", "xx-yy"], "espeak-ng has no voice 'xx-yy'"),
        ([], "exists; choose another file, or --force"),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_written(
    options: list[str], message: str, sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.phones"
    out.write_text("before", encoding="utf-8")
    assert main(["pronounce", *sources, str(out), *options]) != 0
    assert message in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "before"
