"""What decoding options name, read."""

import logging

import numpy as np
import pytest

from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.options import DecodingOptions
from asr.errors import DecodingError
from asr.language_model.binary import write_language_model
from asr.language_model.estimate import estimate

PHONES = ("a", "b", "k", "t")
SAID = {"CAB": "k a b", "TAB": "t a b", "BAT": "b a t", "TACT": "t a k t", "ACT": "a k t"}


@pytest.fixture
def options(tmp_path) -> DecodingOptions:
    (tmp_path / "said.dict").write_text("".join(f"{word}  {phones}\n" for word, phones in SAID.items()))
    write_language_model(tmp_path / "words.lm", estimate([list(SAID)] * 5, order=2), small=True)
    return DecodingOptions(
        "beam", lm=str(tmp_path / "words.lm"), lexicon="lm", pronunciations=str(tmp_path / "said.dict")
    )


def decode(options: DecodingOptions, phones: str) -> str:
    """The text of an emission that is nearly sure of the phones, a blank between them."""
    likely = [number for phone in phones.split() for number in (1 + PHONES.index(phone), 0)]
    log_probs = np.full((len(likely), 1 + len(PHONES)), np.log(0.02), np.float32)
    log_probs[np.arange(len(likely)), likely] = np.log(0.92)
    tokenizer = CharacterTokenizer(["<blank>", *" ABCT"])
    decoder = Decoder(options, tokenizer, seconds_per_frame=0.03, phones=PHONES)
    return decoder(Emission(np.full((len(likely), 6), np.log(1 / 6), np.float32), log_probs)).text


def with_hot_words(options: DecodingOptions, **hot_words: float) -> DecodingOptions:
    return DecodingOptions(
        "beam", lm=options.lm, lexicon="lm", pronunciations=options.pronunciations, hot_words=hot_words
    )


def test_a_hot_word_that_the_dictionary_lacks_is_said_by_rule_and_found(options, caplog):
    said = "b a k a t a"
    assert decode(options, said) != "BACATA"
    with caplog.at_level(logging.WARNING):
        assert decode(with_hot_words(options, BACATA=5.0), said) == "BACATA"
    assert "hot word 'BACATA': not in" in caplog.text
    assert (
        "said.dict; taken as said b a k a t a, by the sounds of its letters in the dictionary" in caplog.text
    )


def test_words_of_the_dictionary_keep_their_pronunciations_beside_it(options, caplog):
    assert decode(with_hot_words(options, BACATA=5.0, CAB=1.0), "k a b t a b") == "CAB TAB"
    assert "'CAB'" not in caplog.text


def test_a_hot_word_with_a_letter_of_no_sound_is_refused(options):
    with pytest.raises(DecodingError, match="no pronunciation of XAB"):
        decode(with_hot_words(options, XAB=5.0), "k a b")
