"""Words that a dictionary lacks."""

import logging
import sys

import pytest

from asr.data import espeak, pronouncing
from asr.data.american_phones import fold_american, to_arpabet
from asr.data.pronouncing import Pronouncer

TEXT = "water please tomorrow seven house green about morning nothing letter garden window summer paper river"
WORDS = TEXT.split()


@pytest.mark.parametrize("written", [tuple, fold_american, to_arpabet])
def test_espeaks_rules_speak_the_dictionarys_phones(written) -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng comes with espeakng-loader")
    rules = espeak.espeak()
    pronouncer = Pronouncer({word.upper(): [written(rules.phones(word))] for word in [*WORDS, "zone", "lax"]})
    phones, source = pronouncer.say("ZONELAX")
    assert source == "espeak-ng's rules"
    assert phones == written(rules.phones("zonelax"))


def test_a_dictionary_of_another_language_is_spoken_by_its_letters() -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng comes with espeakng-loader")
    phones, source = Pronouncer({word: [tuple(word)] for word in WORDS}).say("wonder")
    assert (phones, source) == (tuple("wonder"), "the sounds of its letters in the dictionary")


def test_a_phone_that_the_dictionary_lacks_is_not_said() -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng comes with espeakng-loader")
    rules = espeak.espeak()
    pronouncer = Pronouncer({word: [fold_american(rules.phones(word))] for word in WORDS})
    phones, source = pronouncer.say("measure")
    assert "ʒ" in fold_american(rules.phones("measure"))
    assert "ʒ" not in phones
    assert "letters" in source


@pytest.mark.parametrize("words", [[*WORDS, "zone", "lax"], []])
def test_signs_of_the_dictionary_that_nobody_says_are_passed_over(words) -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng comes with espeakng-loader")
    rules = espeak.espeak()
    signs = {"...": [("d", "ɑː", "t")], "--": [("d",)]}
    _, source = Pronouncer({**signs, **{word: [rules.phones(word)] for word in words}}).say("zonelax")
    assert ("espeak-ng" in source) == bool(words)


def test_without_espeak_the_letters_speak_and_the_log_says_what_would_be_better(monkeypatch, caplog) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(pronouncing, "espeak", espeak.Espeak)
    with caplog.at_level(logging.WARNING):
        phones, source = Pronouncer({word: [tuple(word)] for word in WORDS}).say("ever")
    assert (phones, source) == (tuple("ever"), "the sounds of its letters in the dictionary")
    assert "pip install espeakng-loader` for better pronunciations" in caplog.text
