"""The two beam searches, written to be read: what the compiled ones must do, and are tested against.

First the search over letters. A prefix keeps two log-probabilities: of all paths that spell it and end in a blank, and of those that end
in its last token (Graves 2006; Hannun et al. 2014, algorithm 1). What language model, lexicon and hot words
say of the prefix is its `Context`, a function of its tokens alone. Prefixes are ranked by the sum of both.

Then the search through pronunciations (from `Said` on), whose hypotheses are words said and a place in the tree of
pronunciations. No frame is spent on the end of a word.
"""

import math
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.decoding.hotwords import EDGE
from asr.decoding.lexicon_scorer import LexiconScorer
from asr.decoding.prefix_scorer import CHARACTER_LM, WORD_LM, PrefixScorer
from asr.decoding.search import Limits
from asr.language_model.ngram import END, UNKNOWN, NgramArrays

NEVER = -math.inf


class Context(NamedTuple):
    """What is known of a prefix beside its acoustics.

    Attributes:
        node: of the word tree, where the open word stands; -1 off the tree.
        lm_state: of the language model.
        hot_state: of the hot words' automaton.
        settled: score of what can no longer change (natural log).
        lent: score given in advance to the open word and the open hot phrase.
        in_word: whether a word is open.
    """

    node: int
    lm_state: int
    hot_state: int
    settled: float
    lent: float
    in_word: bool


class Prefix(NamedTuple):
    """A prefix in the beam: log-probabilities of its paths, by how they end, and its context."""

    in_blank: float
    in_token: float
    context: Context

    @property
    def acoustic(self) -> float:
        """ln P of all its paths."""
        return log_add(self.in_blank, self.in_token)

    @property
    def score(self) -> float:
        """What it is ranked by."""
        return self.acoustic + self.context.settled + self.context.lent


Beam = dict[tuple[int, ...], Prefix]


def start(scorer: PrefixScorer) -> Beam:
    """The beam before the first frame: the empty prefix."""
    context = Context(0, scorer.lm_start, scorer.hot.start, 0.0, 0.0, False)
    return {(): Prefix(0.0, NEVER, context)}


def advance(beam: Beam, log_probs: np.ndarray, scorer: PrefixScorer, limits: Limits) -> Beam:
    """The beam after the frames of `(T', V)` natural-log probabilities, best prefix first."""
    for frame in log_probs.astype(np.float64).tolist():
        # Every prefix stays as it is, by a blank or by its last token once more ...
        grown: Beam = {
            tokens: Prefix(
                prefix.acoustic + frame[BLANK],
                prefix.in_token + frame[tokens[-1]] if tokens else NEVER,
                prefix.context,
            )
            for tokens, prefix in beam.items()
        }
        # ... and is extended by every token, which after itself needs a blank in between.
        for tokens, prefix in beam.items():
            for token, log_prob in enumerate(frame):
                if token == BLANK or log_prob < limits.token_threshold:
                    continue
                source = prefix.in_blank if tokens and token == tokens[-1] else prefix.acoustic
                if source + log_prob == NEVER:
                    continue
                longer = (*tokens, token)
                if longer in grown:
                    same = grown[longer]
                    in_token = log_add(same.in_token, source + log_prob)
                    grown[longer] = Prefix(same.in_blank, in_token, same.context)
                else:
                    context = extend(prefix.context, token, scorer)
                    if context is not None:
                        grown[longer] = Prefix(NEVER, source + log_prob, context)
        best = max((prefix.score for prefix in grown.values()), default=NEVER)
        # Equal scores keep their order: prefixes that stay, then extensions, each by rank and token.
        ranked = sorted(grown.items(), key=lambda item: -item[1].score)
        beam = {}
        for tokens, prefix in ranked[: 2 * limits.beam_width if limits.recombine else limits.beam_width]:
            if prefix.score == NEVER or prefix.score < best - limits.score_threshold:
                break
            if limits.recombine and any(is_dominated((tokens, prefix), other) for other in beam.items()):
                continue
            if len(beam) < limits.beam_width:
                beam[tokens] = prefix
    return beam


def is_dominated(item: tuple[tuple[int, ...], Prefix], other: tuple[tuple[int, ...], Prefix]) -> bool:
    """Whether nothing that follows can make the first prefix better than the other."""
    (tokens, prefix), (other_tokens, better) = item, other
    context, same = prefix.context, better.context
    return (
        tokens[-1:] == other_tokens[-1:]
        and (context.node, context.lm_state, context.hot_state) == (same.node, same.lm_state, same.hot_state)
        and prefix.in_blank + context.settled <= better.in_blank + same.settled
        and prefix.in_token + context.settled <= better.in_token + same.settled
    )


def extend(context: Context, token: int, scorer: PrefixScorer) -> Context | None:
    """The context of a prefix with one token more; None where the lexicon or a space before it forbids it."""
    settled, lm_state, lent = context.settled, context.lm_state, 0.0
    if token == scorer.space:
        if not context.in_word:
            return None  # no space at the beginning or after another: a text has one spelling
        closed = close_word(context, scorer)
        if closed is None:
            return None
        settled, lm_state = closed
        node, edge = 0, EDGE
    else:
        node = int(scorer.child[context.node, token]) if context.node >= 0 else -1
        if node < 0 and scorer.constrained:
            return None
        lent = float(scorer.ahead[node]) if node >= 0 else scorer.unknown_ahead
        edge = token
    if scorer.lm_kind == CHARACTER_LM:
        log10_prob, lm_state = lm_score(scorer.lm, lm_state, int(scorer.token_word[token]))
        settled += scorer.lm_weight * log10_prob
    hot_state = int(scorer.hot.after[context.hot_state, edge])
    settled += float(scorer.hot.earned[hot_state])
    lent += float(scorer.hot.lent[hot_state])
    return Context(node, lm_state, hot_state, settled, lent, token != scorer.space)


def close_word(context: Context, scorer: PrefixScorer) -> tuple[float, int] | None:
    """Settled score and language model state once the open word is complete; None where it is no word."""
    settled, lm_state = context.settled, context.lm_state
    word, closing, least = -1, 0.0, NEVER
    if context.node >= 0:
        word = int(scorer.word[context.node])
        closing, least = float(scorer.closing[context.node]), float(scorer.least[context.node])
    if word < 0:
        if scorer.constrained:
            return None
        word, closing, least = UNKNOWN, scorer.unknown_closing, NEVER
    if scorer.lm_kind == WORD_LM:
        log10_prob, lm_state = lm_score(scorer.lm, lm_state, word)
        settled += scorer.lm_weight * max(log10_prob, least)
    return settled + closing, lm_state


def finish(context: Context, scorer: PrefixScorer) -> float | None:
    """What is added to the acoustics of a prefix at the end; None where its last word is no word."""
    settled, lm_state = context.settled, context.lm_state
    if context.in_word:
        closed = close_word(context, scorer)
        if closed is None:
            return None
        settled, lm_state = closed
        settled += float(scorer.hot.earned[scorer.hot.after[context.hot_state, EDGE]])
    if scorer.lm_kind in (WORD_LM, CHARACTER_LM):
        settled += scorer.lm_weight * lm_score(scorer.lm, lm_state, END)[0]
    return settled


def lm_score(lm: NgramArrays, state: int, word: int) -> tuple[float, int]:
    """log10 P(word | state) and the state after it, as `NgramModel.score`, on the arrays alone."""
    backoff = 0.0
    while True:
        if state == 0:
            child = 1 + word
        else:
            first, last = int(lm.first_child[state]), int(lm.first_child[state + 1])
            child = first + int(np.searchsorted(lm.word[first:last], word))
            if child == last or lm.word[child] != word:
                child = -1
        if child >= 0:
            after = child if child < len(lm.log10_backoff) else int(lm.suffix[child])
            return backoff + float(lm.log10_prob[child]), after
        backoff += float(lm.log10_backoff[state])
        state = int(lm.suffix[state])


def log_add(left: float, right: float) -> float:
    """ln(e^left + e^right)."""
    if left < right:
        left, right = right, left
    return left if right == NEVER else left + math.log1p(math.exp(right - left))


class Said(NamedTuple):
    """A hypothesis of the search through pronunciations: its words, as entries of the lexicon, and natural logs of all
    paths so far that end in a blank, or in the phone of the node, times what the language model says of the words."""

    entries: tuple[int, ...]
    in_blank: float
    in_token: float


# By what tells hypotheses apart (the words, or with `recombine` the language model's state), and the node where the
# open word stands.
SpokenBeam = dict[tuple[object, int], Said]


def start_words(scorer: LexiconScorer, limits: Limits) -> SpokenBeam:
    """The beam before the first frame: nothing said, at the root."""
    return {(_told_apart_by((), scorer, limits), 0): Said((), 0.0, NEVER)}


def advance_words(
    beam: SpokenBeam, log_probs: np.ndarray, scorer: LexiconScorer, limits: Limits
) -> SpokenBeam:
    """The beam after the frames of `(T', P)` natural-log probabilities; `limits.score_threshold` is taken for infinite."""
    for frame in log_probs.astype(np.float64).tolist():
        grown: SpokenBeam = {}

        for (_, node), (entries, in_blank, in_token) in beam.items():
            total, own = log_add(in_blank, in_token), int(scorer.phone[node])
            # It stays, by a blank or by its last phone once more ...
            stays = Said(entries, total + frame[BLANK], in_token + frame[own] if own else NEVER)
            _add(grown, (_told_apart_by(entries, scorer, limits), node), stays)
            # ... or goes on by a phone, further down the tree or, once for each word that ends here, from its root.
            ends = scorer.entry[scorer.first_entry[node] : scorer.first_entry[node + 1]].tolist()
            for begin, said in [(node, entries), *((0, (*entries, entry)) for entry in ends)]:
                gain = score_words(said, scorer)[0] - score_words(entries, scorer)[0]
                for phone, log_prob in enumerate(frame):
                    after = int(scorer.child[begin, phone])
                    if phone != BLANK and log_prob >= limits.token_threshold and after >= 0:
                        source = in_blank if phone == own else total
                        if source + log_prob > NEVER:
                            goes_on = Said(said, NEVER, source + gain + log_prob)
                            _add(grown, (_told_apart_by(said, scorer, limits), after), goes_on)
        ranks = {
            key: log_add(said.in_blank, said.in_token) + float(scorer.ahead[key[1]])
            for key, said in grown.items()
        }
        least = sorted(ranks.values(), reverse=True)[: limits.beam_width][-1]
        kept = [key for key, rank in ranks.items() if rank >= least and rank > NEVER][: limits.beam_width]
        beam = {key: grown[key] for key in kept}
    return beam


def _add(grown: SpokenBeam, key: tuple[object, int], said: Said) -> None:
    """Hypotheses of the same words are one; of others that the future cannot tell apart, the better one stays."""
    other = grown.get(key)
    if other is None or other.entries == said.entries:
        before = other or Said(said.entries, NEVER, NEVER)
        in_blank, in_token = log_add(before.in_blank, said.in_blank), log_add(before.in_token, said.in_token)
        grown[key] = Said(said.entries, in_blank, in_token)
    elif log_add(said.in_blank, said.in_token) > log_add(other.in_blank, other.in_token):
        grown[key] = said


def score_words(entries: tuple[int, ...], scorer: LexiconScorer) -> tuple[float, int]:
    """What everything but the acoustics says of words so far, and the language model's state after them."""
    settled, state = 0.0, scorer.lm_start
    for entry in entries:
        settled += float(scorer.closing[entry])
        for at in range(scorer.first_word[entry], scorer.first_word[entry + 1]):
            if scorer.has_lm:
                log10_prob, state = lm_score(scorer.lm, state, int(scorer.lm_word[at]))
                settled += scorer.lm_weight * max(log10_prob, float(scorer.least[at]))
    return settled, state


def _told_apart_by(entries: tuple[int, ...], scorer: LexiconScorer, limits: Limits) -> object:
    return score_words(entries, scorer)[1] if limits.recombine else entries
