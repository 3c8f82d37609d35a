"""A tagger learns from text as it is published."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from asr.errors import TrainingError
from asr.training.tagger import Errors, TaggerNetwork, read_tagged, sound, train_tagger
from asr.training.tagger_config import TaggerConfig
from asr.writing.published import MARKS, sentences
from asr.writing.tagger import Tagger, read_tagger, write_tagger

NAMES = ("Anna", "Bertha", "McDonald", "NASA")
SMALL = TaggerConfig(
    known=50, embedded=20, width=24, cells=16, dropout=0.0, words_per_text=12, epochs=150, learning_rate=0.02,
    words_per_batch=256, replaced=0.0, deleted=0.0,
)  # fmt: skip


def lines(count: int = 40) -> list[str]:
    """Questions begin with "who" or "where", the rest are statements with a comma before "but"."""
    generator = np.random.default_rng(3)
    found = []
    for _ in range(count):
        name, other = generator.choice(NAMES, 2)
        found += [
            [f"Who saw {name} there?"],
            [f"They met {name}, but {other} left."],
            [f"Where is {other}?"],
            [f"We like the old town of {name}."],
        ][int(generator.integers(4))]
    return found


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    text = read_tagged(sentences(lines()), SMALL)
    return train_tagger(text, SMALL, state=tmp_path_factory.mktemp("tagger") / "state")


def written(tagger: Tagger, words: str) -> str:
    return " ".join(form + mark for form, mark in tagger.write(words.split()))


@pytest.mark.parametrize(
    "text",
    [
        "Who saw NASA there? Where is Bertha?",
        "They met McDonald, but Anna left. We like the old town of NASA.",
    ],
)
def test_marks_and_capitals_are_learnt(tagger: Tagger, text: str) -> None:
    spoken = "".join(letter for letter in text if letter not in ",.?").upper()
    assert written(tagger, spoken) == text
    assert written(tagger, spoken.lower()) == text


def test_numpy_computes_what_torch_computes(tmp_path: Path) -> None:
    text = read_tagged(sentences(lines()), SMALL)
    torch.manual_seed(1)
    network = TaggerNetwork(SMALL, text.lexicon.features).eval()
    tagger = Tagger(text.lexicon, network.weights())
    words = [text.spellings[number] for number in text.words[:150]]
    rows = torch.from_numpy(text.lexicon.describe(words)).long()
    wanted = network(rows, torch.tensor([len(words)]))
    for of, come in zip(tagger.scores(words, whole=False), wanted, strict=True):
        np.testing.assert_allclose(of, come.detach().numpy(), atol=1e-5)


def test_long_texts_are_read_in_windows_that_do_not_show(tagger: Tagger) -> None:
    words = " ".join(lines()).translate(str.maketrans("", "", ",.?")).split() * 4
    whole = tagger.write(words)
    assert len(whole) == len(words) > 500
    assert whole[200:260] == tagger.write(words[100:360])[100:160]


def test_how_many_windows_are_read_side_by_side_changes_nothing(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["do", "you", "know", "what", "he", "said", "she", "did", "not", "know", "him"] * 150
    wanted = tagger.scores(words)
    monkeypatch.setattr("asr.writing.tagger._SIDE_BY_SIDE", 3)
    for found, of_all in zip(tagger.scores(words), wanted, strict=True):
        np.testing.assert_allclose(found, of_all, atol=1e-5)


def test_a_file_holds_all_of_it(tagger: Tagger, tmp_path: Path) -> None:
    write_tagger(tmp_path / "en.tagger", tagger)
    again = read_tagger(tmp_path / "en.tagger")
    assert again.lexicon.forms == {"mcdonald": "McDonald"}
    assert again.lexicon.words == tagger.lexicon.words
    words = ["WHO", "SAW", "MCDONALD", "THERE"]
    assert again.write(words) == tagger.write(words)
    for of, come in zip(again.scores(words), tagger.scores(words), strict=True):
        np.testing.assert_allclose(of, come, atol=0.3)


def test_a_training_that_was_stopped_ends_with_the_same_weights(tmp_path: Path) -> None:
    config = TaggerConfig(**{**vars(SMALL), "epochs": 12, "dropout": 0.2, "replaced": 0.1, "deleted": 0.1})
    text = read_tagged(sentences(lines()), config)
    whole = train_tagger(text, config, state=tmp_path / "whole")

    def stop(progress: object) -> None:
        if not stopped:
            stopped.append(progress)
            os.kill(os.getpid(), signal.SIGTERM)

    stopped: list[object] = []
    with pytest.raises(TrainingError, match="stopped by a signal"):
        train_tagger(text, config, state=tmp_path / "state", progress=stop)
    again = train_tagger(text, config, state=tmp_path / "state")
    np.testing.assert_array_equal(whole.weights.table, again.weights.table)
    assert not (tmp_path / "state").exists()


def test_errors_keep_marks_and_capitals_where_they_belong() -> None:
    config = TaggerConfig(**{**vars(SMALL), "replaced": 0.3, "deleted": 0.3, "cut": 0.0})
    text = read_tagged(sentences(lines()), config)
    errors = Errors(text, config)
    places = np.arange(len(text.words))
    torch.manual_seed(2)
    heard = errors.mishear(places)
    assert 0.6 < len(heard.words) / len(places) < 0.8
    begins = np.concatenate([[True], np.isin(heard.marks[:-1], [2, 3, 4])])
    assert (heard.cases[begins] > 0).mean() > 0.95
    assert len(errors.mishear(places[:1]).words) == 1


def test_texts_are_cut_at_both_ends() -> None:
    config = TaggerConfig(**{**vars(SMALL), "replaced": 0.0, "deleted": 0.0, "cut": 0.5})
    text = read_tagged(sentences(lines()), config)
    errors = Errors(text, config)
    torch.manual_seed(3)
    found = [errors.mishear(np.arange(40)).words for _ in range(200)]
    whole = [words for words in found if len(words) == 40]
    assert 60 < len(whole) < 140
    assert min(map(len, found)) >= 2
    joined = " ".join(map(str, text.words[:40]))
    assert all(" ".join(map(str, words)) in joined for words in found)
    assert {words[0] for words in found} > {text.words[0]}
    assert {words[-1] for words in found} > {text.words[39]}
    assert len(errors.mishear(np.arange(1)).words) == 1


def test_a_pause_tells_what_words_do_not() -> None:
    """The same words with and without a full stop in their middle: only the pause knows."""
    told = ["Anna came."] * 30 + ["Anna came Anna came."] * 30
    config = TaggerConfig(**{**vars(SMALL), "words_per_text": 4})
    shares = np.full((len(MARKS), 7), 1e-9)
    shares[:, 0] = 1.0
    shares[MARKS.index(".")] = [1e-9] * 5 + [1.0, 1e-9]
    text = read_tagged(sentences(told), config)
    tagger = train_tagger(
        text, config, state=Path("unused"), pauses=shares / shares.sum(axis=1, keepdims=True)
    )
    words = ["anna", "came"] * 2
    marks = {
        gap: [one.mark for one in tagger.write(words, np.array([0.0, gap, 0.0, np.nan]))]
        for gap in (0.0, 1.0)
    }
    assert marks == {0.0: ["", "", "", "."], 1.0: ["", ".", "", "."]}


def test_words_that_sound_alike_share_a_key() -> None:
    assert sound("their") == sound("there") == "tr"
    assert sound("two") == sound("too")
    assert sound("meeting") != sound("letter")


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(TrainingError, match="no sentences in the text"):
        read_tagged(sentences(["without marks", "1 2 3."]), SMALL)


def test_a_whole_text_begins_and_ends_a_sentence_more_readily(tagger: Tagger) -> None:
    words = ["saw", "anna", "there"]
    part, whole = (tagger.scores(words, whole=known) for known in (False, True))
    last = (whole[0] - part[0])[-1]
    assert {MARKS[place] for place in np.flatnonzero(last < 0)} == {"", ",", ":", ";"}
    assert not (whole[0] - part[0])[:-1].any()
    assert not (whole[1] - part[1]).any()
    small = tagger.weights._replace(cases_bias=np.array([9.0, 0, 0, 0], np.float32))
    seldom = Tagger(tagger.lexicon, small)
    assert [one.form for one in seldom.write(words)] == ["Saw", "anna", "there"]
    assert [one.form for one in seldom.write(words, whole=False)] == ["saw", "anna", "there"]
