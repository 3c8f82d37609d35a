"""The choice that letters make among what a search through phones finds."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.alphabet import Alphabet
from asr.decoding.ctc_scores import ctc_scores
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.options import DecodingOptions
from asr.errors import DecodingError

PHONES = ("f", "ɔ", "s")
TOKENIZER = CharacterTokenizer(["<blank>", *" FORUS"])
ALPHABET = Alphabet.of(TOKENIZER)


@settings(max_examples=80)
@given(st.integers(0, 10_000), st.integers(1, 25), st.lists(st.integers(1, 4), max_size=12))
@example(
    36, 16, [1, 3, 2, 1, 1, 1, 1, 1, 1, 1]
)  # a letter more that lags behind, and only one path reaches the end
def test_letter_scores_are_the_sum_over_all_paths(seed: int, frames: int, tokens: list[int]) -> None:
    logits = torch.randn(frames, 5, generator=torch.Generator().manual_seed(seed))
    log_probs = torch.log_softmax(2 * logits, dim=1)
    wanted = -torch.nn.functional.ctc_loss(
        log_probs[:, None].double(),
        torch.tensor([tokens or [1]]),
        torch.tensor([frames]),
        torch.tensor([len(tokens)]),
        reduction="none",
    )
    assert ctc_scores(log_probs.numpy(), [tokens])[0] == pytest.approx(float(wanted[0]), abs=1e-4)


def test_the_window_of_states_leaves_out_nothing_that_counts() -> None:
    """Long and sure, so that the window is far narrower than the text."""
    generator = np.random.default_rng(0)
    tokens = generator.integers(1, 6, 150)
    frames = [symbol for token in tokens for symbol in (token, 0)]
    logits = generator.normal(size=(len(frames), 6))
    logits[np.arange(len(frames)), frames] += 8
    log_probs = torch.log_softmax(torch.tensor(logits), dim=1)
    wanted = -torch.nn.functional.ctc_loss(
        log_probs[:, None],
        torch.from_numpy(tokens)[None],
        torch.tensor([len(frames)]),
        torch.tensor([150]),
        reduction="sum",
    )
    assert ctc_scores(log_probs.numpy(), [tokens.tolist()])[0] == pytest.approx(float(wanted), rel=1e-9)


def make(folder: Path, **config: object) -> Decoder:
    (folder / "words.phones").write_text("FOR  f ɔ\nFOUR  f ɔ\nUS  ɔ s\n")
    decoding = DecodingOptions("beam", pronunciations=str(folder / "words.phones"), **config)  # type: ignore[arg-type]
    return Decoder(decoding, TOKENIZER, seconds_per_frame=0.1, phones=PHONES)


def emission(phones: str, letters: str) -> Emission:
    """Both heads say something, a symbol a frame; `-` for the blank."""
    sure = []
    for symbols, said in ((["-", *PHONES], phones), (["-", *ALPHABET.symbols[1:]], letters)):
        log_probs = np.full((len(said), len(symbols)), math.log(0.02), np.float32)
        log_probs[np.arange(len(said)), [symbols.index(symbol) for symbol in said]] = math.log(0.8)
        sure.append(log_probs)
    return Emission(sure[1], sure[0])


@pytest.mark.parametrize(("letters", "text"), [("FOR-----", "FOR"), ("FO-U--R-", "FOUR")])
def test_letters_tell_apart_what_is_said_alike(tmp_path: Path, letters: str, text: str) -> None:
    decoder = make(tmp_path, letter_weight=0.5)
    hypothesis = decoder(emission("f--ɔ----", letters))
    assert hypothesis.text == text
    assert [ALPHABET.symbols[token] for token in hypothesis.tokens] == list(text)
    assert decoder.transcripts([emission("f--ɔ----", letters)] * 3, threads=2) == [text] * 3
    assert decoder.n_best(emission("f--ɔ----", letters), 2)[0].text == text


def test_letters_choose_among_as_many_texts_as_they_are_given(tmp_path: Path) -> None:
    heard = emission("f--ɔ----", "FO-U--R-")
    assert make(tmp_path, letter_weight=0.5)(heard).text == "FOUR"
    first = make(tmp_path)(heard).text
    assert first == make(tmp_path, letter_weight=0.5, rescoring_n_best=1)(heard).text
    with pytest.raises(DecodingError, match="rescoring n-best 0; expected at least 1"):
        make(tmp_path, rescoring_n_best=0)


def test_without_a_weight_letters_have_no_say(tmp_path: Path) -> None:
    decoder = make(tmp_path)
    first, second = (decoder(emission("f--ɔ----", letters)) for letters in ("FOR-----", "FO-U--R-"))
    assert first == second


def test_too_few_frames_for_a_spelling_leave_it_to_the_phones(tmp_path: Path) -> None:
    decoder = make(tmp_path, letter_weight=0.5)
    assert decoder(emission("fɔ", "--")).text in {"FOR", "FOUR"}
    assert decoder(Emission.empty(letters=7, phones=4)).text == ""


def test_without_look_ahead_open_words_are_lent_nothing_and_texts_score_the_same(tmp_path: Path) -> None:
    """`FOUR`, favoured, is all that the narrowest beam has left where it is lent its weight from the start."""
    heard = emission("-ɔ-s-", "-----")
    favoured = {"hot_words": {"FOUR": 12.0}, "score_threshold": math.inf}
    lent, earned = (make(tmp_path, look_ahead=look_ahead, **favoured) for look_ahead in (True, False))
    one, other = (decoder.n_best(heard, 20) for decoder in (lent, earned))
    assert [text.text for text in one] == [text.text for text in other]
    assert [text.score for text in one] == pytest.approx([text.score for text in other])
    narrow = {**favoured, "beam_width": 1}
    assert make(tmp_path, **narrow)(heard).text == "FOUR"
    assert make(tmp_path, **narrow, look_ahead=False)(heard).text == "US"


def test_other_weights_take_the_same_files(tmp_path: Path) -> None:
    decoder = make(tmp_path)
    (tmp_path / "words.phones").unlink()
    again = decoder.with_options(DecodingOptions("beam", word_bonus=50.0, pronunciations="gone"))
    assert again(emission("f-ɔ-f-ɔ-", "--------")).text.split()
    assert decoder.options.word_bonus == 0.0


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_weight_without_sense_is_refused(tmp_path: Path, weight: float) -> None:
    with pytest.raises(DecodingError, match="letter weight"):
        make(tmp_path, letter_weight=weight)


def test_an_emission_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DecodingError, match=r"shape \(3, 3\); expected \(frames, 4\)"):
        make(tmp_path)(Emission(np.zeros((3, 7), np.float32), np.zeros((3, 3), np.float32)))
    with pytest.raises(DecodingError, match="letters alone; expected one of phones, too"):
        make(tmp_path)(Emission(np.zeros((3, 7), np.float32)))
    with pytest.raises(DecodingError, match=r"shape \(3, 5\); expected \(frames, 7\)"):
        make(tmp_path, letter_weight=1.0)(
            Emission(np.zeros((3, 5), np.float32), np.zeros((3, 4), np.float32))
        )


def test_frames_are_quiet_where_the_surer_head_says_so(tmp_path: Path) -> None:
    decoder = make(tmp_path)
    unsure = emission("-f", "- ")
    assert decoder.is_quiet(unsure).tolist() == [True, False]
    letters = unsure.letters.copy()
    letters[1, ALPHABET.space] = math.log(0.9)
    assert decoder.is_quiet(Emission(letters, unsure.phones)).tolist() == [True, True]
