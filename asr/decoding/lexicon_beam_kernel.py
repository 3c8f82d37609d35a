"""The search through a lexicon, compiled by numba. Importing this module imports numba.

What it must do is written to be read in tests/decoding/reference_search.py.
"""

from typing import NamedTuple

import numpy as np

from asr.decoding.compilation import njit
from asr.decoding.kernel_arrays import copy_into, filled, grown, nth_highest
from asr.decoding.kernel_scores import int64, lm_score, log_add
from asr.decoding.lexicon_scorer import LexiconScorer
from asr.decoding.search import Limits
from asr.language_model.ngram import END

_BLANK = 0
_FREE = -1


class WordHistories(NamedTuple):
    """Words said so far, `(C,)` each for a capacity of C; history 0 is the empty one. And which of them were dropped for
    a better one that the future could not tell from them, `(R,)` each for a capacity of R.

    Attributes:
        parent, entry: int32, the history without its last word, and that word's entry of the lexicon; -1 for
            the empty one.
        lm_state: int32, the language model's state after it.
        committed: float64, weighted language model and bonuses of its words (natural log).
        table: int32, power of two, finds a history by its parent and entry; -1 where free.
        winner, loser: int32, the histories of a recombination.
        gap: float64, by how much the winner was better (natural log).
        size: `(2,)` int64, histories and recombinations in use; the latter in the order they happened in.
    """

    parent: np.ndarray
    entry: np.ndarray
    lm_state: np.ndarray
    committed: np.ndarray
    table: np.ndarray
    winner: np.ndarray
    loser: np.ndarray
    gap: np.ndarray
    size: np.ndarray


class LexiconBeam(NamedTuple):
    """Two rows of K hypotheses: one is the beam, the other is being made.

    Attributes:
        node: `(2, K)` int32, where in the lexicon's tree the open word stands.
        history: `(2, K)` int32, the words before it.
        in_blank, in_token: `(2, K)` float64, natural log of all paths so far that end in a blank, or in the
            node's token, times what the language model says of the history.
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


def new_histories(lm_start: int) -> WordHistories:
    """The empty history alone."""
    histories = _empty_histories(1 << 12, 1 << 12)
    histories.parent[0] = histories.entry[0] = -1
    histories.lm_state[0], histories.committed[0] = lm_start, 0.0
    histories.size[0] = 1
    return histories


@njit(cache=True, nogil=True)
def _empty_histories(capacity: int, recombinations: int) -> WordHistories:
    size = np.empty(2, np.int64)
    size[0] = size[1] = 0
    return WordHistories(
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity),
        filled(2 * capacity, _FREE),
        np.empty(recombinations, np.int32),
        np.empty(recombinations, np.int32),
        np.empty(recombinations),
        size,
    )


@njit(cache=True, nogil=True, inner=True)
def _hash(left: int, right: int, size: int) -> int:
    """A place in a table of `size`, a power of two."""
    mixed = (left * 1000003 + right) * 2654435761
    return (mixed ^ (mixed >> 17)) & (size - 1)


@njit(cache=True, nogil=True, inner=True)
def _vacant(table: np.ndarray, left: int, right: int) -> int:
    """The first free place for a pair that is not in the table."""
    at = _hash(left, right, table.shape[0])
    while table[at] != _FREE:
        at = (at + 1) & (table.shape[0] - 1)
    return at


@njit(cache=True, nogil=True, inner=True)
def _with_room(histories: WordHistories, more: int, recombinations: int) -> WordHistories:
    """The histories with room for so many more, and recombinations."""
    size, merges = histories.size[0], histories.size[1]
    capacity, room = histories.parent.shape[0], histories.gap.shape[0]
    while size + more > capacity:
        capacity *= 2
    while merges + recombinations > room:
        room *= 2
    larger = _empty_histories(capacity, room)
    copy_into(larger.winner, histories.winner, merges)
    copy_into(larger.loser, histories.loser, merges)
    copy_into(larger.gap, histories.gap, merges)
    copy_into(larger.parent, histories.parent, size)
    copy_into(larger.entry, histories.entry, size)
    copy_into(larger.lm_state, histories.lm_state, size)
    copy_into(larger.committed, histories.committed, size)
    copy_into(larger.size, histories.size, 2)
    table = larger.table
    for history in range(1, size):
        table[_vacant(table, larger.parent[history], larger.entry[history])] = history
    return larger


@njit(cache=True, nogil=True, inner=True)
def _say(histories: WordHistories, scorer: LexiconScorer, parent: int, entry: int) -> int:
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
    committed = histories.committed[parent] + scorer.word_end_score[entry]
    state = int64(histories.lm_state[parent])
    if scorer.has_lm:
        if scorer.lm_separator >= 0 and parent > 0:
            log10_prob, state = lm_score(scorer.lm, state, scorer.lm_separator)
            committed += scorer.lm_weight * log10_prob
        for at_word in range(scorer.first_word[entry], scorer.first_word[entry + 1]):
            log10_prob, state = lm_score(scorer.lm, state, int64(scorer.lm_word[at_word]))
            committed += scorer.lm_weight * max(log10_prob, scorer.floor[at_word])
    histories.committed[history] = committed
    histories.lm_state[history] = state
    return history


@njit(cache=True, nogil=True)
def advance(
    log_probs: np.ndarray,
    scorer: LexiconScorer,
    limits: Limits,
    beam: LexiconBeam,
    histories: WordHistories,
) -> WordHistories:
    """Take in the frames of `(T', V)` float32 log-probabilities, checked before.

    Args:
        log_probs: no NaN.
        scorer: see `lexicon_scorer.build_lexicon_scorer`.
        limits: see `search.Limits`.
        beam: changed in place.
        histories: changed in place.

    Returns:
        The histories, or larger ones that take their place.
    """
    width, score_threshold = beam.node.shape[1], limits.score_threshold
    frames, vocabulary = log_probs.shape
    first_child, token_of, ahead = scorer.first_child, scorer.token, scorer.ahead
    first_entry, entries, word_end_score = scorer.first_entry, scorer.entry, scorer.word_end_score
    first_after, last_after = scorer.first_after, scorer.last_after
    beam_node, beam_history = beam.node, beam.history
    beam_blank, beam_token = beam.in_blank, beam.in_token
    lm_state, committed = histories.lm_state, histories.committed
    winner, loser, gap = histories.winner, histories.loser, histories.gap
    size = histories.size
    capacity = 1 << 12
    while capacity < 8 * width:
        capacity *= 2
    node_of, history_of = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    blank_of, score_of, rank_of = np.empty(capacity), np.empty(capacity), np.empty(capacity)
    table = filled(2 * capacity, _FREE)
    place_of = np.empty(capacity, np.int64)  # in the table, to empty it again
    total, heard = np.empty(width), np.empty(vocabulary)
    for frame in range(frames):
        now, count = beam.place[0], beam.place[1]
        row, first_merge = log_probs[frame], size[1]
        for token in range(1, vocabulary):
            heard[token] = row[token] if row[token] >= limits.token_threshold else -np.inf
        begin = -np.inf  # the most that a word can begin with in this frame
        for after in range(first_after, last_after):
            begin = max(begin, heard[token_of[after]] + ahead[after])
        # Every hypothesis stays as it is, by a blank or by its last token once more; they come first.
        best, worst, leader = -np.inf, np.inf, 0
        for slot in range(count):
            node, history = beam_node[now, slot], beam_history[now, slot]
            total[slot] = log_add(beam_blank[now, slot], beam_token[now, slot])
            node_of[slot], history_of[slot] = node, history
            blank_of[slot] = total[slot] + row[_BLANK]
            own = token_of[node]
            score_of[slot] = beam_token[now, slot] + row[own] if own > 0 else -np.inf
            rank = log_add(blank_of[slot], score_of[slot]) + ahead[node]
            if rank > best:
                best, leader = rank, slot
            worst = min(worst, rank)
            at = _vacant(table, lm_state[history], node)
            table[at], place_of[slot] = slot, at
        found = count
        # What scores below this cannot stay in the beam: so much is there already.
        floor = best - score_threshold
        if count == width:
            floor = max(floor, worst)
        for step in range(count):
            slot = (leader + step) % count  # the best first, for the rest to be measured by
            node, history = beam_node[now, slot], beam_history[now, slot]
            own = token_of[node]
            first, last = first_entry[node], first_entry[node + 1]
            needed = first_child[node + 1] - first_child[node]
            needed += (last - first) * (last_after - first_after)
            if found + needed > capacity:
                while found + needed > capacity:
                    capacity *= 2
                node_of, history_of = grown(node_of, capacity), grown(history_of, capacity)
                blank_of, score_of = grown(blank_of, capacity), grown(score_of, capacity)
                place_of, rank_of = np.empty(capacity, np.int64), np.empty(capacity)
                table = filled(2 * capacity, _FREE)
                for other in range(found):
                    at = _vacant(table, lm_state[history_of[other]], node_of[other])
                    table[at], place_of[other] = other, at
            if size[0] + last - first > histories.parent.shape[0] or size[1] + needed > gap.shape[0]:
                histories = _with_room(histories, last - first, needed)
                lm_state, committed = histories.lm_state, histories.committed
                winner, loser, gap = histories.winner, histories.loser, histories.gap
                size = histories.size
            for choice in range(-1, last - first):
                # -1: the open word goes on; others: it ends as one of its words, and what may follow comes next.
                said, gain = history, 0.0
                first_next, last_next = first_child[node], first_child[node + 1]
                if choice >= 0:
                    entry = entries[first + choice]
                    if total[slot] + word_end_score[entry] + begin < floor:
                        continue  # whatever the language model says of it
                    said = _say(histories, scorer, history, entry)
                    first_next, last_next = first_after, last_after
                    gain = committed[said] - committed[history]
                    if total[slot] + gain + begin < floor:
                        continue
                state = lm_state[said]
                for after in range(first_next, last_next):
                    token = token_of[after]
                    score = (beam_blank[now, slot] if token == own else total[slot]) + gain + heard[token]
                    rank = score + ahead[after]
                    if rank < floor or rank == -np.inf:
                        continue
                    best = max(best, rank)
                    floor = max(floor, best - score_threshold)
                    at = _hash(state, after, table.shape[0])
                    while table[at] != _FREE:
                        other = table[at]
                        if node_of[other] == after and lm_state[history_of[other]] == state:
                            break
                        at = (at + 1) & (table.shape[0] - 1)
                    if table[at] == _FREE:
                        table[at], place_of[found] = found, at
                        node_of[found], history_of[found] = after, said
                        blank_of[found], score_of[found] = -np.inf, score
                        found += 1
                        continue
                    other = table[at]
                    rival = history_of[other]
                    if rival == said:
                        score_of[other] = log_add(score_of[other], score)
                        continue
                    # The future cannot tell them apart: the better one stays, and the other is remembered.
                    lead = score - log_add(blank_of[other], score_of[other])
                    if lead > 0:
                        history_of[other] = said
                        blank_of[other], score_of[other] = -np.inf, score
                    better, worse = (said, rival) if lead > 0 else (rival, said)
                    lead = abs(lead)
                    merges = size[1]
                    if merges > first_merge and winner[merges - 1] == better and loser[merges - 1] == worse:
                        gap[merges - 1] = min(gap[merges - 1], lead)
                        continue
                    winner[merges], loser[merges] = better, worse
                    gap[merges] = lead
                    size[1] += 1
        best = -np.inf
        for candidate in range(found):
            table[place_of[candidate]] = _FREE
            rank = log_add(blank_of[candidate], score_of[candidate]) + ahead[node_of[candidate]]
            rank_of[candidate] = rank
            best = max(best, rank)
        floor = best - score_threshold
        if found > width:
            floor = max(floor, nth_highest(rank_of, found, width))
        then, kept = 1 - now, 0
        for candidate in range(found):
            if rank_of[candidate] >= floor and rank_of[candidate] > -np.inf and kept < width:
                beam_node[then, kept] = node_of[candidate]
                beam_history[then, kept] = history_of[candidate]
                beam_blank[then, kept] = blank_of[candidate]
                beam_token[then, kept] = score_of[candidate]
                kept += 1
        beam.place[0], beam.place[1] = then, kept
    return histories


@njit(cache=True, nogil=True)
def finish(
    beam: LexiconBeam, histories: WordHistories, scorer: LexiconScorer
) -> tuple[WordHistories, np.ndarray, np.ndarray, np.ndarray]:
    """What the hypotheses are as whole texts.

    Returns:
        The histories, larger perhaps; `(n,)` int64 histories with the last word ended, `(n,)` their acoustic
        scores and `(n,)` the others. Several may have the same history.
    """
    now, count = beam.place[0], beam.place[1]
    first_entry, entries = scorer.first_entry, scorer.entry
    whole = int64(0)
    for slot in range(count):
        node = beam.node[now, slot]
        whole += 1 if node == 0 else first_entry[node + 1] - first_entry[node]
    if histories.size[0] + whole > histories.parent.shape[0]:
        histories = _with_room(histories, whole, int64(0))
    said = np.empty(whole, np.int64)
    acoustic, other = np.empty(whole), np.empty(whole)
    at = 0
    for slot in range(count):
        node, history = beam.node[now, slot], beam.history[now, slot]
        score = log_add(beam.in_blank[now, slot], beam.in_token[now, slot]) - histories.committed[history]
        if node == 0:
            said[at], acoustic[at] = history, score
            at += 1
            continue
        for place in range(first_entry[node], first_entry[node + 1]):
            said[at], acoustic[at] = _say(histories, scorer, history, entries[place]), score
            at += 1
    for place in range(whole):
        other[place] = histories.committed[said[place]]
        if scorer.has_lm:
            log10_prob, _ = lm_score(scorer.lm, int64(histories.lm_state[said[place]]), int64(END))
            other[place] += scorer.lm_weight * log10_prob
    return histories, said, acoustic, other
