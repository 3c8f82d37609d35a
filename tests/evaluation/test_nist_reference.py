"""References with several readings, against counts that sclite -D printed and against trying every reading."""

import random
from pathlib import Path

import pytest

from asr.cli import main
from asr.errors import EvaluationError
from asr.evaluation.nist_reference import Alternatives, NistReference, OptionalWord, Words, parse_reference
from asr.evaluation.normalisation import find_normaliser
from asr.evaluation.report import build_report
from asr.evaluation.report_folder import read_report_pairs, write_report
from asr.evaluation.scoring import ErrorCounts, score, score_utterance
from asr.evaluation.transcript import TranscriptPair


def parse(text: str) -> NistReference:
    return parse_reference(text, "ref.trn:1")


# What sclite 2.10 -D -s counts: hits, substitutions, deletions, insertions.
COUNTED = [
    ("a { one / two } b", "a two b", (3, 0, 0, 0)),
    ("a { one / two } b", "a three b", (2, 1, 0, 0)),
    ("a {one/two} b", "a two b", (3, 0, 0, 0)),
    ("a { one / two / @ } b", "a b", (2, 0, 0, 0)),
    ("{ one two / three } x", "three", (1, 0, 1, 0)),
    ("{ one two / three } x", "one four x", (2, 1, 0, 0)),
    ("a { b { c d / e } / @ } f", "a b c d f", (5, 0, 0, 0)),
    ("a { b { c d / e } / @ } f", "a f", (2, 0, 0, 0)),
    ("{ one / two }", "one two", (1, 0, 0, 1)),
    ("{ @ / two }", "", (0, 0, 0, 0)),
    ("a (uh) b", "a uh b", (3, 0, 0, 0)),
    ("a (uh) b", "a b", (3, 0, 0, 0)),
    ("a (uh) b", "a um b", (2, 1, 0, 0)),
    ("a (uh) (uh) b", "a uh b", (4, 0, 0, 0)),
    ("a @ b", "a b", (2, 0, 0, 0)),
]


@pytest.mark.parametrize(("reference", "hypothesis", "counts"), COUNTED)
@pytest.mark.parametrize("alignment", ["levenshtein", "sclite"])
def test_counts_are_those_of_sclite(
    reference: str, hypothesis: str, counts: tuple[int, ...], alignment: str
) -> None:
    found = score([("u", parse(reference), hypothesis)], alignment=alignment)  # type: ignore[arg-type]
    assert found.words == ErrorCounts(*counts)


def readings_of(reference: NistReference) -> list[list[tuple[str, bool]]]:
    """Every reading, as words and whether an optional word is left out."""
    found: list[list[tuple[str, bool]]] = [[]]
    for part in reference.parts:
        if isinstance(part, Alternatives):
            more = [reading for choice in part.readings for reading in readings_of(choice)]
        elif isinstance(part, OptionalWord):
            more = [[(part.text, False)], [(part.text, True)]]
        else:
            more = [[(word, False) for word in part.text.split()]]
        found = [before + after for before in found for after in more]
    return found


def test_fewest_errors_are_those_of_the_best_of_all_readings() -> None:
    generator = random.Random(3)

    def draw(depth: int) -> str:
        parts = []
        for _ in range(generator.randint(1, 3)):
            kind = generator.random()
            word = generator.choice("abc")
            if kind < 0.4 and depth < 2:
                parts.append("{ " + " / ".join([draw(depth + 1), generator.choice(["@", draw(2)])]) + " }")
            else:
                parts.append(f"({word})" if kind < 0.6 else word)
        return " ".join(parts)

    for _ in range(300):
        reference = parse(draw(0))
        hypothesis = " ".join(generator.choices("abcd", k=generator.randint(0, 5)))
        found = score([("u", reference, hypothesis)]).utterances[0]
        by_hand = (
            score_utterance("u", " ".join(word for word, left_out in reading if not left_out), hypothesis)
            for reading in readings_of(reference)
        )
        assert found.words.errors == min(utterance.words.errors for utterance in by_hand)
        assert [pair.hypothesis for pair in found.alignment if pair.hypothesis] == hypothesis.split()
        assert " ".join(pair.reference for pair in found.alignment if pair.reference) == found.reference
        assert found.words.hits == found.operations.count("C") + found.unsaid


def test_what_is_written_reads_back_as_the_same() -> None:
    for text in ("a { b c / @ / { d / e f } (g) } (uh) h", "(uh)", "a and/or b", "{ a }"):
        assert str(parse(text)) == text
    assert parse("a @ b").is_plain
    assert str(parse("@")) == ""
    assert parse("and/or {and/or}").parts == (
        Words("and/or"),
        Alternatives((NistReference((Words("and"),)), NistReference((Words("or"),)))),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a { b / c", "a { without }"),
        ("a b / c }", "a } without {"),
        ("a { b / } c", "nothing between / and }; expected words, or @ for no word"),
        ("a { } c", "nothing between { and }"),
        ("a{ b / c }", "'a{'; expected white space between a word and a brace"),
        ("{ b / c }d", "'}d'; expected white space"),
        ("{ a / " * 51, "more than 50 { within each other, at character 301"),
    ],
)
def test_broken_alternatives_are_named_with_their_line(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        parse(text)
    assert str(caught.value).startswith("ref.trn:1: ")
    assert message in str(caught.value)


def test_normalisers_spell_every_reading_and_see_words_in_a_row_around_a_filler_as_one_run() -> None:
    basic, english = find_normaliser("basic").apply, find_normaliser("english").apply
    assert str(parse("Hi, { Uh-huh / Yes! / ... } (UH-UM) there.").normalised(basic)) == (
        "hi { uh huh / yes / @ } (uh) (um) there"
    )
    assert str(parse("twenty (...) one { thirty-two / @ }").normalised(english)) == "21 { 32 / @ }"


def pairs_with_readings() -> list[TranscriptPair]:
    text = "A { one / two } (uh) b"
    return [
        TranscriptPair("u-1", text, "a two b", readings=parse(text)),
        TranscriptPair("u-2", "a { b } c", "a { b } c"),
    ]


def test_report_is_read_back_with_its_readings_and_sclite_counts_the_same_from_its_files(
    tmp_path: Path,
) -> None:
    report = build_report(pairs_with_readings(), title="t", settings={}, resamples=100)
    assert report.result.score.words == ErrorCounts(hits=7)
    assert report.settings["alternatives"].startswith("1 references with { / } or (optional) words")
    write_report(tmp_path, report)
    assert (tmp_path / "ref.trn").read_text() == "a { one / two } (uh) b (u-1)\na b c (u-2)\n"
    assert (tmp_path / "hyp.trn").read_text() == "a two b (u-1)\na b c (u-2)\n"
    assert read_report_pairs(tmp_path) == pairs_with_readings()


def test_systems_are_not_compared_on_references_with_several_readings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ref.trn").write_text("a { one / two } (u-1)\nb (u-2)\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.trn").write_text(f"a {name} (u-1)\nb (u-2)\n")
    systems = [str(tmp_path / "one.trn"), str(tmp_path / "two.trn")]
    assert main(["compare", "--ref", str(tmp_path / "ref.trn"), *systems]) == 1
    assert "utt u-1: its reference has alternatives or optional words" in capsys.readouterr().err
