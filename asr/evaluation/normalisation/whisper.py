"""Whisper's normalisers, and what the Open ASR leaderboard makes of the English one.

Rates on the leaderboard, and in most papers since Whisper, are of transcripts that went through these rules. They
repeat the original's surprises ("john's" is "john is", "point first" is "1st"), since rates are compared.

Sources: Radford et al. 2023, "Robust speech recognition via large-scale weak supervision", appendix C, and OpenAI's code for
what the paper leaves open; normalizer/ of github.com/huggingface/open_asr_leaderboard as of 11 June 2026. Of the
leaderboard's rules one is left out: its list of 150 first names that count as one (karl and carl).
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from itertools import groupby

from asr.evaluation.normalisation.spellings import read_spellings
from asr.evaluation.normalisation.steps import Step
from asr.evaluation.normalisation.whisper_numbers import whisper_numbers

_FILLERS = "hmm|mm|mhm|mmm|uh|um"
_LEADERBOARD_FILLERS = _FILLERS + "|ah|aha|ahh|ahm|eh|ehehe|em|hm|huh|hum|mhum|uhm|umm|uhuh"
_WHOLE = {
    "won't": "will not",
    "can't": "can not",
    "let's": "let us",
    "ain't": "aint",
    "y'all": "you all",
    "wanna": "want to",
    "gotta": "got to",
    "gonna": "going to",
    "i'ma": "i am going to",
    "imma": "i am going to",
    "woulda": "would have",
    "coulda": "could have",
    "shoulda": "should have",
    "ma'am": "madam",
    **{
        short: long + " "
        for short, long in (
            ("mr", "mister"), ("mrs", "missus"), ("st", "saint"), ("dr", "doctor"), ("prof", "professor"),
            ("capt", "captain"), ("gov", "governor"), ("ald", "alderman"), ("gen", "general"), ("sen", "senator"),
            ("rep", "representative"), ("pres", "president"), ("rev", "reverend"), ("hon", "honorable"),
            ("asst", "assistant"), ("assoc", "associate"), ("lt", "lieutenant"), ("col", "colonel"),
            ("jr", "junior"), ("sr", "senior"), ("esq", "esquire"),
        )
    },
}  # fmt: skip
_PERFECT = {
    **{f"'{letter} {verb}": f" {have} {verb}" for verb in ("been", "gone") for letter, have in (("d", "had"), ("s", "has"))},
    "'d done": " had done",
    "'s got": " has got",
}  # fmt: skip
_ENDINGS = {
    "n't": "not", "'re": "are", "'s": "is", "'d": "would", "'ll": "will", "'t": "not", "'ve": "have", "'m": "am",
}  # fmt: skip
_BEFORE_IS = "it|he|she|what|that|who|here|there|how|when|where|why|this"
_LETTERS = {
    "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ẞ": "SS",
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "th", "ł": "l", "Ł": "L",
}  # fmt: skip
_OF_NUMBERS = ".%$¢€£"
# What a hyphen parts and the leaderboard counts as one word.
_PARTED = {
    "et cetera": "etc", "al right": "alright", "all right": "alright", "how ever": "however", "wi fi": "wifi",
    "hi fi": "hifi", "lo fi": "lofi", "sci fi": "scifi", "e mail": "email", "e book": "ebook",
    "e commerce": "ecommerce", "x ray": "xray", "t shirt": "tshirt", "a m": "am", "p m": "pm", "o k": "okay",
}  # fmt: skip
# Where the leaderboard's list of spellings is not Whisper's.
_LEADERBOARD_SPELLINGS = {
    "ok": "okay", "kay": "okay", "etcetera": "etc", "mm": "hmm", "archaeology": "archeology",
    "archaeological": "archeological", "cancellation": "cancelation", "cancellations": "cancelations",
    "flyer": "flier", "pummelled": "pummeled", "pummelling": "pummeling", "snowploughs": "snowplows",
    "travelogue": "travelog", "travelogues": "travelogs",
}  # fmt: skip


def _pattern(words: Mapping[str, str]) -> re.Pattern[str]:
    spaced = "|".join(word.replace(" ", r"\s+") for word in words)
    return re.compile(rf"\b(?:{spaced})\b")


_WHOLE_PATTERN = _pattern(_WHOLE)
_PARTED_PATTERN = _pattern(_PARTED)
_PERFECT_PATTERN = re.compile(rf"(?:{'|'.join(_PERFECT)})\b")
_ENDING_PATTERN = re.compile(rf"(?:{'|'.join(_ENDINGS)})\b")
_FILLER_PATTERN = re.compile(rf"\b(?:{_FILLERS})\b")
_LEADERBOARD_FILLER_PATTERN = re.compile(rf"\b(?:{_LEADERBOARD_FILLERS})\b")
_IS_PATTERN = re.compile(rf"\b({_BEFORE_IS})'s\b")


def _drop_brackets(text: str) -> str:
    """Without what stands between < >, [ ] or ( )."""
    for pattern, closing in ((r"[<\[][^>\]]*[>\]]", ">]"), (r"\([^)]+?\)", ")")):
        end = 1 + max(map(text.rfind, closing))  # behind it none is closed; looking for that takes long
        text = re.sub(pattern, "", text[:end]) + text[end:]
    return text


def _drop_fillers(text: str) -> str:
    return _FILLER_PATTERN.sub("", text)


def _drop_leaderboard_fillers(text: str) -> str:
    return _LEADERBOARD_FILLER_PATTERN.sub("", text)


def _join_apostrophes(text: str) -> str:
    return re.sub(r"\s+'", "'", text)


def _spell_words_out(text: str) -> str:
    return _WHOLE_PATTERN.sub(lambda found: _WHOLE[found[0]], text)


def _spell_perfect_out(text: str) -> str:
    return _PERFECT_PATTERN.sub(lambda found: _PERFECT[found[0]], text)


def _spell_endings_out(text: str) -> str:
    return _ENDING_PATTERN.sub(lambda found: " " + _ENDINGS[found[0]], text)


def _spell_leaderboard_endings_out(text: str) -> str:
    text = _IS_PATTERN.sub(r"\1 is", text)
    return _ENDING_PATTERN.sub(lambda found: found[0] if found[0] == "'s" else " " + _ENDINGS[found[0]], text)


def _drop_separators(text: str) -> str:
    """Without commas between figures, and points that no figure follows."""
    return re.sub(r"\.([^0-9]|$)", r" \1", re.sub(r"(\d),(\d)", r"\1\2", text))


def _drop_symbols_and_diacritics(text: str) -> str:
    return "".join(map(_bare_letter, unicodedata.normalize("NFKD", text)))


def _bare_letter(letter: str) -> str:
    if letter in _OF_NUMBERS:
        return letter
    if letter in _LETTERS:
        return _LETTERS[letter]
    category = unicodedata.category(letter)
    return "" if category == "Mn" else " " if category[0] in "MSP" else letter


def _drop_symbols(text: str) -> str:
    return "".join(
        " " if unicodedata.category(letter)[0] in "MSP" else letter
        for letter in unicodedata.normalize("NFKC", text)
    ).lower()


def _join_parted(text: str) -> str:
    return _PARTED_PATTERN.sub(lambda found: _PARTED[" ".join(found[0].split())], text)


def _spell_american(text: str) -> str:
    table = read_spellings("whisper_spellings.txt")
    return " ".join(table.get(word, word) for word in text.split())


def _spell_american_as_leaderboard(text: str) -> str:
    table = _leaderboard_spellings()
    return " ".join(table.get(word, word) for word in text.split())


@cache
def _leaderboard_spellings() -> dict[str, str]:
    # Some of Whisper's pairs are the leaderboard's turned round.
    turned = set(_LEADERBOARD_SPELLINGS.values())
    table = read_spellings("whisper_spellings.txt")
    return {word: table[word] for word in table if word not in turned} | _LEADERBOARD_SPELLINGS


def _join_acronyms(text: str) -> str:
    """ "b b c" -> "bbc": single letters and figures in a row; three of them where "a" or "i" is among them."""
    words: list[str] = []
    for is_single, run in groupby(text.split(), key=lambda word: len(word) == 1 and word.isalnum()):
        letters = list(run)
        least = 3 if {"a", "i"} & {*letters} else 2
        words += ["".join(letters)] if is_single and len(letters) >= least else letters
    return " ".join(words)


def _drop_leftover_symbols(text: str) -> str:
    """Without signs that belong to no number."""
    return re.sub(r"([^0-9])%", r"\1 ", re.sub(r"[.$¢€£]([^0-9])", r" \1", text))


_LOWER = Step("lower case", str.lower)
_BRACKETS = Step("words in brackets dropped", _drop_brackets)
_APOSTROPHES = Step("no space before an apostrophe", _join_apostrophes)
_WORDS_OUT = Step("contracted words and titles spelled out", _spell_words_out)
_PERFECT_OUT = Step("'d and 's before been, gone, done, got spelled out", _spell_perfect_out)
_SEPARATORS = Step("commas in numbers and final points dropped", _drop_separators)
_SYMBOLS = Step("symbols and diacritics dropped", _drop_symbols_and_diacritics)
_NUMBERS = Step("numbers in figures", whisper_numbers)
_LEFTOVERS = Step("signs that belong to no number dropped", _drop_leftover_symbols)

WHISPER_STEPS = (
    _LOWER,
    _BRACKETS,
    Step("fillers dropped", _drop_fillers),
    _APOSTROPHES,
    _WORDS_OUT,
    _PERFECT_OUT,
    Step("n't, 're, 's, 'd, 'll, 've, 'm spelled out", _spell_endings_out),
    _SEPARATORS,
    _SYMBOLS,
    _NUMBERS,
    Step("British spellings as American ones", _spell_american),
    _LEFTOVERS,
)
OPEN_ASR_STEPS = (
    _LOWER,
    _BRACKETS,
    Step("fillers dropped", _drop_leaderboard_fillers),
    _APOSTROPHES,
    _WORDS_OUT,
    _PERFECT_OUT,
    Step(
        "n't, 're, 'd, 'll, 've, 'm, and 's behind it, he, that, ... spelled out",
        _spell_leaderboard_endings_out,
    ),
    _SEPARATORS,
    _SYMBOLS,
    Step("parted compounds joined (wi fi)", _join_parted),
    _NUMBERS,
    Step("British spellings as American ones", _spell_american_as_leaderboard),
    Step("single letters joined to acronyms", _join_acronyms),
    _LEFTOVERS,
)
MULTILINGUAL_STEPS = (_LOWER, _BRACKETS, Step("symbols and marks dropped", _drop_symbols))
