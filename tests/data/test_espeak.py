"""espeak-ng through its C interface."""

import pytest

from asr.data.espeak import espeak
from asr.errors import AsrError

pytest.importorskip("espeakng_loader", reason="espeak-ng comes with espeakng-loader")


def test_espeak_pronounces_words() -> None:
    assert espeak().phones("water") == ("w", "ɔː", "ɾ", "ɚ")
    assert espeak().phones("m") == ("ɛ", "m")
    assert espeak().phones("ja", language="de") == ("j", "ɑː")


def test_an_unknown_language_and_nothing_to_say_are_errors() -> None:
    with pytest.raises(AsrError, match="no voice 'xx-unknown'"):
        espeak().phones("water", language="xx-unknown")
    with pytest.raises(AsrError, match="pronounces nothing for ' '"):
        espeak().phones(" ")
