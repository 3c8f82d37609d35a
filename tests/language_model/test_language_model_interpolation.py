"""Mixtures against the definition, word by word."""

import math

import numpy as np
import pytest

from asr.cli import main
from asr.errors import LanguageModelError
from asr.language_model.binary import read_language_model, write_language_model
from asr.language_model.estimate import estimate
from asr.language_model.interpolation import best_share, mix
from asr.language_model.ngram import START

BOOKS = [line.split() for line in ("a b c d", "a b d", "b c a b", "d a b c a", "c d", "a b c", "d d a c")]
TALK = [line.split() for line in ("b a x", "x y b a", "y x", "b a", "b c a x y")]


@pytest.fixture
def models():
    return estimate(BOOKS, order=3, prune_entropy=1e-3), estimate(TALK, order=2)


def probability(model, history, word):
    if word not in model.index:
        return 0.0
    state = model.start_state
    for spoken in history:
        _, state = model.score(state, model.word_id(spoken))
    return math.exp(model.score(state, model.word_id(word))[0])


def test_listed_words_have_the_mean_of_both_probabilities(models):
    mixed = mix(*models, share=0.7)
    assert mixed.words == ("<unk>", "<s>", "</s>", "a", "b", "c", "d", "x", "y")
    assert mixed.order == 3
    for history, word in [
        ([], "a"),
        (["a"], "b"),
        (["a", "b"], "c"),
        ([], "b"),
        (["x"], "y"),
        (["nowhere", "a"], "x"),
    ]:
        expected = 0.7 * probability(models[0], history, word) + 0.3 * probability(models[1], history, word)
        assert probability(mixed, history, word) == pytest.approx(expected, rel=1e-5), (history, word)


def test_probabilities_sum_to_one_after_every_context(models):
    mixed = mix(*models, share=0.3)
    for state in range(len(mixed.arrays.log10_backoff)):
        total = sum(
            math.exp(mixed.score(state, word)[0]) for word in range(len(mixed.words)) if word != START
        )
        assert total == pytest.approx(1, abs=1e-5), state


def test_the_share_is_the_one_under_which_the_text_is_likeliest(models):
    text = [["b", "a", "x"], ["a", "b", "c", "nowhere"], ["y"], []]

    def log_likelihood(share):
        return sum(
            math.log(
                share * probability(models[0], sentence[:at], word)
                + (1 - share) * probability(models[1], sentence[:at], word)
            )
            for sentence in text
            if sentence
            for at, word in enumerate([*sentence, "</s>"])
            if word != "nowhere"
        )

    shares = np.linspace(0.001, 0.999, 999)
    best = shares[np.argmax([log_likelihood(share) for share in shares])]
    assert best_share(*models, text) == pytest.approx(best, abs=0.002)
    assert 0.05 < best < 0.95


def test_what_cannot_be_mixed_is_refused(models):
    characters = estimate([list("ab|ba")], order=2)
    with pytest.raises(LanguageModelError, match="one model is of words"):
        mix(models[0], characters, share=0.5)
    for share in (0, 1, math.nan):
        with pytest.raises(LanguageModelError, match="share"):
            mix(*models, share=share)
    with pytest.raises(LanguageModelError, match="no word"):
        best_share(*models, [[]])


def test_the_command_finds_the_share_and_says_what_it_brings(tmp_path, models, capsys):
    for name, model in zip("ab", models, strict=True):
        write_language_model(tmp_path / f"{name}.arpa", model)
    (tmp_path / "dev.txt").write_text("b a x\na b c\n")
    names = [str(tmp_path / name) for name in ("a.arpa", "b.arpa", "m.lm")]
    assert main(["lm", "mix", *names, "--tune", str(tmp_path / "dev.txt")]) == 0
    said = capsys.readouterr().out
    assert "together" in said
    share = float(said.split(": ")[1].split(" ")[0])
    mixed = read_language_model(tmp_path / "m.lm")
    expected = share * probability(models[0], ["a"], "b") + (1 - share) * probability(models[1], ["a"], "b")
    assert probability(mixed, ["a"], "b") == pytest.approx(expected, rel=1e-3)
