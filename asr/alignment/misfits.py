"""Where a recording and its text do not fit together."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from asr.alignment.spelling import SpelledText
from asr.alignment.text_path import TextPath
from asr.decoding.greedy import greedy_path
from asr.decoding.hypothesis import AlignedWord
from asr.transcription.transcript import (
    NOT_IN_TEXT,
    NOT_SPOKEN,
    REPEATED,
    REPEATED_IN_TEXT,
    Misfit,
)

# Of a repetition: frames at most, natural log a token by which its words may be less probable than what is heard
# best, and how many tokens they may have, beside those that are heard best.
_LONGEST = 400
_ALIKE = 2.5
_SIZE = (0.6, 1.6)


def find_misfits(
    text: SpelledText,
    path: TextPath,
    words: Sequence[AlignedWord | None],
    log_probs: np.ndarray,
    *,
    separator: int | None,
    seconds_per_frame: float,
    duration: float,
) -> tuple[Misfit, ...]:
    """Runs of words that are left out, and stretches of other speech, in order of time.

    Args:
        text: what was looked for.
        path: where it is.
        words: each word of the text with its times, None where it is left out.
        log_probs: `(T', V)` natural-log probabilities that the path goes through.
        separator: the token between words; None without one.
        seconds_per_frame: of the path's frames.
        duration: of the recording, in seconds.
    """
    said: list[AlignedWord] = []
    left_out: dict[int, list[int]] = {}  # by how many words are said before
    for at, word in enumerate(words):
        if word is None:
            left_out.setdefault(len(said), []).append(at)
        else:
            said.append(word)
    misfits = []
    for before, run in left_out.items():
        start = said[before - 1].end if before else 0.0
        end = said[before].start if before < len(said) else round(duration, 3)
        kind = REPEATED_IN_TEXT if _is_repeated(text, run) else NOT_SPOKEN
        misfits.append(Misfit(kind, start, max(start, end), _written(text, run)))
    for before, first, last in path.fillers.tolist():
        start, end = round(first * seconds_per_frame, 3), round(min(last * seconds_per_frame, duration), 3)
        again = _said_again(text, path, before, log_probs[first:last], separator)
        misfits.append(Misfit(REPEATED if again else NOT_IN_TEXT, start, end, _written(text, again)))
    return tuple(sorted(misfits, key=lambda one: (one.start, one.end)))


def _written(text: SpelledText, run: Sequence[int]) -> str:
    return " ".join(text.words[at].text for at in run)


def _is_repeated(text: SpelledText, run: Sequence[int]) -> bool:
    """Whether the text has twice in a row what it has once without these words: before them, after them or around them."""
    size, readings = len(run), [word.readings for word in text.words]
    firsts = range(max(0, run[0] - size), run[0] + 1)
    return any(
        readings[first : first + size] == readings[first + size : first + 2 * size] for first in firsts
    )


def _said_again(
    text: SpelledText, path: TextPath, before: int, log_probs: np.ndarray, separator: int | None
) -> range:
    """The words about a stretch of other speech that are said once more in it; none where it is something else.

    Of words that are said twice, A B A B, any two that follow each other may be the stretch: A B before or behind, or B A within.

    Args:
        text: the words.
        path: where they are.
        before: the word that the stretch is before.
        log_probs: `(T', V)` of the stretch.
        separator: the token between words.
    """
    heard = greedy_path(log_probs)
    if not heard.tokens or len(log_probs) > _LONGEST:
        return range(0)
    from asr.decoding.ctc_scores import ctc_scores

    least, most = (share * len(heard.tokens) for share in _SIZE)
    behind = _tokens(text, path, range(before - 1, -1, -1), most)
    ahead = _tokens(text, path, range(before, len(path.words)), most)
    candidates: list[range] = []
    sequences: list[list[int]] = []
    for first, last in itertools.product(
        range(before - len(behind), before + 1), range(before, before + len(ahead) + 1)
    ):
        sequence: list[int] = []
        for own in (*(ahead[at] for at in range(before, last)), *(behind[at] for at in range(first, before))):
            sequence += [*([separator] if sequence and separator is not None else []), *own]
        # A separator on either side is a sound of the stretch.
        sequence = [*heard.tokens[:1], *sequence] if heard.tokens[0] == separator else sequence
        sequence = [*sequence, *heard.tokens[-1:]] if heard.tokens[-1] == separator else sequence
        if least <= len(sequence) <= most:
            candidates.append(range(first, last))
            sequences.append(sequence)
    if not sequences:
        return range(0)
    lost = (heard.score - ctc_scores(log_probs, sequences)) / [len(one) for one in sequences]
    best = int(np.argmin(lost))
    return candidates[best] if lost[best] <= _ALIKE else range(0)


def _tokens(
    text: SpelledText, path: TextPath, places: Iterable[int], most: float
) -> dict[int, tuple[int, ...]]:
    """The tokens of words one after the other, as they were said, up to one that is left out, or to `most` tokens."""
    found: dict[int, tuple[int, ...]] = {}
    size = 0
    for at in places:
        placed = path.words[at]
        if placed is None or size > most:
            break
        found[at] = text.ways[at][placed.way].tokens
        size += len(found[at])
    return found
