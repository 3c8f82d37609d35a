"""How letters are said, learnt from a pronunciation dictionary of any language and any phones.

The words of the dictionary are cut into chunks of one or two letters, each said as none, one or two phones, by the
likeliest cut given how often each chunk is said so (Viterbi training; the chunks are the graphones of Bisani & Ney 2008,
without their n-gram). A word is then said chunk by chunk, the letters before and behind taken into account.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

Phones = tuple[str, ...]

_ROUNDS = 3
_LONGEST = 2  # letters of a chunk, and phones
# Beside the word, where the letters before and behind are looked at.
_EDGE = "\n"
_UNSEEN = -15.0  # ln, a letter


class LetterSounds:
    """The sounds of letters.

    Args:
        pronunciations: of words; the first way to say each counts.
        words: at most so many are learnt from, evenly spaced; a thousand take a second or two.
    """

    def __init__(self, pronunciations: Mapping[str, Sequence[Sequence[str]]], *, words: int = 1000) -> None:
        step = -(-len(pronunciations) // words)
        lexicon = [(word, tuple(ways[0])) for word, ways in list(pronunciations.items())[::step]]
        table: dict[tuple[str, Phones], float] | None = None
        for _ in range(_ROUNDS):
            cuts = [_cut(word, phones, table) for word, phones in lexicon]
            counts = Counter(chunk for cut in cuts for chunk in cut)
            total = counts.total()
            table = {chunk: math.log(count / total) for chunk, count in counts.items()}
        # Of letters, and of letters with what stands behind, and with what stands before as well: how often each sound.
        self._sounds: dict[tuple[str, ...], Counter[Phones]] = defaultdict(Counter)
        self._total = 0
        for (word, _), cut in zip(lexicon, cuts, strict=True):
            end = 0
            for letters, phones in cut:
                before, end = _beside(word, end - 1), end + len(letters)
                behind = _beside(word, end)
                for context in ((letters,), (letters, behind), (letters, behind, before)):
                    self._sounds[context][phones] += 1
                self._total += 1

    def say(self, word: str) -> Phones:
        """The likeliest phones of a word; none of a word with a letter that the dictionary has not. Signs may be silent."""
        best: list[tuple[float, Phones] | None] = [(0.0, ())]
        for end in range(1, len(word) + 1):
            ways = []
            for start in range(max(0, end - _LONGEST), end):
                before = best[start]
                if before is None:
                    continue
                if (word[start:end],) in self._sounds:
                    score, phones = self._sound(word, start, end)
                    ways.append((before[0] + score, before[1] + phones))
                elif end == start + 1 and not word[start].isalpha():
                    ways.append((before[0] + _UNSEEN, before[1]))
            best.append(max(ways, default=None))
        return best[-1][1] if best[-1] is not None else ()

    def _sound(self, word: str, start: int, end: int) -> tuple[float, Phones]:
        """The likeliest sound of some letters of a word, and ln P(letters, sound)."""
        letters, before, behind = word[start:end], _beside(word, start - 1), _beside(word, end)
        alone = self._sounds[letters,]
        of_all = alone.total()
        probabilities = {phones: count / of_all for phones, count in alone.items()}
        for context in ((letters, behind), (letters, behind, before)):
            seen = self._sounds.get(context, Counter())
            # Witten & Bell (1991): as much for the shorter context as there are different sounds in this one.
            share = seen.total() + len(seen)
            if share:
                probabilities = {
                    phones: (seen[phones] + len(seen) * shorter) / share
                    for phones, shorter in probabilities.items()
                }
        probability, phones = max((p, phones) for phones, p in probabilities.items())
        return math.log(of_all / self._total * probability), phones


def _beside(word: str, at: int) -> str:
    return word[at] if 0 <= at < len(word) else _EDGE


def _cut(
    word: str, phones: Phones, table: Mapping[tuple[str, Phones], float] | None
) -> list[tuple[str, Phones]]:
    """The likeliest chunks of a word by ln P of each; none where it has more than twice as many phones as letters."""
    best = {(0, 0): 0.0}
    back: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(len(word)):
        for j in range(len(phones) + 1):
            score = best.get((i, j))
            if score is None:
                continue
            for to_letter in range(i + 1, min(i + _LONGEST, len(word)) + 1):
                for to_phone in range(j, min(j + _LONGEST, len(phones)) + 1):
                    letters, said = word[i:to_letter], phones[j:to_phone]
                    log_prob = (
                        _at_first(letters, said)
                        if table is None
                        else table.get((letters, said), _UNSEEN * len(letters))
                    )
                    if score + log_prob > best.get((to_letter, to_phone), -math.inf):
                        best[to_letter, to_phone] = score + log_prob
                        back[to_letter, to_phone] = (i, j)
    end = (len(word), len(phones))
    chunks: list[tuple[str, Phones]] = []
    while end in back:
        start = back[end]
        chunks.append((word[start[0] : end[0]], phones[start[1] : end[1]]))
        end = start
    return chunks[::-1]


def _at_first(letters: str, phones: Phones) -> float:
    """Before anything is known a letter is a phone."""
    return (
        -abs(len(letters) - len(phones)) - 0.5 * (len(letters) > 1) - 0.5 * (len(phones) > 1) - (not phones)
    )
