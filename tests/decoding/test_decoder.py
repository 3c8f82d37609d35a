"""The decoder as its callers use it: words, times, confidence, options."""

import math

import numpy as np
import pytest

from asr.data.tokenizer import CharacterTokenizer, UnitTokenizer
from asr.decoding.confidence import Calibration, fit_calibration
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.options import DecodingOptions
from asr.errors import DecodingError
from asr.language_model.binary import write_language_model
from asr.language_model.estimate import estimate

TOKENIZER = CharacterTokenizer(["<blank>", " ", "A", "B", "C"])


def spelled(text: str, *, sure: float = 0.9) -> Emission:
    """An emission that spells a text, `_` for the blank."""
    log_probs = np.full((len(text), 5), np.log((1 - sure) / 4), np.float32)
    for frame, symbol in enumerate(text):
        log_probs[frame, 0 if symbol == "_" else TOKENIZER.encode("A" + symbol + "A")[1]] = np.log(sure)
    return Emission(log_probs)


def decoder(**options) -> Decoder:
    return Decoder(DecodingOptions(**options), TOKENIZER, seconds_per_frame=0.04)


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_words_have_times_and_confidence(method):
    found = decoder(method=method)(spelled("_AAB_ _C_"))
    assert found.text == "AB C"
    assert [(word.text, word.start, word.end) for word in found.words] == [
        ("AB", 0.04, 0.16),
        ("C", 0.28, 0.32),
    ]
    assert [word.confidence for word in found.words] == pytest.approx([0.9, 0.9], abs=1e-3)


def test_calibration_moves_confidence_and_nothing_else():
    plain = decoder()(spelled("AB C"))
    moved = decoder(calibration=Calibration(0.5, -1.0))(spelled("AB C"))
    assert moved.text == plain.text
    assert moved.words[0].confidence == pytest.approx(1 / (1 + math.exp(1 - 0.5 * math.log(9))), abs=1e-3)


def test_a_beam_uses_the_files_it_is_given(tmp_path):
    unsure = spelled("A_B", sure=0.5)
    assert decoder(method="beam")(unsure).text == "AB"
    write_language_model(tmp_path / "lm.lm", estimate([["AC"]] * 3, order=1))
    options = {"method": "beam", "lm": str(tmp_path / "lm.lm")}
    assert decoder(**options)(unsure).text == "AC"
    assert decoder(**options, lm_weight=0.0, unknown_penalty=0.0)(unsure).text == "AB"
    assert decoder(**options, hot_words={"AB": 9.0})(unsure).text == "AB"
    (tmp_path / "words.txt").write_text("CB\nBBB\n")
    assert decoder(method="beam", lexicon=str(tmp_path / "words.txt"))(unsure).text == "CB"
    assert decoder(**options, lexicon="lm", lm_weight=0.0)(unsure).text == "AC"


def test_hot_words_are_taken_in_the_case_that_the_model_writes(caplog):
    unsure = spelled("A_B C", sure=0.5)
    assert decoder(method="beam", hot_words={"ab a": 9.0})(unsure).text == "AB A"
    assert "hot word 'ab a': taken as 'AB A'" in caplog.text
    again = decoder(method="beam").with_options(DecodingOptions(method="beam", hot_words={"Ab A": 9.0}))
    assert again(unsure).text == "AB A"
    with pytest.raises(DecodingError, match="cannot spell 'é'"):
        decoder(method="beam", hot_words={"é": 1.0})


def test_n_best_is_in_order_without_repetition_and_batches_agree(tmp_path):
    one = decoder(method="beam")
    emissions = [spelled("A_B C", sure=0.6), spelled("C", sure=0.4), Emission.empty(letters=5)]
    found = one.n_best(emissions[0], 10)
    assert len({hypothesis.text for hypothesis in found}) == 10
    assert [hypothesis.score for hypothesis in found] == sorted((h.score for h in found), reverse=True)
    assert one.decode_batch(emissions, threads=2) == [one(log_probs) for log_probs in emissions]
    assert decoder().decode_batch(emissions) == [decoder()(log_probs) for log_probs in emissions]


@pytest.mark.parametrize("with_lm", [False, True])
def test_the_first_of_several_texts_is_the_one_alone_and_none_scores_higher(tmp_path, with_lm):
    write_language_model(tmp_path / "lm.lm", estimate([["AC", "AB"], ["A", "CB"]], order=2))
    options = {"lm": str(tmp_path / "lm.lm"), "lm_weight": 2.0} if with_lm else {}
    one = decoder(method="beam", beam_width=8, **options)
    generator = np.random.default_rng(0)
    for _ in range(30):
        probabilities = generator.dirichlet([0.3] * 5, size=12).astype(np.float32)
        emission = Emission(np.log(np.maximum(probabilities, 1e-6)))
        alone = one(emission)
        for count in (1, 2, 7):
            found = one.n_best(emission, count)
            assert found[0] == alone
            assert len({hypothesis.text for hypothesis in found}) == len(found) <= count
            scores = [hypothesis.score for hypothesis in found]
            assert scores == sorted(scores, reverse=True)
        assert len(found) > 1


def test_greedy_takes_no_knowledge():
    with pytest.raises(DecodingError, match="choose beam decoding"):
        decoder(hot_words={"A": 1.0})


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_a_stream_ends_in_what_the_whole_gives(method):
    one = decoder(method=method)
    emission = spelled("AB_C A")
    stream = one.stream()
    assert stream.best().text == ""
    stream.feed(emission[:3])
    aside = stream.copy()
    aside.feed(spelled(" A"))
    stream.feed(emission[3:])
    whole, last = one(emission), stream.best(final=True)
    assert (last.text, last.tokens, last.words) == (whole.text, whole.tokens, whole.words)
    assert last.score == pytest.approx(whole.score)
    assert aside.best().text == "AB A"


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_where_the_network_is_too_unsure_there_are_no_words_by_any_way(method):
    unsure = spelled("_AB C_", sure=0.5)
    for threshold, text in ((0.49, "AB C"), (0.51, "")):
        own = decoder(method=method, certainty_threshold=threshold)
        stream = own.stream()
        stream.feed(unsure)
        texts = [own(unsure).text, own.n_best(unsure, 1)[0].text, own.several(unsure, 2)[0][0].text]
        texts += [*own.transcripts([unsure]), stream.best().text, stream.best(final=True).text]
        texts += [stream.first(len(unsure)).text, stream.copy().best().text]
        assert texts == [text] * len(texts)
        if method == "greedy":
            assert stream.stable_words() == text.split()[:1]


def test_phones_say_how_sure_the_network_is_where_there_are_any():
    emission = spelled("A", sure=0.5)
    both = Emission(emission.letters, np.log(np.array([[0.2, 0.8]], np.float32)))
    np.testing.assert_allclose(emission.certainty(), [0.5], rtol=1e-6)
    np.testing.assert_allclose(both.certainty(), [0.8], rtol=1e-6)


def test_words_that_a_stream_has_told_stay_when_what_follows_is_unsure():
    own = decoder(method="greedy", certainty_threshold=0.6)
    stream = own.stream()
    stream.feed(spelled("AB ", sure=0.9))
    assert stream.stable_words() == ["AB"]
    stream.feed(spelled("CCCCCCCCCC", sure=0.4))
    assert stream.best(final=True).text == stream.first(13).text == "AB C"
    assert not own(stream.emission).text


def test_greedy_decoding_does_not_import_numba():
    import subprocess
    import sys

    code = (
        "import sys, numpy\n"
        "from asr.decoding.decoder import Decoder\n"
        "from asr.decoding.emission import Emission\n"
        "from asr.decoding.options import DecodingOptions\n"
        "from asr.data.tokenizer import CharacterTokenizer, UnitTokenizer\n"
        "Decoder(DecodingOptions(), CharacterTokenizer(['<blank>', 'A']), seconds_per_frame=1)"
        "(Emission(numpy.log(numpy.full((3, 2), 0.5))))\n"
        "print({'numba', 'torch', 'librosa'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_calibration_stays_finite_when_all_words_are_right():
    fitted = fit_calibration([0.9, 0.99, 1.0], [True] * 3)
    assert math.isfinite(fitted.slope)
    assert 0.5 < fitted(0.9) < 1
    assert fit_calibration([], []) == Calibration()


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_units_are_words_of_their_own(method):
    units = UnitTokenizer(["<blank>", "sh", "iy", "h#"])
    log_probs = np.log(
        np.full((5, 4), 0.02, np.float32) + 0.92 * np.eye(4, dtype=np.float32)[[3, 1, 0, 2, 3]]
    )
    found = Decoder(DecodingOptions(method=method), units, seconds_per_frame=0.01)(Emission(log_probs))
    assert found.text == "h# sh iy h#"
    assert [(word.text, word.start) for word in found.words] == [
        ("h#", 0.0),
        ("sh", 0.01),
        ("iy", 0.03),
        ("h#", 0.04),
    ]


def test_what_knows_words_is_refused_for_units():
    units = UnitTokenizer(["<blank>", "sh", "iy"])
    with pytest.raises(
        DecodingError,
        match="hot words: needs a model of characters; this one's tokens are units such as 'iy'",
    ):
        Decoder(DecodingOptions(method="beam", hot_words={"SHE": 2.0}), units, seconds_per_frame=0.01)
