"""The search through pronunciations, compiled by numba. Importing this module imports numba.

What it must do is written to be read in tests/decoding/reference_search.py.
"""

from typing import NamedTuple

import numpy as np

from asr.decoding.compilation import njit
from asr.decoding.kernel_arrays import copy_into, filled, grown, nth_highest
from asr.decoding.lexicon_scorer import LexiconScorer
from asr.decoding.prefix_beam_kernel import lm_score, log_add
from asr.decoding.search import Limits
from asr.language_model.ngram import END

_BLANK = 0
_FREE = -1


class Histories(NamedTuple):
    """Words said so far, `(C,)` each for a capacity of C; history 0 is the empty one.

    Attributes:
        parent, entry: int32, the history without its last word, and that word's entry of the lexicon; -1 for
            the empty one.
        lm_state: int32, the language model's state after it.
        settled: float64, weighted language model and bonuses of its words (natural log).
        table: int32, power of two, finds a history by its parent and entry; -1 where free.
        size: `(1,)` int64, histories in use.
    """

    parent: np.ndarray
    entry: np.ndarray
    lm_state: np.ndarray
    settled: np.ndarray
    table: np.ndarray
    size: np.ndarray


class LexiconBeam(NamedTuple):
    """Two rows of K hypotheses, best first: one is the beam, the other is being made.

    Attributes:
        node: `(2, K)` int32, where in the lexicon's tree the open word stands.
        history: `(2, K)` int32, the words before it.
        in_blank, in_token: `(2, K)` float64, natural log of all paths so far that end in a blank, or in the
            node's phone, times what the language model says of the history.
        place: `(2,)` int64, which row is the beam, and how many hypotheses it has.
    """

    node: np.ndarray
    history: np.ndarray
    in_blank: np.ndarray
    in_token: np.ndarray
    place: np.ndarray


def new_beam(width: int) -> LexiconBeam:
    """A beam of nothing said."""
    shape = (2, width)
    beam = LexiconBeam(
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape),
        np.zeros(shape),
        np.array([0, 1], np.int64),
    )
    beam.in_token[0, 0] = -np.inf
    return beam


def new_histories(lm_start: int) -> Histories:
    """The empty history alone."""
    histories = _empty_histories(1 << 12)
    histories.lm_state[0] = lm_start
    histories.size[0] = 1
    return histories


@njit(cache=True, nogil=True)
def _empty_histories(capacity: int) -> Histories:
    return Histories(
        filled(capacity, -1),
        filled(capacity, -1),
        np.zeros(capacity, np.int32),
        np.zeros(capacity),
        filled(2 * capacity, _FREE),
        np.zeros(1, np.int64),
    )


@njit(cache=True, nogil=True, inner=True)
def _hash(left: int, right: int, size: int) -> int:
    """A place in a table of `size`, a power of two."""
    mixed = (left * 1000003 + right) * 2654435761
    return (mixed ^ (mixed >> 17)) & (size - 1)


@njit(cache=True, nogil=True, inner=True)
def _twice_as_many(histories: Histories) -> Histories:
    size = histories.size[0]
    larger = _empty_histories(2 * histories.parent.shape[0])
    copy_into(larger.parent, histories.parent, size)
    copy_into(larger.entry, histories.entry, size)
    copy_into(larger.lm_state, histories.lm_state, size)
    copy_into(larger.settled, histories.settled, size)
    larger.size[0] = size
    table = larger.table
    for history in range(1, size):
        at = _hash(larger.parent[history], larger.entry[history], table.shape[0])
        while table[at] != _FREE:
            at = (at + 1) & (table.shape[0] - 1)
        table[at] = history
    return larger


@njit(cache=True, nogil=True, inner=True)
def _say(histories: Histories, scorer: LexiconScorer, parent: int, entry: int) -> int:
    """The history with one word more; there is room for it."""
    table = histories.table
    at = _hash(parent, entry, table.shape[0])
    while table[at] != _FREE:
        history = table[at]
        if histories.parent[history] == parent and histories.entry[history] == entry:
            return history
        at = (at + 1) & (table.shape[0] - 1)
    history = histories.size[0]
    histories.size[0] += 1
    table[at] = history
    histories.parent[history] = parent
    histories.entry[history] = entry
    settled, state = histories.settled[parent] + scorer.closing[entry], histories.lm_state[parent]
    if scorer.has_lm:
        for at_word in range(scorer.first_word[entry], scorer.first_word[entry + 1]):
            log10_prob, state = lm_score(scorer.lm, state, scorer.lm_word[at_word])
            settled += scorer.lm_weight * max(log10_prob, scorer.least[at_word])
    histories.settled[history] = settled
    histories.lm_state[history] = state
    return history


@njit(cache=True, nogil=True)
def advance(
    log_probs: np.ndarray,
    scorer: LexiconScorer,
    limits: Limits,
    beam: LexiconBeam,
    histories: Histories,
) -> Histories:
    """Take in the frames of `(T', P)` float32 log-probabilities, checked before.

    Args:
        log_probs: no NaN.
        scorer: see `lexicon_scorer.build_lexicon_scorer`.
        limits: see `search.Limits`.
        beam: changed in place.
        histories: changed in place.

    Returns:
        The histories, or larger ones that take their place.
    """
    width = beam.node.shape[1]
    recombine, score_threshold = limits.recombine, limits.score_threshold
    frames, phones = log_probs.shape
    child, phone_of, ahead = scorer.child, scorer.phone, scorer.ahead
    first_entry, entries = scorer.first_entry, scorer.entry
    beam_node, beam_history = beam.node, beam.history
    beam_blank, beam_token = beam.in_blank, beam.in_token
    capacity = 1 << 12
    while capacity < 8 * width:
        capacity *= 2
    node_of, history_of = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    blank_of, token_of, rank_of = np.empty(capacity), np.empty(capacity), np.empty(capacity)
    table = filled(2 * capacity, _FREE)
    place_of = np.empty(capacity, np.int64)  # in the table, to empty it again
    total = np.empty(width)
    heard = np.empty(phones, np.int64)
    for frame in range(frames):
        now, count = beam.place[0], beam.place[1]
        row = log_probs[frame]
        hearable, loudest = 0, -np.inf
        for phone in range(1, phones):
            if row[phone] >= limits.token_threshold and row[phone] > -np.inf:
                heard[hearable] = phone
                hearable += 1
                loudest = max(loudest, row[phone])
        # Every hypothesis stays as it is, by a blank or by its last phone once more; they come first.
        found = 0
        best = -np.inf
        for slot in range(count):
            node = beam_node[now, slot]
            total[slot] = log_add(beam_blank[now, slot], beam_token[now, slot])
            best = max(best, total[slot] + row[_BLANK] + ahead[node])
        for slot in range(count):
            node, history = beam_node[now, slot], beam_history[now, slot]
            first, last = first_entry[node], first_entry[node + 1]
            needed = 1 + hearable * (1 + last - first)
            while found + needed > capacity:
                capacity *= 2
                node_of, history_of = grown(node_of, capacity), grown(history_of, capacity)
                blank_of, token_of = grown(blank_of, capacity), grown(token_of, capacity)
                rank_of, place_of = np.empty(capacity), np.empty(capacity, np.int64)
                table = filled(2 * capacity, _FREE)
                for other in range(found):
                    key = histories.lm_state[history_of[other]] if recombine else history_of[other]
                    at = _hash(key, node_of[other], table.shape[0])
                    while table[at] != _FREE:
                        at = (at + 1) & (table.shape[0] - 1)
                    table[at], place_of[other] = other, at
            while histories.size[0] + last - first > histories.parent.shape[0]:
                histories = _twice_as_many(histories)
            own_phone = phone_of[node]
            for choice in range(-1, last - first):
                # -1: the open word goes on, or nothing is heard; others: it closes as one of its words.
                if choice < 0:
                    start, said, gain = node, history, 0.0
                else:
                    # A hypothesis that nothing can follow needs no words.
                    if total[slot] + loudest < best - score_threshold or hearable == 0:
                        break
                    start = 0
                    said = _say(histories, scorer, history, entries[first + choice])
                    gain = histories.settled[said] - histories.settled[history]
                for heard_at in range(-1 if choice < 0 else 0, hearable):
                    in_blank, in_token = -np.inf, -np.inf
                    if heard_at < 0:
                        after = node
                        in_blank = total[slot] + row[_BLANK]
                        if own_phone > 0:
                            in_token = beam_token[now, slot] + row[own_phone]
                    else:
                        phone = heard[heard_at]
                        after = child[start, phone]
                        if after < 0:
                            continue
                        source = beam_blank[now, slot] if phone == own_phone else total[slot]
                        in_token = source + gain + row[phone]
                        if in_token == -np.inf or in_token + ahead[after] < best - score_threshold:
                            continue
                        best = max(best, in_token + ahead[after])
                    key = histories.lm_state[said] if recombine else said
                    at = _hash(key, after, table.shape[0])
                    fresh = True
                    while table[at] != _FREE:
                        other = table[at]
                        if node_of[other] == after:
                            if history_of[other] == said:
                                blank_of[other] = log_add(blank_of[other], in_blank)
                                token_of[other] = log_add(token_of[other], in_token)
                                fresh = False
                                break
                            if recombine and histories.lm_state[history_of[other]] == key:
                                # The future cannot tell them apart: the better one stays.
                                if log_add(in_blank, in_token) > log_add(blank_of[other], token_of[other]):
                                    history_of[other] = said
                                    blank_of[other], token_of[other] = in_blank, in_token
                                fresh = False
                                break
                        at = (at + 1) & (table.shape[0] - 1)
                    if fresh:
                        table[at], place_of[found] = found, at
                        node_of[found], history_of[found] = after, said
                        blank_of[found], token_of[found] = in_blank, in_token
                        found += 1
        best = -np.inf
        for candidate in range(found):
            table[place_of[candidate]] = _FREE
            rank = log_add(blank_of[candidate], token_of[candidate]) + ahead[node_of[candidate]]
            rank_of[candidate] = rank
            best = max(best, rank)
        least = best - score_threshold
        if found > width:
            least = max(least, nth_highest(rank_of, found, width))
        then, kept = 1 - now, 0
        for candidate in range(found):
            if rank_of[candidate] >= least and rank_of[candidate] > -np.inf and kept < width:
                beam_node[then, kept] = node_of[candidate]
                beam_history[then, kept] = history_of[candidate]
                beam_blank[then, kept] = blank_of[candidate]
                beam_token[then, kept] = token_of[candidate]
                kept += 1
        beam.place[0], beam.place[1] = then, kept
    return histories


@njit(cache=True, nogil=True)
def finish(
    beam: LexiconBeam, histories: Histories, scorer: LexiconScorer
) -> tuple[Histories, np.ndarray, np.ndarray, np.ndarray]:
    """What the hypotheses are as whole texts.

    Returns:
        The histories, larger perhaps; `(n,)` int64 histories with the last word closed, `(n,)` their acoustic
        scores and `(n,)` the others. Several may have the same history.
    """
    now, count = beam.place[0], beam.place[1]
    first_entry, entries = scorer.first_entry, scorer.entry
    whole = 0
    for slot in range(count):
        node = beam.node[now, slot]
        whole += 1 if node == 0 else first_entry[node + 1] - first_entry[node]
    while histories.size[0] + whole > histories.parent.shape[0]:
        histories = _twice_as_many(histories)
    said = np.empty(whole, np.int64)
    acoustic, other = np.empty(whole), np.empty(whole)
    at = 0
    for slot in range(count):
        node, history = beam.node[now, slot], beam.history[now, slot]
        score = log_add(beam.in_blank[now, slot], beam.in_token[now, slot]) - histories.settled[history]
        if node == 0:
            said[at], acoustic[at] = history, score
            at += 1
            continue
        for place in range(first_entry[node], first_entry[node + 1]):
            said[at], acoustic[at] = _say(histories, scorer, history, entries[place]), score
            at += 1
    for place in range(whole):
        other[place] = histories.settled[said[place]]
        if scorer.has_lm:
            log10_prob, _ = lm_score(scorer.lm, histories.lm_state[said[place]], END)
            other[place] += scorer.lm_weight * log10_prob
    return histories, said, acoustic, other


@njit(cache=True, nogil=True)
def common_history(said: np.ndarray, histories: Histories) -> int:
    """The longest history that all of `said`, one or more, begin with."""
    shared = said[0]
    for history in said[1:]:
        # A history has a higher number than what it continues.
        while shared != history:
            if shared > history:
                shared = histories.parent[shared]
            else:
                history = histories.parent[history]
    return shared
