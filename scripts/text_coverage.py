"""Which stretches of a text to have spoken, so that a recogniser hears words that its recordings lack.

A network of characters learns spellings from what it hears alone: words that no recording of some hours holds
it gets wrong far more often. Books hold them by the thousand.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

# A word that a text holds 6 times or more is worth hearing once for every 12 times, at most 8 times.
_FEWEST, _PER_HEARING, _ENOUGH = 6, 12, 8
_WORDS, _FEWEST_WORDS = (6, 14), 5
_CHARACTERS = (22, 85)


def stretches_to_speak(
    lines: Iterable[str], heard: Iterable[str], count: int, *, seed: int = 1
) -> Iterator[str]:
    """Stretches of 5 to 14 words, some 4 seconds of speech, in which a word has not been heard often enough.

    Args:
        lines: sentences, in the letter case of the transcripts. Words that they hold fewer than 6 times
            are taken for names and slips, and no stretch has one.
        heard: transcripts of what is recorded already; what is chosen is added to them as it is chosen.
        count: stretches, at most; fewer where the text has no more of them.
        seed: of the order in which the lines are looked at, and of the lengths.
    """
    sentences: list[Sequence[str]] = [line.split() for line in lines]
    frequency = Counter(word for sentence in sentences for word in sentence)
    hearings = Counter(word for text in heard for word in text.split())
    generator = random.Random(seed)
    generator.shuffle(sentences)
    for sentence in sentences:
        for words in _stretches(sentence, generator):
            if count <= 0:
                return
            if min(frequency[word] for word in words) >= _FEWEST and any(
                hearings[word] < min(_ENOUGH, math.ceil(frequency[word] / _PER_HEARING)) for word in words
            ):
                hearings.update(words)
                count -= 1
                yield " ".join(words)


def _stretches(sentence: Sequence[str], generator: random.Random) -> Iterator[Sequence[str]]:
    """A sentence in stretches of random length, less what is too short or too long to be spoken in 4 seconds."""
    begin = 0
    while len(sentence) - begin >= _FEWEST_WORDS:
        words = sentence[begin : begin + generator.randint(*_WORDS)]
        begin += len(words)
        if len(words) >= _FEWEST_WORDS and _CHARACTERS[0] <= len(" ".join(words)) <= _CHARACTERS[1]:
            yield words
