"""Transcripts as published, respelled by rules."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.data.text_rules import TextRules, others, respell_manifest
from asr.errors import ManifestError, TranscriptError

LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"


@pytest.mark.parametrize(
    ("text", "wanted", "rules"),
    [
        ("“Don’t go,” she said – it’s ‘late’…", "Don't go she said it's late", TextRules()),
        ("A well-known, twenty-one-year-old dog’s", "A well known twenty one year old dog's", TextRules()),
        ("well-known - yes", "well-known yes", TextRules(hyphens="keep")),
        ("e-mail", "email", TextRules(hyphens="join")),
        (
            "zero\u200bwidth \ufeffmark, soft\u00adhyphen",
            "zerowidth mark softhyphen",
            TextRules(hyphens="join"),
        ),
        ("Café naïve", "CAFE NAIVE", TextRules(accents="drop", case="upper")),
        ("$25 is 5% & more; a@b", "$25 is 5% & more a@b", TextRules()),
        ("1,000.5", "1 000 5", TextRules()),
        ("Mr. Mrs. Dr", "Mister Mrs Dr", TextRules(replace={"Mr.": "Mister"})),
        ("Hello, World!", "Hello, World!", TextRules(punctuation="keep")),
        ("“Hi” – he", "“Hi” – he", TextRules(typography=False, punctuation="keep")),
        # Scripts: marks belong to their letters, joiners to the spelling, capitals to the language.
        ("हिन्दी में।", "हिन्दी में", TextRules()),
        ("می\u200cخواهم، «سلام»؟", "می\u200cخواهم سلام", TextRules()),
        ("Мама мыла раму.", "МАМА МЫЛА РАМУ", TextRules(case="upper")),
        ("ISPARTA’nın ılık İli", "ısparta'nın ılık ili", TextRules(case="lower", language="tr")),
        ("ılık ili", "ILIK İLİ", TextRules(case="upper", language="tr")),
        ("İstanbul'da Âdem", "istanbul'da adem", TextRules(accents="drop", case="lower", language="tr")),
        ("ILIK", "ilik", TextRules(case="lower")),
        ("გამარჯობა!", "გამარჯობა", TextRules()),
        ("你好，世界。", "你好 世界", TextRules()),
        ("e\u0301te\u0301", "été", TextRules()),
    ],
)
def test_rules(text: str, wanted: str, rules: TextRules) -> None:
    assert rules.respell(text).text == wanted


def test_steps_say_which_rule_did_what() -> None:
    text, steps = TextRules(case="upper").respell("It’s a - test.")
    assert text == "IT'S A TEST"
    assert steps == (
        ("typography", "It’s a - test.", "It's a - test."),
        ("punctuation", "It's a - test.", "It's a test"),
        ("case", "It's a test", "IT'S A TEST"),
    )
    assert TextRules(case="upper").respell("IT'S A TEST").steps == ()


@given(
    st.text(max_size=30),
    st.sampled_from(["space", "keep", "join"]),
    st.sampled_from(["keep", "upper", "lower"]),
)
def test_what_is_respelled_once_stays(text: str, hyphens: str, case: str) -> None:
    rules = TextRules(hyphens=hyphens, case=case)  # type: ignore[arg-type]
    once = rules.respell(text).text
    twice = rules.respell(once).text
    # The case of some letters (ŉ, ß) takes two steps; of those people write one suffices.
    assert twice == once or rules.respell(twice).text == twice
    assert "  " not in once
    assert once == once.strip()


def test_others_are_what_the_alphabet_lacks_or_what_is_said_in_many_ways() -> None:
    assert others("AB CÉ1", LATIN) == ["1", "É"]
    assert others("AB C", LATIN) == []
    assert others("É 1 $ % ½", None) == ["$", "%", "1", "½"]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    texts = ["“Yes,” he said.", "It cost $5.", "...", None, "Yes", ""]
    path = tmp_path / "published.jsonl"
    write_manifest(
        path, (Utterance(f"u{n}", tmp_path / "a.wav", 1.0, text=text) for n, text in enumerate(texts))
    )
    return path


def test_what_cannot_be_spelled_is_refused_and_all_of_it_counted(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    with pytest.raises(TranscriptError) as caught:
        respell_manifest(published, target, TextRules(case="upper"), alphabet=LATIN)
    for part in (
        "2 of 6 utterances",
        "published.jsonl:2 (utt u1): 'It cost $5.' has $ 5",
        "(utt u2): '...' has no words",
    ):
        assert part in str(caught.value)
    assert not target.exists()


def test_or_left_out_and_counted(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    done = respell_manifest(published, target, TextRules(case="upper"), alphabet=LATIN, skip_others=True)
    assert (done.utterances, len(done.skipped), done.unspelled) == (4, 2, [])
    assert [utterance.text for utterance in read_manifest(target)] == ["YES HE SAID", None, "YES", ""]
    assert [(count, step.rule) for count, step in done.changed] == [
        (1, "typography"),
        (3, "punctuation"),
        (3, "case"),
    ]
    assert done.changed[2][1].after == "YES HE SAID"


def test_without_an_alphabet_digits_are_kept_and_named(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    done = respell_manifest(published, target, TextRules(punctuation="keep"))
    assert done.utterances == 6
    assert len(done.unspelled) == 1
    assert "'It cost $5.' has $ 5" in done.unspelled[0]
    respell_manifest(published, published, TextRules(punctuation="keep"), skip_others=True)
    assert len(read_manifest(published)) == 5  # in place


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "digits.jsonl"
    write_manifest(path, [Utterance("u", tmp_path / "a.wav", 1.0, text="1 2 3")])
    with pytest.raises(ManifestError, match="no utterance is left; nothing was written"):
        respell_manifest(path, tmp_path / "out.jsonl", TextRules(), skip_others=True)
    assert not (tmp_path / "out.jsonl").exists()
