"""Counts, alignments and the matched-pairs test against NIST's programs."""

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from asr.evaluation.formats import read_transcripts_pair
from asr.evaluation.formats.nist import format_trn, read_trn
from asr.evaluation.matched_pairs import matched_pairs
from asr.evaluation.scoring import ErrorCounts, realign_like_sclite, sclite_words, score

_FOLDERS = ("/usr/lib/sctk/bin", "/usr/local/bin", "/usr/bin")
SCLITE = next(
    (found for found in (shutil.which("sclite", path=folder) for folder in _FOLDERS) if found), None
)
pytestmark = pytest.mark.skipif(SCLITE is None, reason="needs NIST's sclite (Debian package sctk)")

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


def run_sclite(folder: Path, pairs: Pairs, name: str = "hyp") -> Path:
    """sclite's alignments, as its SGML file."""
    assert SCLITE is not None
    reference = write_trn(folder / "ref.trn", [(pair[0], pair[1]) for pair in pairs])
    hypothesis = write_trn(folder / f"{name}.trn", [(pair[0], pair[2]) for pair in pairs])
    arguments = ["-s", "-e", "utf-8", "-i", "spu_id", "-o", "sgml"]
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


def test_counts_equal_sclite_on_stm_and_ctm(tmp_path: Path) -> None:
    assert SCLITE is not None
    generator = random.Random(11)
    stm, ctm = [], []
    for name in ("one", "two"):
        for segment in range(40):
            reference = generator.choices(VOCABULARY, k=generator.randint(0, 8))
            hypothesis = [word for word in reference if generator.random() > 0.2]
            hypothesis += generator.choices(VOCABULARY, k=generator.randint(0, 2))
            stm.append(
                f"{name} 1 s{segment % 3} {10 * segment}.0 {10 * segment + 10}.0 {' '.join(reference)}\n"
            )
            ctm += [
                f"{name} 1 {10 * segment + 0.5 + 0.8 * place:.2f} 0.70 {word} 0.9\n"
                for place, word in enumerate(hypothesis)
            ]
    (tmp_path / "ref.stm").write_text("".join(stm), "utf-8")
    (tmp_path / "hyp.ctm").write_text("".join(ctm), "utf-8")
    subprocess.run(
        [SCLITE, "-s", "-e", "utf-8", "-o", "sgml", "-r", str(tmp_path / "ref.stm"), "stm", "-h",
         str(tmp_path / "hyp.ctm"), "ctm"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip
    theirs = operations_of(tmp_path / "hyp.ctm.sgml")
    references, hypotheses = read_transcripts_pair(tmp_path / "ref.stm", tmp_path / "hyp.ctm")
    pairs = [(one.id, one.text, two.text) for one, two in zip(references, hypotheses, strict=True)]
    assert len(pairs) == 80
    ours = score(pairs, alignment="sclite").words
    assert ours == sum(map(counts, theirs.values()), ErrorCounts())


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
