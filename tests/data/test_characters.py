"""Which characters of transcripts are named, with what remedy, and which are left alone."""

from pathlib import Path

import pytest

from asr.cli import main
from asr.data.characters import CharacterSurvey
from asr.data.manifest import Utterance, write_manifest
from asr.data.text import Case

ENGLISH = "it's a well-known thing that the quick brown fox jumps over a lazy dog " * 20


def survey(*texts: str, case: Case = "keep") -> dict[str, str]:
    """What is shown of each suspicious character -> the whole line."""
    found = CharacterSurvey(case=case)
    for number, text in enumerate(texts):
        found.add(Utterance(f"u{number}", Path("a.wav"), 1.0, text=text))
    return {str(item.shown): str(item) for item in found.suspicious()}


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        ENGLISH.upper(),
        "ein größeres maß an übung " * 30,
        "съешь же ещё этих мягких французских булок " * 30,
        "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ " * 30,
        "नमस्ते दुनिया क्\u200dष " * 30,
        "私はガラスを食べられます それは私を傷つけません " * 30,
        "tiếng việt có dấu " * 30,
    ],
)
def test_plain_text_in_any_script_is_left_alone(text: str) -> None:
    assert survey(text) == {}


@pytest.mark.parametrize(
    ("character", "shown", "remedy"),
    [
        ("\u2019", "U+2019 ’ RIGHT SINGLE QUOTATION MARK", "typographic; write ' (U+0027)"),
        ("\u2014", "U+2014 — EM DASH", "typographic; write - (U+002D)"),
        ("?", "U+003F ? QUESTION MARK", "punctuation is not spoken"),
        ("\u200b", "U+200B ZERO WIDTH SPACE", "cannot be seen or heard; remove it"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE", "cannot be seen or heard; remove it"),
        ("\ufffd", "U+FFFD � REPLACEMENT CHARACTER", "wrong encoding"),
        ("\u0131", "U+0131 ı LATIN SMALL LETTER DOTLESS I", "a Turkish i"),
        ("7", "U+0037 7 DIGIT SEVEN", "write it in words"),
        ("$", "U+0024 $ DOLLAR SIGN", "a symbol"),
        ("\ufb01", "U+FB01 ﬁ LATIN SMALL LIGATURE FI", "another form of 'fi'"),
        ("\u0430", "U+0430 а CYRILLIC SMALL LETTER A", "a cyrillic letter among latin ones"),
    ],
)
def test_each_kind_is_named_with_count_place_and_remedy(character: str, shown: str, remedy: str) -> None:
    found = survey(ENGLISH, f"th{character}s", f"{character} and {character}x")
    assert set(found) == {shown}
    assert found[shown].startswith(f"{shown}, 3 times, first in utt u1: ")
    assert remedy in found[shown]


def test_both_cases_are_one_finding_unless_the_tokenizer_folds_them() -> None:
    found = survey(ENGLISH, "The Thing")
    assert set(found) == {"upper-case T"}
    assert "2 times, first in utt u1" in found["upper-case T"]
    assert survey(ENGLISH, "The Thing", case="lower") == {}


def test_rare_letters_are_counted_together_in_a_long_text() -> None:
    found = survey(*[ENGLISH] * 30, "café niño", "ça")
    (line,) = found.values()
    assert line.startswith("3 rare letters çéñ, 3 times, first in utt u31: fewer than 1 in 10,000 characters")


def test_validate_reports_them_as_warnings(
    tmp_path: Path, tone: object, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = tone()  # type: ignore[operator]
    write_manifest(
        tmp_path / "m.jsonl",
        [Utterance("a", audio, 1.0, text="it is"), Utterance("b", audio, 1.0, text="it\u2019s")],
    )
    assert main(["validate", str(tmp_path / "m.jsonl")]) == 0
    printed = capsys.readouterr().out
    assert "m.jsonl: U+2019 ’ RIGHT SINGLE QUOTATION MARK, once, first in utt b: typographic" in printed
    assert "0 errors, 2 warnings" in printed  # and the same samples twice
