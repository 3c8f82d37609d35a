"""Words and phrases to favour, each with its own weight, as an automaton over tokens (Aho & Corasick 1975).

A phrase counts where it stands as whole words. While it is being spelled, its prefix is ranked with a growing
share of the weight, its look-ahead, so that it survives in the beam; that is taken off when the letters go on
otherwise. Phrases may overlap and share words: each counts.
"""

import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import Alphabet, case_hint, other_case
from asr.errors import DecodingError
from asr.files import read_text

log = logging.getLogger(__name__)

# The automaton reads the edge of a word where the search reads a space, or the end; the blank, which no
# automaton ever reads, gives it its column.
EDGE = 0


class HotWordAutomaton(NamedTuple):
    """One state for each prefix of " PHRASE ".

    Attributes:
        after: `(m, V)` int32, the state after a token; column `EDGE` is the edge of a word.
        completed: `(m,)` float64, weight of the phrases complete on entering the state (natural log).
        lookahead: `(m,)` float64, the look-ahead of the unfinished phrase at the state (natural log).
        start: the state at the beginning of an utterance.
    """

    after: np.ndarray
    completed: np.ndarray
    lookahead: np.ndarray
    start: int


def build_automaton(alphabet: Alphabet, hot_words: Mapping[str, float]) -> HotWordAutomaton:
    """Build the automaton.

    Args:
        alphabet: of the model.
        hot_words: phrase -> weight, natural log; below 0 the phrase is disfavoured.

    Raises:
        DecodingError: a phrase that the alphabet cannot spell, an empty one, or a weight that is no number.
    """
    branches: list[dict[int, int]] = [{}]
    completed, lookahead, start = [0.0], [0.0], 0
    for phrase, weight in hot_words.items():
        pattern = [EDGE, *spell_hot_word(alphabet, phrase, weight), EDGE]
        state = 0
        for depth, token in enumerate(pattern):
            if token not in branches[state]:
                branches[state][token] = len(branches)
                branches.append({})
                completed.append(0.0)
                lookahead.append(0.0)
            state = branches[state][token]
            if depth + 1 < len(pattern):
                lookahead[state] = max(lookahead[state], weight * depth / (len(pattern) - 1))
        completed[state] += weight
    after = np.zeros((len(branches), len(alphabet.symbols)), np.int32)
    fallback = [0] * len(branches)
    queue = deque([0])
    while queue:  # breadth first: a state's fallback is shorter, so finished before it
        state = queue.popleft()
        if state:
            after[state] = after[fallback[state]]
            completed[state] += completed[fallback[state]]
            lookahead[state] = max(lookahead[state], lookahead[fallback[state]])
        for token, child in branches[state].items():
            fallback[child] = int(after[fallback[state], token]) if state else 0
            queue.append(child)
        for token, child in branches[state].items():
            after[state, token] = child
    start = int(after[0, EDGE])
    return HotWordAutomaton(after, np.array(completed), np.array(lookahead), start)


def spell_hot_word(alphabet: Alphabet, phrase: str, weight: float) -> list[int]:
    """Token ids of a phrase, the edges of words between them. Raises DecodingError as `build_automaton`."""
    words = phrase.split()
    if not words:
        raise DecodingError(f"hot word {phrase!r}: empty; expected a word or a phrase")
    if not np.isfinite(weight):
        raise DecodingError(f"hot word {phrase!r}: weight {weight}; expected a number")
    if len(words) > 1 and alphabet.space < 0:
        raise DecodingError(
            f"hot word {phrase!r}: a phrase, but the model's alphabet {alphabet} has no space"
        )
    missing = sorted({letter for letter in "".join(words) if letter not in alphabet.ids})
    if missing:
        raise DecodingError(
            f"hot word {phrase!r}: the model cannot spell {', '.join(map(repr, missing))}; "
            f"its alphabet is {alphabet}{case_hint(alphabet, words)}"
        )
    return [EDGE if letter == " " else alphabet.ids[letter] for letter in " ".join(words)]


def in_case_of(
    alphabet: Alphabet,
    hot_words: Mapping[str, float],
    *,
    what: str = "hot word",
    level: int = logging.WARNING,
) -> dict[str, float]:
    """The phrases in the letter case that the model writes, where it has only one; the log says which were changed.

    Of phrases that become one the last counts. What the alphabet cannot spell in either case stays, for `spell_hot_word` to refuse.
    """
    found: dict[str, float] = {}
    for phrase, weight in hot_words.items():
        words, fitting = phrase.split(), phrase
        if any(alphabet.spell(word) is None for word in words):
            fold = other_case(alphabet, words)
            fitting = fold(phrase) if fold else phrase
        if fitting != phrase:
            log.log(level, "%s %r: taken as %r, as the model writes it", what, phrase, fitting)
        found[fitting] = weight
    return found


def read_hot_words(path: str | Path) -> dict[str, float]:
    """Read a file of phrases, one a line, each with a weight after a tab or 5.0 without one.

    Raises:
        DecodingError: cannot be read, a weight that is no number, or a phrase twice; the line is named.
    """
    hot_words: dict[str, float] = {}
    text = read_text(path, what="the hot words", error=DecodingError)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            phrase, weight = parse_hot_word(line.strip(), where=f"{path}:{number}", separator="\t")
            if phrase in hot_words:
                raise DecodingError(
                    f"{path}:{number}: {phrase!r} stands here twice; expected each phrase once"
                )
            hot_words[phrase] = weight
    return hot_words


DEFAULT_WEIGHT = 5.0


def parse_hot_word(text: str, *, where: str, separator: str) -> tuple[str, float]:
    """`PHRASE<separator>WEIGHT`, or `PHRASE` alone -> phrase and weight."""
    phrase, _, weight = text.partition(separator)
    try:
        return " ".join(phrase.split()), float(weight) if weight.strip() else DEFAULT_WEIGHT
    except ValueError:
        raise DecodingError(f"{where}: weight {weight!r} of {phrase!r}; expected a number") from None
