"""Characters of transcripts that a recogniser would better not learn: what each is, how often, where, and what to do.

Each character of the training transcripts becomes a letter of the alphabet, a zero-width space as well as an A. A
letter that occurs three times in ten hours is never learned, and the same word in two spellings is two words.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asr.data.manifest import Utterance
from asr.data.text import Case, normalise_transcript
from asr.data.text_rules import JOINERS, KEYBOARD

# A letter that makes up less than this share of the text is rare, once the text is long enough to tell.
_RARE_SHARE = 1e-4
_LONG_ENOUGH = 5_000

# Letters of a script that has less than this share of all letters are taken for a slip.
_FOREIGN_SHARE = 0.01

_SPOKEN_PUNCTUATION = "'-"


@dataclass(frozen=True, slots=True)
class SuspiciousCharacter:
    """A character, or several of one kind, that needs a look.

    Attributes:
        shown: the character as one can read it, with its code and name.
        count: occurrences.
        first: id of the first utterance that has it.
        remedy: what is wrong, and what to do.
    """

    shown: str
    count: int
    first: str
    remedy: str

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"{self.shown}, {times}, first in utt {self.first}: {self.remedy}"


class CharacterSurvey:
    """Counts the characters of transcripts as they pass, and keeps the first utterance of each.

    Args:
        case: what the tokenizer folds letters to before they are counted.
    """

    def __init__(self, *, case: Case = "keep") -> None:
        self._case: Case = case
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, utterance: Utterance) -> None:
        """Count one transcript."""
        text = normalise_transcript(utterance.text or "", case=self._case).replace(" ", "")
        self._counts.update(text)
        for character in set(text) - self._first.keys():
            self._first[character] = utterance.id

    def suspicious(self) -> list[SuspiciousCharacter]:
        """What needs a look, one kind of fault after the other, the frequent first."""
        left = sorted(self._counts, key=lambda character: (-self._counts[character], character))
        found: list[SuspiciousCharacter] = []
        for judge in (_invisible, _typographic, _another_form, _digit, _punctuation, _turkish):
            named = [character for character in left if judge(character)]
            found += [self._named(character, judge) for character in named]
            left = [character for character in left if character not in set(named)]
        letters = [character for character in left if character.isalpha()]
        foreign = self._foreign(letters)
        found += [
            self._named(character, foreign.__getitem__) for character in letters if character in foreign
        ]
        found += self._both_cases(letters)
        return found + self._rare([character for character in left if character not in foreign])

    def _named(self, character: str, remedy: Callable[[str], str]) -> SuspiciousCharacter:
        return SuspiciousCharacter(
            describe(character), self._counts[character], self._first[character], remedy(character)
        )

    def _foreign(self, letters: Iterable[str]) -> dict[str, str]:
        """What to do about the letters of scripts that the text hardly uses."""
        scripts: dict[str, list[str]] = {}
        for character in letters:
            scripts.setdefault(_script(character), []).append(character)
        shares = {script: sum(self._counts[one] for one in members) for script, members in scripts.items()}
        total = sum(shares.values())
        main = max(shares, key=lambda script: shares[script], default="")
        return {
            character: f"a {script.lower()} letter among {main.lower()} ones, which may look alike; type it anew, or "
            "spell the word in one script"
            for script, members in scripts.items()
            if shares[script] < _FOREIGN_SHARE * total
            for character in members
        }

    def _both_cases(self, letters: Iterable[str]) -> list[SuspiciousCharacter]:
        """Letters that occur in both cases: the network would learn each twice."""
        upper = [one for one in letters if one.isupper() and self._counts[one.lower()]]
        if not upper:
            return []
        lower = [one.lower() for one in upper]
        rarer = min(upper, lower, key=lambda side: sum(self._counts[one] for one in side))
        first = max(rarer, key=lambda one: self._counts[one])
        kind = "upper" if rarer is upper else "lower"
        return [
            SuspiciousCharacter(
                f"{kind}-case {_shorten(sorted(rarer))}",
                sum(self._counts[one] for one in rarer),
                self._first[first],
                "letters in both cases are learned apart; fold them with `tokenizer.case: lower` (or upper), unless "
                "capitals are wanted",
            )
        ]

    def _rare(self, characters: Iterable[str]) -> list[SuspiciousCharacter]:
        total = self._counts.total()
        limit = _RARE_SHARE * total
        rare = [character for character in characters if self._counts[character] < limit]
        if total < _LONG_ENOUGH or not rare:
            return []
        count = sum(self._counts[character] for character in rare)
        return [
            SuspiciousCharacter(
                f"{len(rare)} rare letters {_shorten(rare)}" if len(rare) > 1 else describe(rare[0]),
                count,
                self._first[rare[0]],
                f"fewer than 1 in {round(1 / _RARE_SHARE):,} characters, too few to learn; respell the words, or leave "
                "the utterances out",
            )
        ]


def describe(character: str) -> str:
    """A character with its code and name: `U+2019 ’ RIGHT SINGLE QUOTATION MARK`; what cannot be seen is not shown."""
    name = unicodedata.name(character, "")
    visible = "" if unicodedata.category(character)[0] in "CMZ" else f" {character}"
    return f"U+{ord(character):04X}{visible} {name}".rstrip()


def _invisible(character: str) -> str:
    if character in JOINERS:
        return ""
    if character == "\ufffd":
        return "stands for bytes that were read in a wrong encoding; convert the transcripts to UTF-8 again"
    category = unicodedata.category(character)
    if category in {"Cn", "Co"}:
        return "is no character of Unicode's; correct the transcript"
    return "cannot be seen or heard; remove it" if category[0] == "C" and character not in KEYBOARD else ""


def _typographic(character: str) -> str:
    plain = KEYBOARD.get(character)
    if plain is None:
        return ""
    return (
        f"typographic; write {plain} ({' '.join(f'U+{ord(one):04X}' for one in plain[:1])}) or remove it, as "
        "`asr manifest normalise` does"
    )


def _another_form(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    if plain == character:
        return ""
    return f"another form of {plain!r}; write that"


def _digit(character: str) -> str:
    if unicodedata.category(character)[0] != "N":
        return ""
    return "a number is said in many ways; write it in words, as it was spoken"


def _punctuation(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "S":
        return "a symbol; write the word that was spoken, or remove it"
    if category[0] == "P" and character not in _SPOKEN_PUNCTUATION:
        return "punctuation is not spoken; remove it (`asr manifest normalise`), unless the recogniser shall write it"
    return ""


def _turkish(character: str) -> str:
    if character not in "\u0131\u0130":
        return ""
    return (
        "a Turkish i, which folding of case turns into another letter; keep `tokenizer.case: keep` for Turkish and fold with "
        "`asr manifest normalise --case lower --language tr`; write i or I elsewhere"
    )


def _script(character: str) -> str:
    """The first word of a letter's name, which is its script's: LATIN, CYRILLIC, ARABIC; CJK, HIRAGANA and HANGUL."""
    script = unicodedata.name(character, "UNKNOWN").split()[0]
    # Japanese and Korean mix scripts by rule.
    return "CJK" if script in {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL"} else script


def _shorten(characters: list[str], most: int = 20) -> str:
    more = f" and {len(characters) - most} more" if len(characters) > most else ""
    return "".join(characters[:most]) + more
