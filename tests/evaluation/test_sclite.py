"""Counts, alignments and the matched-pairs test against NIST's programs."""

import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from nist import SCLITE, needs_sclite

from asr.evaluation.formats import read_transcripts_pair
from asr.evaluation.formats.nist import format_trn, read_trn
from asr.evaluation.matched_pairs import matched_pairs
from asr.evaluation.scoring import ErrorCounts, realign_like_sclite, sclite_words, score

pytestmark = needs_sclite

# Few words, so that they repeat; some beyond ASCII, in scripts of both directions.
VOCABULARY = ["a", "b", "c", "the", "naïve", "größe", "שלום", "مرحبا", "北京", "don't", "éa", "ÉA"]
Pairs = list[tuple[str, str, str]]


def random_pairs(count: int, seed: int, *, longest: int = 12, share: float | None = None) -> Pairs:
    """References, and hypotheses that are unrelated (share None) or wrong in about `share` of the words."""
    generator = random.Random(seed)
    pairs = []
    for number in range(count):
        reference = generator.choices(VOCABULARY, k=generator.randint(0, longest))
        if share is None:
            hypothesis = generator.choices(VOCABULARY, k=generator.randint(0, longest))
        else:
            hypothesis = []
            for word in reference:
                draw = generator.random()
                if draw > share / 3:
                    hypothesis.append(generator.choice(VOCABULARY) if draw < 2 * share / 3 else word)
                if generator.random() < share / 3:
                    hypothesis.append(generator.choice(VOCABULARY))
        pairs.append((f"spk{number % 7}-{number:05d}", " ".join(reference), " ".join(hypothesis)))
    return pairs


def write_trn(path: Path, lines: list[tuple[str, str]]) -> Path:
    path.write_text("".join(format_trn(name, text) + "\n" for name, text in lines), encoding="utf-8")
    return path


def run_sclite(folder: Path, pairs: Pairs, name: str = "hyp", *, options: Sequence[str] = ()) -> Path:
    """sclite's alignments, as its SGML file."""
    assert SCLITE is not None
    reference = write_trn(folder / "ref.trn", [(pair[0], pair[1]) for pair in pairs])
    hypothesis = write_trn(folder / f"{name}.trn", [(pair[0], pair[2]) for pair in pairs])
    arguments = ["-s", "-e", "utf-8", "-i", "spu_id", "-o", "sgml", *options]
    subprocess.run(
        [SCLITE, *arguments, "-r", str(reference), "trn", "-h", str(hypothesis), "trn", name],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    return folder / f"{name}.trn.sgml"


def operations_of(sgml: Path) -> dict[str, str]:
    """Utterance id -> letters of sclite's alignment."""
    found = {}
    for name, body in re.findall(
        r'<PATH id="\((.*?)\)"[^>]*>\n(.*?)</PATH>', sgml.read_text("utf-8"), re.DOTALL
    ):
        found[name] = "".join(re.findall(r"(?:^|:)([CSDI]),", body.strip()))
    return found


def counts(operations: str) -> ErrorCounts:
    return ErrorCounts(*(operations.count(letter) for letter in "CSDI"))


@pytest.mark.parametrize("share", [None, 0.15, 0.5])
def test_counts_and_alignments_equal_sclite_on_a_thousand_pairs(tmp_path: Path, share: float | None) -> None:
    pairs = random_pairs(1000, seed=1, share=share)
    theirs = operations_of(run_sclite(tmp_path, pairs))
    ours = score(pairs, alignment="sclite")
    assert {utterance.id: utterance.operations for utterance in ours.utterances} == theirs
    assert ours.words == sum(map(counts, theirs.values()), ErrorCounts())
    assert sclite_words(score(pairs)) == ours.words


def test_counts_equal_sclite_on_long_utterances(tmp_path: Path) -> None:
    pairs = random_pairs(4, seed=2, longest=700, share=0.4)
    pairs += [
        ("spk8-1", "", ""),
        ("spk8-2", "", "a a"),
        ("spk8-3", "a a a", ""),
        ("spk8-4", "a " * 500, "a " * 400),
    ]
    theirs = operations_of(run_sclite(tmp_path, pairs))
    ours = score(pairs, alignment="sclite")
    assert {utterance.id: utterance.operations for utterance in ours.utterances} == theirs


def test_fewest_errors_never_exceed_sclite_and_agree_where_few_words_are_substituted(tmp_path: Path) -> None:
    pairs = random_pairs(1000, seed=3)
    theirs = operations_of(run_sclite(tmp_path, pairs))
    for utterance in score(pairs).utterances:
        sclite = counts(theirs[utterance.id])
        assert utterance.words.errors <= sclite.errors
        if utterance.words.substitutions < 2:
            assert utterance.words == sclite


def an4_dev(name: str) -> Pairs:
    """AN4's dev set (speakers held out of train) as two small models recognise it."""
    folder = Path(__file__).parent / "an4_dev"
    references = {item.id: item.text for item in read_trn(folder / "ref.trn")}
    return [(item.id, references[item.id], item.text) for item in read_trn(folder / f"{name}.trn")]


@pytest.mark.parametrize("name", ["first", "second"])
def test_counts_equal_sclite_on_an4(tmp_path: Path, name: str) -> None:
    pairs = an4_dev(name)
    theirs = sum(map(counts, operations_of(run_sclite(tmp_path, pairs)).values()), ErrorCounts())
    assert score(pairs, alignment="sclite").words == theirs
    assert score(pairs).words.errors == theirs.errors


def random_reference(generator: random.Random, longest: int, depth: int = 0) -> str:
    """Words, optional words, and alternatives of words, of nothing and of alternatives."""
    parts = []
    for _ in range(generator.randint(depth > 0, longest)):
        kind = generator.random()
        if kind < 0.2 and depth < 2:
            readings = [random_reference(generator, 3, depth + 1) for _ in range(generator.randint(1, 3))]
            readings += ["@"] * (generator.random() < 0.3)
            parts.append("{ " + " / ".join(readings) + " }")
        else:
            word = generator.choice(VOCABULARY)
            parts.append(f"({word})" if kind < 0.35 else word)
    return " ".join(parts)


def nearby(generator: random.Random, reference: str, share: float) -> str:
    """A hypothesis out of some words of a reference, whatever reading they are of, and others."""
    words = [word.strip("()") for word in reference.split() if word not in ("{", "}", "/", "@")]
    kept = [word for word in words if generator.random() > share]
    return " ".join(generator.choice(VOCABULARY) if generator.random() < share else word for word in kept)


@pytest.mark.parametrize("has_readings", [False, True])
def test_counts_equal_sclite_on_stm_and_ctm(tmp_path: Path, has_readings: bool) -> None:
    assert SCLITE is not None
    generator = random.Random(11)
    stm, ctm = [], []
    for name in ("one", "two"):
        for segment in range(40):
            if has_readings:
                reference = random_reference(generator, 6)
                hypothesis = nearby(generator, reference, 0.2).split()[:12]
            else:
                words = generator.choices(VOCABULARY, k=generator.randint(0, 8))
                hypothesis = [word for word in words if generator.random() > 0.2]
                hypothesis += generator.choices(VOCABULARY, k=generator.randint(0, 2))
                reference = " ".join(words)
            stm.append(f"{name} 1 s{segment % 3} {10 * segment}.0 {10 * segment + 10}.0 {reference}\n")
            ctm += [
                f"{name} 1 {10 * segment + 0.5 + 0.8 * place:.2f} 0.70 {word} 0.9\n"
                for place, word in enumerate(hypothesis)
            ]
    (tmp_path / "ref.stm").write_text("".join(stm), "utf-8")
    (tmp_path / "hyp.ctm").write_text("".join(ctm), "utf-8")
    subprocess.run(
        [SCLITE, "-s", "-e", "utf-8", "-D", "-o", "sgml", "-r", str(tmp_path / "ref.stm"), "stm", "-h",
         str(tmp_path / "hyp.ctm"), "ctm"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip
    theirs = operations_of(tmp_path / "hyp.ctm.sgml")
    references, hypotheses = read_transcripts_pair(tmp_path / "ref.stm", tmp_path / "hyp.ctm")
    assert any(item.readings for item in references) == has_readings
    pairs = [
        (one.id, one.readings or one.text, two.text) for one, two in zip(references, hypotheses, strict=True)
    ]
    assert len(pairs) == 80
    ours = score(pairs, alignment="sclite").words
    assert ours == sum(map(counts, theirs.values()), ErrorCounts())


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_counts_equal_sclite_on_alternatives_and_optional_words_of_trn(tmp_path: Path, share: float) -> None:
    generator = random.Random(17)
    references = [random_reference(generator, 10) for _ in range(1500)]
    pairs = [
        (f"spk{number % 7}-{number:05d}", reference, nearby(generator, reference, share))
        for number, reference in enumerate(references)
    ]
    theirs = operations_of(run_sclite(tmp_path, pairs, options=["-D"]))
    read, hypotheses = read_transcripts_pair(tmp_path / "ref.trn", tmp_path / "hyp.trn")
    assert sum(item.readings is not None for item in read) > 1000
    scored = score(
        [(one.id, one.readings or one.text, two.text) for one, two in zip(read, hypotheses, strict=True)],
        alignment="sclite",
    )
    assert {utterance.id: utterance.words for utterance in scored.utterances} == {
        name: counts(operations) for name, operations in theirs.items()
    }
    fewest = score(
        [(one.id, one.readings or one.text, two.text) for one, two in zip(read, hypotheses, strict=True)]
    )
    assert sclite_words(fewest) == scored.words
    for ours, sclite in zip(fewest.utterances, scored.utterances, strict=True):
        assert ours.words.errors <= sclite.words.errors


def test_matched_pairs_equals_sc_stats_on_an4(tmp_path: Path) -> None:
    check_matched_pairs(tmp_path, an4_dev("first"), an4_dev("second"))


@pytest.mark.parametrize("seed", range(4))
def test_matched_pairs_equals_sc_stats_on_random_systems(tmp_path: Path, seed: int) -> None:
    first = random_pairs(300, seed, share=0.25)
    generator = random.Random(seed + 100)
    second = [
        (name, reference, " ".join(word for word in hypothesis.split() if generator.random() > 0.05))
        for name, reference, hypothesis in first
    ]
    # Both end in inserted words now and then.
    first = [(*pair[:2], pair[2] + " a" * (generator.random() < 0.2)) for pair in first]
    second = [(*pair[:2], pair[2] + " b" * (generator.random() < 0.2)) for pair in second]
    check_matched_pairs(tmp_path, first, second)


def check_matched_pairs(tmp_path: Path, first: Pairs, second: Pairs) -> None:
    assert SCLITE is not None
    sgml = run_sclite(tmp_path, first, "one").read_text("utf-8") + run_sclite(
        tmp_path, second, "two"
    ).read_text("utf-8")
    program = str(Path(SCLITE).with_name("sc_stats"))
    found = subprocess.run(
        [program, "-p", "-t", "mapsswe", "-v", "-n", "stats"],
        input=sgml.encode(), capture_output=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    report = (tmp_path / "stats.stats.mapsswe").read_text("utf-8", errors="replace")
    line = re.search(
        r"# segs: (\d+)\).*\(mean: *(-?[\d.]+)\) \(std dev: *([\d.]+)\) \(Z Stat: *(-?[\d.]+)\)", report
    )
    assert line is not None, found.stdout
    ours = matched_pairs(
        (
            (realign_like_sclite(one).operations, realign_like_sclite(two).operations)
            for one, two in zip(score(first).utterances, score(second).utterances, strict=True)
        ),
    )
    assert ours.segments == int(line[1])
    assert ours.mean == pytest.approx(float(line[2]), abs=6e-4)
    assert ours.deviation == pytest.approx(float(line[3]), abs=6e-4)
    assert ours.statistic == pytest.approx(float(line[4]), abs=6e-4)
