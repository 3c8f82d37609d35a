"""Forced alignment of a text with an emission, each word in the best of its pronunciations, and of a text that may not fit.

A CTC Viterbi over the whole text. Between words may be blanks; a filler, which takes any sound at a price for each sound (the
star of Cai et al. 2022, "W-CTC", and of torchaudio's alignment); and words may be left out, at a price by their length.

In blocks, as `asr.decoding.alignment`; where frames times states are many, states far behind the best are dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.decoding.emission import check_log_probs
from asr.errors import DecodingError

BLOCK = 512  # frames
# Frames times states up to which nothing is dropped.
EXACT = 200_000_000
_BEAM = 400.0
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Prices:
    """What it costs that text and sound do not fit, in natural logs.

    Attributes:
        filler: of beginning a stretch that the text lacks.
        sound: of each sound in it, beside the probability of the likeliest.
        skip: of beginning to leave words out.
        skipped_token: of each token of a word that is left out.
    """

    filler: float = 12.0
    sound: float = 1.0
    skip: float = 12.0
    skipped_token: float = 1.0


USUAL = Prices()
# No filler, and no word left out: the text is believed.
BELIEVED = Prices(_NEVER, 0.0, _NEVER, _NEVER)


class PlacedWord(NamedTuple):
    """Where a word is.

    Attributes:
        way: which of its pronunciations.
        spans: `(L, 2)` int64, the first frame of each token, and the one after its last.
        evidence: natural log by which its tokens are less probable than the likeliest ones of their frames, a token.
    """

    way: int
    spans: np.ndarray
    evidence: float


class TextPath(NamedTuple):
    """The best path.

    Attributes:
        words: where each word is; None where it is left out.
        fillers: `(F, 3)` int64: the word that a stretch of other speech is before, the frame of its first sound, and the one after its last
            sound.
    """

    words: tuple[PlacedWord | None, ...]
    fillers: np.ndarray


class _States(NamedTuple):
    """The states of a text; arrays as `kernels.advance_text` takes them, and `(S, 3)` word, way, token of each, -1 for none."""

    columns: np.ndarray
    back: np.ndarray
    leave: np.ndarray
    first: np.ndarray
    skip_price: np.ndarray
    place: np.ndarray


def align_text(
    log_probs: np.ndarray,
    words: Sequence[Sequence[Sequence[int]]],
    *,
    log_shares: Sequence[Sequence[float]] | None = None,
    prices: Prices = BELIEVED,
    separator: int | None = None,
) -> TextPath:
    """Where each word of a text is.

    Args:
        log_probs: `(T', V)` natural-log probabilities, the blank in column 0.
        words: of each, the token ids of its pronunciations, one or more, each of one or more tokens.
        log_shares: of each pronunciation, natural log that is added where the path takes it; None adds nothing.
        prices: of what does not fit.
        separator: a token that may stand before each word but the first, as the space does among letters.

    Raises:
        DecodingError: NaN, or too few frames for the text.
    """
    from asr.alignment.kernels import DEAD, advance_text

    check_log_probs(log_probs)
    if log_shares is None:
        log_shares = [[0.0] * len(ways) for ways in words]
    states = _states(words, log_shares, filler_column=log_probs.shape[1], prices=prices, separator=separator)
    frames, size = len(log_probs), len(states.columns)
    emitted = np.concatenate([log_probs, _filler(log_probs, prices)[:, None]], axis=1).astype(np.float32)
    beam = np.inf if frames * size <= EXACT else _BEAM
    none = np.empty((0, 0), np.int32)
    score, alive = np.full(size, DEAD), np.array([0, 1], np.int64)
    borders: list[tuple[int, int, np.ndarray, tuple[int, int]]] = []
    at = -1

    def go(begin: int, came_from: np.ndarray) -> int:
        found: int = advance_text(
            score,
            emitted[begin : begin + BLOCK],
            *states[:5],
            open_price=prices.skip,
            filler_price=prices.filler,
            beam=beam,
            alive=alive,
            start=0.0 if begin == 0 else DEAD,
            came_from=came_from,
        )
        return found

    for begin in range(0, frames, BLOCK):
        words_alive = (int(alive[0]), int(alive[1]))
        low = int(states.first[words_alive[0]])
        kept = score[low : _last_state(states, words_alive[1])].copy()
        at = go(begin, none)
        borders.append((low, _last_state(states, int(alive[1])), kept, words_alive))
    if at < 0:
        raise DecodingError(f"{len(words)} words do not fit into {frames} frames")
    path = np.empty(frames, np.int64)
    for begin in range((frames - 1) // BLOCK * BLOCK, -1, -BLOCK):
        low, high, kept, words_alive = borders.pop()
        score[:] = DEAD
        score[low : low + len(kept)] = kept
        alive[:] = words_alive
        came_from = np.full((min(BLOCK, frames - begin), high - low), -1, np.int32)
        go(begin, came_from)
        for frame in range(len(came_from) - 1, -1, -1):
            path[begin + frame] = at
            at = int(came_from[frame, at - low])
    return _read(path, emitted, states, len(words))


def _last_state(states: _States, high: int) -> int:
    """The state after the last one of the words before `high`."""
    return int(states.first[high]) if high < len(states.first) else len(states.columns)


def _filler(log_probs: np.ndarray, prices: Prices) -> np.ndarray:
    """`(T',)` what a filler emits: the likeliest column, at the price of a sound where that is no blank."""
    sounds = log_probs[:, BLANK + 1 :].max(axis=1, initial=-_NEVER)
    return np.maximum(log_probs[:, BLANK], sounds - prices.sound)


def _states(
    words: Sequence[Sequence[Sequence[int]]],
    log_shares: Sequence[Sequence[float]],
    *,
    filler_column: int,
    prices: Prices,
    separator: int | None,
) -> _States:
    from asr.alignment.kernels import DEAD

    columns: list[int] = []
    back: list[int] = []
    leave: list[float] = []
    place: list[tuple[int, int, int]] = []
    first: list[int] = []
    skip_price = np.zeros(len(words))

    def add(column: int, *, behind: int, of: tuple[int, int, int] = (-1, -1, -1)) -> None:
        columns.append(column)
        back.append(behind)
        leave.append(DEAD)
        place.append(of)

    for number, (ways, shares) in enumerate(zip(words, log_shares, strict=True)):
        first.append(len(columns))
        add(BLANK, behind=0)
        add(filler_column, behind=0)
        skip_price[number] = prices.skipped_token * min(map(len, ways))
        for way, (tokens, share) in enumerate(zip(ways, shares, strict=True)):
            chain = [(token, at) for at, token in enumerate(tokens)]
            chains = [chain]
            if separator is not None and number:
                chains.append([(separator, -1), *chain])
            for chain in chains:
                for at, (token, position) in enumerate(chain):
                    if at:
                        add(BLANK, behind=1)
                    skips = at > 0 and token != chain[at - 1][0]
                    of = (number, way, position) if position >= 0 else (-1, -1, -1)
                    add(token, behind=0 if at == 0 else 2 if skips else 1, of=of)
                leave[-1] = share
    first.append(len(columns))
    add(BLANK, behind=0)
    add(filler_column, behind=0)
    return _States(
        np.array(columns, np.int64),
        np.array(back, np.int64),
        np.array(leave, np.float64),
        np.array(first, np.int64),
        skip_price,
        np.array(place, np.int64).reshape(-1, 3),
    )


def _read(path: np.ndarray, emitted: np.ndarray, states: _States, count: int) -> TextPath:
    """A path of states as words and fillers."""
    loss = emitted[:, :-1].max(axis=1) - emitted[np.arange(len(path)), states.columns[path]]
    starts = np.flatnonzero(np.r_[True, path[1:] != path[:-1]])
    stops = np.r_[starts[1:], len(path)]
    spans: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    way = [0] * count
    fillers: list[tuple[int, int, int]] = []
    last_column = emitted.shape[1] - 1
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        state = int(path[start])
        word, own_way, token = states.place[state].tolist()
        if token >= 0:
            spans[word].append((start, stop))
            way[word] = own_way
        elif states.columns[state] == last_column:
            # From its first sound to its last: silence on either side may be anybody's.
            sounds = start + np.flatnonzero(emitted[start:stop, last_column] > emitted[start:stop, BLANK])
            if len(sounds):
                start, stop = int(sounds[0]), int(sounds[-1]) + 1
            fillers.append((int(np.searchsorted(states.first, state, side="right")) - 1, start, stop))
    placed: list[PlacedWord | None] = []
    for own, chosen in zip(spans, way, strict=True):
        if own:
            lost = float(loss[own[0][0] : own[-1][1]].sum()) / len(own)
            placed.append(PlacedWord(chosen, np.array(own, np.int64), lost))
        else:
            placed.append(None)
    return TextPath(tuple(placed), np.array(fillers, np.int64).reshape(-1, 3))
