"""What decoding options name, read."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

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
    assert "'BACATA': not in" in caplog.text
    assert (
        "said.dict; taken as said b a k a t a, by the sounds of its letters in the dictionary" in caplog.text
    )


def test_words_of_the_dictionary_keep_their_pronunciations_beside_it(options, caplog):
    assert decode(with_hot_words(options, BACATA=5.0, CAB=1.0), "k a b t a b") == "CAB TAB"
    assert "'CAB'" not in caplog.text


def test_a_hot_word_with_a_letter_of_no_sound_is_refused(options):
    with pytest.raises(DecodingError, match="no pronunciation of XAB"):
        decode(with_hot_words(options, XAB=5.0), "k a b")


def test_phrases_alone_are_found_and_other_speech_gives_no_words(options):
    phrases = replace(options, phrases=("cab", "act tab"), other_speech=-1.0, lm=None, lexicon=None)
    assert decode(phrases, "a k t t a b") == "ACT TAB"
    assert decode(phrases, "k a b k a b a k t t a b") == "CAB CAB ACT TAB"
    assert decode(phrases, "a k t") == ""  # the beginning of a phrase is none
    assert decode(phrases, "b a t t a k t") == ""
    assert decode(phrases, "b a t k a b b a t") == ""  # too short to stand amid other speech
    assert decode(replace(phrases, other_speech=-30.0), "a k t") == "CAB"  # or whatever comes nearest


def test_a_phrase_may_vary_a_little_from_how_it_is_heard(options):
    phrases = replace(options, phrases=("TACT CAB", "BAT"), other_speech=-1.0)
    assert decode(phrases, "t a k t k a t") == "TACT CAB"
    assert decode(phrases, "b a t t a k t k a b b a t") == "BAT TACT CAB BAT"


def test_phrases_need_no_pronunciations_where_letters_are_searched():
    phrases = DecodingOptions("beam", phrases=("CAB", "ACT TAB"), other_speech=-1.0)
    tokenizer = CharacterTokenizer(["<blank>", *" ABCT"])
    decoder = Decoder(phrases, tokenizer, seconds_per_frame=0.03)

    def heard(text: str) -> list[str]:
        likely = [token for letter in text for token in (tokenizer.encode(f"A{letter}A")[1], 0)]
        log_probs = np.full((len(likely), 6), np.log(0.01), np.float32)
        log_probs[np.arange(len(likely)), likely] = np.log(0.95)
        return [word.text for word in decoder(Emission(log_probs, None)).words]

    assert heard("CAB ACT TAB") == ["CAB", "ACT", "TAB"]
    assert heard("ACT TAB") == ["ACT", "TAB"]
    assert heard("ACT") == heard("TACT") == heard("BAT BAT") == []


def test_each_text_of_phrases_is_there_once(options):
    likely = np.log(np.full((9, 5), 0.2, np.float32))
    phrases = replace(options, phrases=("CAB", "BAT", "TAB CAB"))
    decoder = Decoder(
        phrases, CharacterTokenizer(["<blank>", *" ABCT"]), seconds_per_frame=0.03, phones=PHONES
    )
    texts = [one.text for one in decoder.n_best(Emission(np.zeros((9, 6), np.float32), likely), 5)]
    assert len(texts) == len(set(texts)) > 1


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"phrases": ("CAB", "XAB")}, "phrase 'XAB': no pronunciation of XAB in .*said.dict"),
        ({"phrases": ("CAB",), "hot_words": {"TAB": 1.0}}, r"hot words \(TAB\) beside phrases"),
        ({"phrases": ("CAB",), "other_speech": 1.0}, "other speech 1.0; expected a natural log, 0 or below"),
        ({"phrases": ("XAB",), "pronunciations": None}, "phrase 'XAB': the model cannot spell 'X'"),
    ],
)
def test_phrases_that_cannot_be_are_refused(options, asked, complaint):
    with pytest.raises(DecodingError, match=complaint):
        decode(replace(options, **asked), "k a b")


def test_a_request_has_its_own_words_and_no_others(options, monkeypatch):
    """One decoder, others made of it: with hot words, with phrases, with neither; nothing is read again."""
    tokenizer = CharacterTokenizer(["<blank>", *" ABCT"])
    plain = Decoder(options, tokenizer, seconds_per_frame=0.03, phones=PHONES)
    assert plain.without_pronunciation(["CAB", "BACATA"]) == ["BACATA"]

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    for name in (
        "resources.read_all_pronunciations",
        "resources.read_language_model",
        "said_words.read_all_pronunciations",
    ):
        monkeypatch.setattr(f"asr.decoding.{name}", fail)
    asked = {
        "": options,
        "BACATA": replace(options, hot_words={"BACATA": 5.0}),
        "CAB TA": replace(options, hot_words={"CAB": 1.0, "TA": 30.0}),
        "TACT": replace(options, phrases=("TACT",)),
    }
    decoders = {name: plain.with_options(one) for name, one in asked.items()}
    likely = [number for phone in "bakata" for number in (1 + PHONES.index(phone), 0)]
    log_probs = np.full((len(likely), 1 + len(PHONES)), np.log(0.02), np.float32)
    log_probs[np.arange(len(likely)), likely] = np.log(0.92)
    emission = Emission(np.full((len(likely), 6), np.log(1 / 6), np.float32), log_probs)
    wanted = plain(emission)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: (name, decoders[name](emission)), [*decoders] * 10))
    for name, hypothesis in found:
        assert (hypothesis == wanted) == (name == "")
        assert ("BACATA" in hypothesis.text) == (name == "BACATA")
        assert ("TA" in hypothesis.text.split()) == (name == "CAB TA")
    assert plain.lacks("BACATA")
    assert not plain.lacks("cab")
