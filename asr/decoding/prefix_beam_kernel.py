"""The beam search over letters of any spelling, compiled by numba. Importing this module imports numba.

What it must do is written to be read in tests/decoding/reference_search.py, which it is tested against.

Prefixes are nodes of a tree that hold their context, so that a prefix has one identity however it is
reached, and what language model and hot words say of it is worked out once. An extension can only
coincide with a prefix that is already in the beam and whose parent is too: those few pairs are found
first, everything else is a new prefix, and none is ever looked up by its tokens.

Arrays are taken out of their tuples before the loops: inside, every access to a tuple would count a
reference up and down, which costs more than the search.
"""

from typing import NamedTuple

import numpy as np

from asr.decoding.compilation import njit
from asr.decoding.hotwords import EDGE
from asr.decoding.kernel_scores import lm_score, log_add
from asr.decoding.prefix_scorer import CHARACTER_LM, NO_LM, WORD_LM, PrefixScorer
from asr.decoding.search import Limits
from asr.language_model.ngram import END, UNKNOWN

_BLANK = 0


class PrefixTree(NamedTuple):
    """Prefixes, `(C,)` each for a capacity of C; prefix 0 is the empty one. Context of a prefix is what is known of
    it beside its acoustics, a function of its tokens alone.

    Attributes:
        parent, token: int32, the prefix without its last token, and that token; -1 for the empty one.
        first_child, next_sibling: int32, longer prefixes, as a list; -1 ends it.
        slot: int32, place in the beam when last there.
        node, lm_state, hot_state: int32.
        committed, lookahead: float64.
        in_word: bool.
        closed: float64, committed score once the open word closes; NaN until it is asked for.
        closed_state: int32, the language model's state then.
        next_score: `(C, V)` float64, a character model's weighted score of each token; column 0 is NaN
            until it is asked for. `(C, 1)` without one.
        next_state: int32 of the same shape, the state after it.
        size: `(1,)` int64, prefixes in use.
    """

    parent: np.ndarray
    token: np.ndarray
    first_child: np.ndarray
    next_sibling: np.ndarray
    slot: np.ndarray
    node: np.ndarray
    lm_state: np.ndarray
    hot_state: np.ndarray
    committed: np.ndarray
    lookahead: np.ndarray
    in_word: np.ndarray
    closed: np.ndarray
    closed_state: np.ndarray
    next_score: np.ndarray
    next_state: np.ndarray
    size: np.ndarray


class Beam(NamedTuple):
    """Two rows of K prefixes, best first: one is the beam, the other is being made.

    Attributes:
        prefix: `(2, K)` int32, in the tree.
        in_blank, in_token: `(2, K)` float64, natural log of all its paths that end in a blank, or in its last token.
        place: `(2,)` int64, which row is the beam, and how many prefixes it has.
    """

    prefix: np.ndarray
    in_blank: np.ndarray
    in_token: np.ndarray
    place: np.ndarray


def new_beam(limits: Limits) -> Beam:
    """A beam of the empty prefix."""
    shape = (2, limits.beam_width)
    beam = Beam(np.zeros(shape, np.int32), np.zeros(shape), np.zeros(shape), np.array([0, 1], np.int64))
    beam.in_token[0, 0] = -np.inf
    return beam


def new_tree(scorer: PrefixScorer, capacity: int) -> PrefixTree:
    """A tree of the empty prefix."""
    tree = _empty_tree(capacity, scorer.child.shape[1] if scorer.lm_kind == CHARACTER_LM else 1)
    tree.lm_state[0] = scorer.lm_start
    tree.hot_state[0] = scorer.hot.start
    tree.slot[0] = 0
    tree.size[0] = 1
    return tree


@njit(cache=True, nogil=True)
def _empty_tree(capacity: int, columns: int) -> PrefixTree:
    return PrefixTree(
        np.full(capacity, -1, np.int32),
        np.full(capacity, -1, np.int32),
        np.full(capacity, -1, np.int32),
        np.full(capacity, -1, np.int32),
        np.full(capacity, -1, np.int32),
        np.zeros(capacity, np.int32),
        np.zeros(capacity, np.int32),
        np.zeros(capacity, np.int32),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(capacity, np.bool_),
        np.full(capacity, np.nan),
        np.zeros(capacity, np.int32),
        np.full((capacity, columns), np.nan),
        np.zeros((capacity, columns), np.int32),
        np.zeros(1, np.int64),
    )


@njit(cache=True, nogil=True, inner=True)
def _score_characters(scorer: PrefixScorer, state: int, score: np.ndarray, state_after: np.ndarray) -> None:
    """A character model's weighted score `(V,)` of every token after a state, and the states after them."""
    log10_prob, suffix, log10_backoff = (
        scorer.lm.log10_prob,
        scorer.lm.suffix,
        scorer.lm.log10_backoff,
    )
    first_child, words = scorer.lm.first_child, scorer.lm.word
    token_word, word_token = scorer.token_word, scorer.word_token
    inner = log10_backoff.shape[0]
    tokens = score.shape[0]
    chain = np.empty(64, np.int32)
    length = 0
    at = state
    while at != 0:
        chain[length] = at
        length += 1
        at = suffix[at]
    # The shortest context first; what a longer one knows is written over it.
    for token in range(tokens):
        child = 1 + token_word[token]
        score[token] = log10_prob[child]
        state_after[token] = child if child < inner else suffix[child]
    for link in range(length - 1, -1, -1):
        at = chain[link]
        for token in range(tokens):
            score[token] += log10_backoff[at]
        for child in range(first_child[at], first_child[at + 1]):
            token = word_token[words[child]]
            if token >= 0:
                score[token] = log10_prob[child]
                state_after[token] = child if child < inner else suffix[child]
    for token in range(tokens):
        if token_word[token] == UNKNOWN:
            score[token], state_after[token] = lm_score(scorer.lm, state, UNKNOWN)
        score[token] *= scorer.lm_weight


@njit(cache=True, nogil=True, inner=True)
def _close_word(tree: PrefixTree, prefix: int, scorer: PrefixScorer) -> None:
    """Fill in `closed` and `closed_state`."""
    node = tree.node[prefix]
    committed, state = tree.committed[prefix], tree.lm_state[prefix]
    if scorer.lm_kind == WORD_LM:
        log10_prob, state = lm_score(scorer.lm, state, scorer.word[node])
        committed += scorer.lm_weight * max(log10_prob, scorer.floor[node])
    tree.closed[prefix] = committed + scorer.word_end_score[node]
    tree.closed_state[prefix] = state


# The best candidates of a frame lie in arrays `pool_...`; a heap of their rows has the worst on top. Of equal
# scores the candidate that came later is the worse.


@njit(cache=True, nogil=True, inner=True)
def _is_worse(score: np.ndarray, order: np.ndarray, left: int, right: int) -> bool:
    if score[left] != score[right]:
        return score[left] < score[right]
    return order[left] > order[right]


@njit(cache=True, nogil=True, inner=True)
def _sift_down(heap: np.ndarray, size: int, score: np.ndarray, order: np.ndarray) -> None:
    """Restore the heap after its top was replaced."""
    at = 0
    while True:
        worst = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < size and _is_worse(score, order, heap[child], heap[worst]):
                worst = child
        if worst == at:
            return
        heap[at], heap[worst] = heap[worst], heap[at]
        at = worst


@njit(cache=True, nogil=True, inner=True)
def _sift_up(heap: np.ndarray, at: int, score: np.ndarray, order: np.ndarray) -> None:
    """Restore the heap after an entry was added at its end."""
    while at > 0 and _is_worse(score, order, heap[at], heap[(at - 1) // 2]):
        above = (at - 1) // 2
        heap[at], heap[above] = heap[above], heap[at]
        at = above


@njit(cache=True, nogil=True, inner=True)
def _make_room(tree: PrefixTree, beam: Beam, needed: int) -> PrefixTree:
    """Drop prefixes that lead to nothing in the beam; grow when that frees too little."""
    size, now, count = tree.size[0], beam.place[0], beam.place[1]
    number = np.full(size, -1, np.int32)
    for slot in range(count):
        prefix = beam.prefix[now, slot]
        while prefix >= 0 and number[prefix] < 0:
            number[prefix] = 0
            prefix = tree.parent[prefix]
    kept = 0
    for prefix in range(size):
        if number[prefix] >= 0:
            number[prefix] = kept
            kept += 1
    capacity = tree.parent.shape[0]
    while capacity < 2 * (kept + needed):
        capacity *= 2
    fresh = _empty_tree(capacity, tree.next_score.shape[1])
    for prefix in range(size):  # parents come before their children
        new = number[prefix]
        if new < 0:
            continue
        if tree.parent[prefix] >= 0:
            above = number[tree.parent[prefix]]
            fresh.parent[new] = above
            fresh.next_sibling[new] = fresh.first_child[above]
            fresh.first_child[above] = new
        fresh.token[new] = tree.token[prefix]
        fresh.node[new] = tree.node[prefix]
        fresh.lm_state[new] = tree.lm_state[prefix]
        fresh.hot_state[new] = tree.hot_state[prefix]
        fresh.committed[new] = tree.committed[prefix]
        fresh.lookahead[new] = tree.lookahead[prefix]
        fresh.in_word[new] = tree.in_word[prefix]
        fresh.closed[new] = tree.closed[prefix]
        fresh.closed_state[new] = tree.closed_state[prefix]
        for column in range(tree.next_score.shape[1]):
            fresh.next_score[new, column] = tree.next_score[prefix, column]
            fresh.next_state[new, column] = tree.next_state[prefix, column]
    for slot in range(count):
        new = number[beam.prefix[now, slot]]
        beam.prefix[now, slot] = new
        fresh.slot[new] = slot
    fresh.size[0] = kept
    return fresh


@njit(cache=True, nogil=True, inner=True)
def _new_prefix(tree: PrefixTree, scorer: PrefixScorer, parent: int, token: int) -> int:
    """Add the extension of a prefix, with its context."""
    prefix = tree.size[0]
    tree.size[0] += 1
    tree.parent[prefix] = parent
    tree.token[prefix] = token
    tree.first_child[prefix] = -1
    tree.next_sibling[prefix] = tree.first_child[parent]
    tree.first_child[parent] = prefix
    tree.closed[prefix] = np.nan
    tree.next_score[prefix, 0] = np.nan
    committed, lm_state = tree.committed[parent], tree.lm_state[parent]
    lookahead, node, edge = 0.0, 0, EDGE
    if token == scorer.space:
        committed, lm_state = tree.closed[parent], tree.closed_state[parent]
    else:
        node = scorer.child[tree.node[parent], token]
        lookahead = scorer.ahead[node]
        edge = token
    if scorer.lm_kind == CHARACTER_LM:
        committed += tree.next_score[parent, token]
        lm_state = tree.next_state[parent, token]
    hot_state = scorer.hot.after[tree.hot_state[parent], edge]
    tree.node[prefix] = node
    tree.lm_state[prefix] = lm_state
    tree.hot_state[prefix] = hot_state
    tree.committed[prefix] = committed + scorer.hot.completed[hot_state]
    tree.lookahead[prefix] = lookahead + scorer.hot.lookahead[hot_state]
    tree.in_word[prefix] = token != scorer.space
    return prefix


@njit(cache=True, nogil=True)
def advance(
    log_probs: np.ndarray, scorer: PrefixScorer, limits: Limits, beam: Beam, tree: PrefixTree
) -> PrefixTree:
    """Take in the frames of `(T', V)` float32 log-probabilities, checked before.

    Args:
        log_probs: no NaN.
        scorer: see `prefix_scorer.build_prefix_scorer`.
        limits: see `search.Limits`; an int and two floats.
        beam: changed in place.
        tree: changed in place.

    Returns:
        The tree, or a larger one that takes its place.
    """
    width = beam.prefix.shape[1]
    frames, vocabulary = log_probs.shape
    # Recombined prefixes leave room for others, which wait in a pool twice as large.
    recombine = limits.recombine
    capacity = 2 * width if recombine else width
    space, has_characters = scorer.space, scorer.lm_kind == CHARACTER_LM
    child, ahead = scorer.child, scorer.ahead
    hot_after, hot_completed, hot_lookahead = scorer.hot.after, scorer.hot.completed, scorer.hot.lookahead
    beam_prefix, beam_blank, beam_token = beam.prefix, beam.in_blank, beam.in_token
    heap, ranks = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    pool_score, pool_acoustic = np.empty(capacity), np.empty(capacity)
    pool_order, pool_slot, pool_token = (
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
    )
    total, stay_blank, stay_token = np.empty(width), np.empty(width), np.empty(width)
    merged = np.zeros((width, vocabulary), np.bool_)
    tokens = np.empty(vocabulary, np.int64)
    for frame in range(frames):
        if tree.size[0] + capacity > tree.parent.shape[0]:
            tree = _make_room(tree, beam, capacity)
        parent, last_token, slot_of = tree.parent, tree.token, tree.slot
        first_child, next_sibling = tree.first_child, tree.next_sibling
        committed_of, lookahead_of, node_of = tree.committed, tree.lookahead, tree.node
        lm_of, hot_of, in_word = tree.lm_state, tree.hot_state, tree.in_word
        closed, next_score = tree.closed, tree.next_score
        row = log_probs[frame]
        candidates = 0
        for token in range(1, vocabulary):
            if row[token] >= limits.token_threshold and row[token] > -np.inf:
                tokens[candidates] = token
                candidates += 1
        now, count = beam.place[0], beam.place[1]
        prefixes, in_blank, in_token = beam_prefix[now], beam_blank[now], beam_token[now]
        for slot in range(count):
            total[slot] = log_add(in_blank[slot], in_token[slot])
        # Prefixes that stay as they are, and those that are also their parent's extension.
        size = 0
        for slot in range(count):
            prefix = prefixes[slot]
            stay_blank[slot] = total[slot] + row[_BLANK]
            stay_token[slot] = -np.inf
            if prefix > 0:
                token = last_token[prefix]
                stay_token[slot] = in_token[slot] + row[token]
                above = parent[prefix]
                place = slot_of[above]
                if place >= 0 and place < count and prefixes[place] == above:
                    merged[place, token] = True
                    if row[token] >= limits.token_threshold:
                        source = in_blank[place] if last_token[above] == token else total[place]
                        stay_token[slot] = log_add(stay_token[slot], source + row[token])
            score = log_add(stay_blank[slot], stay_token[slot]) + committed_of[prefix] + lookahead_of[prefix]
            if score > -np.inf:
                pool_score[size], pool_order[size], pool_slot[size], pool_token[size] = score, slot, slot, -1
                heap[size] = size
                _sift_up(heap, size, pool_score, pool_order)
                size += 1
        # New prefixes. Only their score is worked out here, as in `_new_prefix`.
        for slot in range(count):
            prefix = prefixes[slot]
            last = last_token[prefix]
            node, hot_state, committed = node_of[prefix], hot_of[prefix], committed_of[prefix]
            if has_characters and np.isnan(next_score[prefix, 0]):
                _score_characters(scorer, tree.lm_state[prefix], next_score[prefix], tree.next_state[prefix])
            for index in range(candidates):
                token = tokens[index]
                if merged[slot, token]:
                    continue
                acoustic = (in_blank[slot] if token == last else total[slot]) + row[token]
                if acoustic == -np.inf:
                    continue
                if token != space:
                    lookahead = ahead[child[node, token]]
                    hot = hot_after[hot_state, token]
                    extra = committed + next_score[prefix, token] if has_characters else committed
                    score = acoustic + (extra + hot_completed[hot]) + (lookahead + hot_lookahead[hot])
                elif in_word[prefix]:
                    if np.isnan(closed[prefix]):
                        _close_word(tree, prefix, scorer)
                    hot = hot_after[hot_state, EDGE]
                    extra = closed[prefix] + next_score[prefix, token] if has_characters else closed[prefix]
                    score = acoustic + (extra + hot_completed[hot]) + hot_lookahead[hot]
                else:
                    continue  # no space at the beginning or after another
                if score == -np.inf:
                    continue
                if size < capacity:
                    pool_row = size
                    heap[size] = size
                    size += 1
                elif score > pool_score[heap[0]]:
                    pool_row = heap[0]
                else:
                    continue
                pool_score[pool_row], pool_order[pool_row] = score, count + slot * vocabulary + token
                pool_slot[pool_row], pool_token[pool_row] = slot, token
                pool_acoustic[pool_row] = acoustic
                if pool_row == heap[0]:
                    _sift_down(heap, size, pool_score, pool_order)
                else:
                    _sift_up(heap, size - 1, pool_score, pool_order)
        for slot in range(count):
            prefix = prefixes[slot]
            if prefix > 0:
                place = slot_of[parent[prefix]]
                if place >= 0 and place < count:
                    merged[place, last_token[prefix]] = False
        # Take the heap apart, worst first, then keep what is near enough to the best.
        for rank in range(size - 1, -1, -1):
            ranks[rank] = heap[0]
            heap[0] = heap[rank]
            _sift_down(heap, rank, pool_score, pool_order)
        then = 1 - now
        kept = 0
        for rank in range(size):
            candidate = ranks[rank]
            if pool_score[candidate] < pool_score[ranks[0]] - limits.score_threshold:
                break
            slot, token = pool_slot[candidate], pool_token[candidate]
            prefix = prefixes[slot]
            if token < 0:
                blank_score, token_score = stay_blank[slot], stay_token[slot]
            else:
                longer = first_child[prefix]
                while longer >= 0 and last_token[longer] != token:
                    longer = next_sibling[longer]
                prefix = longer if longer >= 0 else _new_prefix(tree, scorer, prefix, token)
                blank_score, token_score = -np.inf, pool_acoustic[candidate]
            if recombine:
                token, node, lm_state, hot_state = (
                    last_token[prefix],
                    node_of[prefix],
                    lm_of[prefix],
                    hot_of[prefix],
                )
                committed = committed_of[prefix]
                is_dominated = False
                for other in range(kept):
                    better = beam_prefix[then, other]
                    if (
                        last_token[better] == token
                        and lm_of[better] == lm_state
                        and node_of[better] == node
                        and hot_of[better] == hot_state
                        and blank_score + committed <= beam_blank[then, other] + committed_of[better]
                        and token_score + committed <= beam_token[then, other] + committed_of[better]
                    ):
                        is_dominated = True
                        break
                if is_dominated:
                    continue
            beam_prefix[then, kept], beam_blank[then, kept], beam_token[then, kept] = (
                prefix,
                blank_score,
                token_score,
            )
            kept += 1
            if kept == width:
                break
        beam.place[0], beam.place[1] = then, kept
        for rank in range(kept):
            slot_of[beam_prefix[then, rank]] = rank
    return tree


@njit(cache=True, nogil=True)
def finish(beam: Beam, tree: PrefixTree, scorer: PrefixScorer) -> tuple[np.ndarray, np.ndarray]:
    """Acoustic and other score `(K,)` of each prefix as a whole text."""
    now, count = beam.place[0], beam.place[1]
    acoustic, other = np.empty(count), np.empty(count)
    for slot in range(count):
        prefix = beam.prefix[now, slot]
        acoustic[slot] = log_add(beam.in_blank[now, slot], beam.in_token[now, slot])
        committed, state = tree.committed[prefix], tree.lm_state[prefix]
        if tree.in_word[prefix]:
            if np.isnan(tree.closed[prefix]):
                _close_word(tree, prefix, scorer)
            committed, state = tree.closed[prefix], tree.closed_state[prefix]
            committed += scorer.hot.completed[scorer.hot.after[tree.hot_state[prefix], EDGE]]
        if scorer.lm_kind != NO_LM:
            log10_prob, _ = lm_score(scorer.lm, state, END)
            committed += scorer.lm_weight * log10_prob
        other[slot] = committed
    return acoustic, other
