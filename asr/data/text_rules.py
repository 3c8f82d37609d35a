"""Respelling transcripts as published (cased, punctuated, curly quotes) the way a recogniser learns them, by stated rules."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal, NamedTuple

from asr.data.manifest import Utterance, iterate_manifest, write_manifest
from asr.data.text import Case, normalise_transcript
from asr.errors import ManifestError, TranscriptError

# What stands for one of the keyboard's own characters.
KEYBOARD = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u0060\u00b4\u2032\u02b9\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-"),
    "\u2026": "...",
}

# Part of the spelling of Persian and of Indic scripts.
JOINERS = "\u200c\u200d"

# Signs that are read out, though Unicode calls them punctuation; symbols ($, +, ...) are as well.
_SPOKEN_SIGNS = frozenset("%&@#‰§")
# Languages whose i keeps its dot, or its lack of one, in capitals.
_DOTTED = frozenset(["tr", "az"])
_CAPITALS = str.maketrans({"i": "İ"})
_SMALL = str.maketrans({"I": "ı", "İ": "i"})

Hyphens = Literal["space", "keep", "join"]


class Step(NamedTuple):
    """What a rule, by the name of its field in `TextRules`, made of a transcript."""

    rule: str
    before: str
    after: str


class Respelled(NamedTuple):
    """A transcript, and the rules that changed it."""

    text: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class TextRules:
    """How transcripts are respelled, rule after rule in this order. White space and Unicode NFC come with all of them.

    Attributes:
        replace: texts, and what to write instead; where they stand as whole words.
        typography: quotes, apostrophes and dashes as the keyboard has them; what cannot be seen goes, joiners excepted.
        hyphens: a hyphen within a word becomes a space, or is kept, or joins its sides.
        punctuation: "drop" takes away what is not read out, and apostrophes that are not within a word. Signs and symbols that are
            read out, such as % and $, stay in any case.
        accents: "drop" takes the marks off letters: é becomes e. The dot of İ stays where `language` has an ı, too.
        case: of the letters.
        language: "tr" and "az" have an i with a dot in capitals; else of no matter.
    """

    replace: Mapping[str, str] = field(default_factory=dict)
    typography: bool = True
    hyphens: Hyphens = "space"
    punctuation: Literal["keep", "drop"] = "drop"
    accents: Literal["keep", "drop"] = "keep"
    case: Case = "keep"
    language: str | None = None

    def respell(self, text: str) -> Respelled:
        """Go through all rules."""
        text = normalise_transcript(text)
        steps = []
        for name, rule in (
            ("replace", self._replaced),
            ("typography", self._plain),
            ("hyphens", self._hyphened),
            ("punctuation", self._unpunctuated),
            ("accents", self._unaccented),
            ("case", self._cased),
        ):
            after = normalise_transcript(rule(text))
            if after != text:
                steps.append(Step(name, text, after))
            text = after
        return Respelled(text, tuple(steps))

    def _replaced(self, text: str) -> str:
        for old, new in self.replace.items():
            text = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _, new=new: new, text)  # type: ignore[misc]
        return text

    def _plain(self, text: str) -> str:
        if not self.typography:
            return text
        plain = (KEYBOARD.get(character, character) for character in text)
        return "".join(one for one in plain if one in JOINERS or unicodedata.category(one[0])[0] != "C")

    def _hyphened(self, text: str) -> str:
        if self.hyphens == "keep":
            return text
        return re.sub(r"(?<=\w)-(?=\w)", " " if self.hyphens == "space" else "", text)

    def _unpunctuated(self, text: str) -> str:
        if self.punctuation == "keep":
            return text
        kept = []
        for at, character in enumerate(text):
            if character in "'-":
                keep = _is_letter(text[at - 1 : at]) and _is_letter(text[at + 1 : at + 2])
            else:
                keep = unicodedata.category(character)[0] != "P" or character in _SPOKEN_SIGNS
            kept.append(character if keep else " ")
        return "".join(kept)

    def _unaccented(self, text: str) -> str:
        if self.accents == "keep":
            return text
        kept = "İ" if self.language in _DOTTED else ""
        return "".join(letter if letter == kept else _bare(letter) for letter in text)

    def _cased(self, text: str) -> str:
        if self.language in _DOTTED and self.case != "keep":
            text = text.translate(_CAPITALS if self.case == "upper" else _SMALL)
        return normalise_transcript(text, case=self.case)


def _bare(letter: str) -> str:
    parts = unicodedata.normalize("NFD", letter)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _is_letter(character: str) -> bool:
    return bool(character) and (unicodedata.category(character)[0] in "LMN" or character in JOINERS)


def others(text: str, alphabet: str | None) -> Sequence[str]:
    """The characters of a transcript that are not in the alphabet, each once; without one, those that are read out in many ways.

    These are digits, symbols and signs. Spaces are part of every alphabet.
    """
    if alphabet is None:
        return sorted({one for one in text if unicodedata.category(one)[0] in "NS" or one in _SPOKEN_SIGNS})
    return sorted(set(text) - set(alphabet) - {" "})


class RespelledManifest(NamedTuple):
    """What became of a manifest.

    Attributes:
        utterances: written.
        changed: how many transcripts each rule changed, and the first of them; in the order of `TextRules`.
        skipped: for each utterance that was left out, why.
        unspelled: for each utterance with digits, symbols or signs that was not left out, which.
    """

    utterances: int
    changed: list[tuple[int, Step]]
    skipped: list[str]
    unspelled: list[str]


def respell_manifest(
    source: Path, target: Path, rules: TextRules, *, alphabet: str | None = None, skip_others: bool = False
) -> RespelledManifest:
    """Write the utterances of a manifest with their transcripts respelled; those without a transcript as they are.

    Args:
        source: a manifest.
        target: where to; may be the source.
        rules: of spelling.
        alphabet: the characters that may be left; None lets pass whatever is.
        skip_others: leave out utterances with other characters or without words, instead of refusing them. Without an alphabet: with
            digits, symbols and signs.

    Raises:
        TranscriptError: utterances with characters outside the alphabet, or without words; all are counted, ten named. Nothing is
            written.
        ManifestError: as `iterate_manifest`; or nothing is left.
    """
    counts: Counter[str] = Counter()
    first: dict[str, Step] = {}
    refused: list[str] = []
    unspelled: list[str] = []
    written = 0

    def respelled() -> Iterator[Utterance]:
        nonlocal written
        for number, utterance in iterate_manifest(source):
            if utterance.text is not None:
                text, steps = rules.respell(utterance.text)
                for step in steps:
                    counts[step.rule] += 1
                    first.setdefault(step.rule, step)
                strange = others(text, alphabet)
                wrong = f"{source}:{number} (utt {utterance.id}): {utterance.text!r}"
                if strange and (alphabet is not None or skip_others):
                    refused.append(f"{wrong} has {' '.join(strange)}")
                    continue
                if strange:
                    unspelled.append(f"{wrong} has {' '.join(strange)}")
                if utterance.text.strip() and not text:
                    refused.append(f"{wrong} has no words")
                    continue
                utterance = replace(utterance, text=text)
            written += 1
            yield utterance
        if refused and not skip_others:
            raise TranscriptError(
                f"{len(refused)} of {written + len(refused)} utterances have no words, or characters outside the alphabet, such as "
                f"{'; '.join(refused[:10])}; spell them with --replace OLD=NEW, or leave them out with --skip-others"
            )
        if not written:
            raise ManifestError(f"{source}: no utterance is left; nothing was written")

    write_manifest(target, respelled())
    changed = [(counts[one.name], first[one.name]) for one in fields(rules) if one.name in first]
    return RespelledManifest(written, changed, refused, unspelled)
