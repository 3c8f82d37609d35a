"""The two beam searches, written to be read: what the compiled ones must do, and are tested against.

First the search for any spelling. A prefix keeps two log-probabilities: of all paths that spell it and end in a blank, and of those that end
in its last token (Graves 2006; Hannun et al. 2014, algorithm 1). What language model and hot words
say of the prefix is its `Context`, a function of its tokens alone. Prefixes are ranked by the sum of both.

Then the search through a lexicon (from `Said` on), whose hypotheses are words said and a place in the tree of their
pronunciations or spellings.
"""

import math
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.decoding.hotwords import EDGE
from asr.decoding.lexicon_scorer import LexiconScorer
from asr.decoding.prefix_scorer import CHARACTER_LM, WORD_LM, PrefixScorer
from asr.decoding.search import Limits
from asr.language_model.ngram import END, NgramArrays

NEVER = -math.inf


class Context(NamedTuple):
    """What is known of a prefix beside its acoustics.

    Attributes:
        node: of the word tree, where the open word stands; the last is for all that leaves the tree.
        lm_state: of the language model.
        hot_state: of the hot words' automaton.
        committed: score of what can no longer change (natural log).
        lookahead: score given in advance to the open word and the open hot phrase.
        in_word: whether a word is open.
    """

    node: int
    lm_state: int
    hot_state: int
    committed: float
    lookahead: float
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
        return self.acoustic + self.context.committed + self.context.lookahead


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
        and prefix.in_blank + context.committed <= better.in_blank + same.committed
        and prefix.in_token + context.committed <= better.in_token + same.committed
    )


def extend(context: Context, token: int, scorer: PrefixScorer) -> Context | None:
    """The context of a prefix with one token more; None where a space before it forbids it."""
    committed, lm_state, lookahead = context.committed, context.lm_state, 0.0
    if token == scorer.space:
        if not context.in_word:
            return None  # no space at the beginning or after another: a text has one spelling
        committed, lm_state = close_word(context, scorer)
        node, edge = 0, EDGE
    else:
        node = int(scorer.child[context.node, token])
        lookahead = float(scorer.ahead[node])
        edge = token
    if scorer.lm_kind == CHARACTER_LM:
        log10_prob, lm_state = lm_score(scorer.lm, lm_state, int(scorer.token_word[token]))
        committed += scorer.lm_weight * log10_prob
    hot_state = int(scorer.hot.after[context.hot_state, edge])
    committed += float(scorer.hot.completed[hot_state])
    lookahead += float(scorer.hot.lookahead[hot_state])
    return Context(node, lm_state, hot_state, committed, lookahead, token != scorer.space)


def close_word(context: Context, scorer: PrefixScorer) -> tuple[float, int]:
    """Committed score and language model state once the open word is complete."""
    node, committed, lm_state = context.node, context.committed, context.lm_state
    if scorer.lm_kind == WORD_LM:
        log10_prob, lm_state = lm_score(scorer.lm, lm_state, int(scorer.word[node]))
        committed += scorer.lm_weight * max(log10_prob, float(scorer.floor[node]))
    return committed + float(scorer.word_end_score[node]), lm_state


def finish(context: Context, scorer: PrefixScorer) -> float:
    """What is added to the acoustics of a prefix at the end."""
    committed, lm_state = context.committed, context.lm_state
    if context.in_word:
        committed, lm_state = close_word(context, scorer)
        committed += float(scorer.hot.completed[scorer.hot.after[context.hot_state, EDGE]])
    if scorer.lm_kind in (WORD_LM, CHARACTER_LM):
        committed += scorer.lm_weight * lm_score(scorer.lm, lm_state, END)[0]
    return committed


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


# By the language model's state after the words, and the node where the open word stands: the future can tell nothing
# else apart.
SpokenBeam = dict[tuple[int, int], Said]


def start_words(scorer: LexiconScorer) -> SpokenBeam:
    """The beam before the first frame: nothing said, at the root."""
    return {(scorer.lm_start, 0): Said((), 0.0, NEVER)}


def advance_words(
    beam: SpokenBeam, log_probs: np.ndarray, scorer: LexiconScorer, limits: Limits
) -> SpokenBeam:
    """The beam after the frames of `(T', V)` natural-log probabilities; `limits.score_threshold` is taken for infinite."""
    after_word = range(scorer.first_after, scorer.last_after)
    for frame in log_probs.astype(np.float64).tolist():
        grown: SpokenBeam = {}
        # Every hypothesis stays, by a blank or by its last token once more ...
        for (state, node), (entries, in_blank, in_token) in beam.items():
            own = int(scorer.token[node])
            total = log_add(in_blank, in_token)
            grown[state, node] = Said(entries, total + frame[BLANK], in_token + frame[own] if own else NEVER)
        # What scores below all of them cannot stay in a beam that they fill.
        ranks = [rank(said, node, scorer) for (_, node), said in grown.items()]
        floor = min(ranks) if len(beam) == limits.beam_width else NEVER
        # ... or goes on by a token, further down the tree or, once for each word that ends here, after that.
        for (_, node), (entries, in_blank, in_token) in best_first(beam, ranks):
            total, own = log_add(in_blank, in_token), int(scorer.token[node])
            ends = scorer.entry[scorer.first_entry[node] : scorer.first_entry[node + 1]].tolist()
            further = range(int(scorer.first_child[node]), int(scorer.first_child[node + 1]))
            for nodes, said in [(further, entries), *((after_word, (*entries, entry)) for entry in ends)]:
                score, state = score_words(said, scorer)
                gain = score - score_words(entries, scorer)[0]
                for after in nodes:
                    token = int(scorer.token[after])
                    if frame[token] >= limits.token_threshold:
                        source = in_blank if token == own else total
                        goes_on = Said(said, NEVER, source + gain + frame[token])
                        if goes_on.in_token > NEVER and rank(goes_on, after, scorer) >= floor:
                            _add(grown, (state, after), goes_on)
        final = {key: rank(said, key[1], scorer) for key, said in grown.items()}
        least = sorted(final.values(), reverse=True)[: limits.beam_width][-1]
        kept = [key for key, value in final.items() if value >= least and value > NEVER][: limits.beam_width]
        beam = {key: grown[key] for key in kept}
    return beam


def rank(said: Said, node: int, scorer: LexiconScorer) -> float:
    """What hypotheses are measured by."""
    return log_add(said.in_blank, said.in_token) + float(scorer.ahead[node])


def best_first(beam: SpokenBeam, ranks: list[float]) -> list[tuple[tuple[int, int], Said]]:
    """The hypotheses in order, from the best on and round."""
    items = list(beam.items())
    leader = ranks.index(max(ranks)) if ranks else 0
    return items[leader:] + items[:leader]


def _add(grown: SpokenBeam, key: tuple[int, int], said: Said) -> None:
    """Hypotheses of the same words are one; of others the better one stays."""
    other = grown.get(key)
    if other is None:
        grown[key] = said
    elif other.entries == said.entries:
        grown[key] = Said(said.entries, other.in_blank, log_add(other.in_token, said.in_token))
    elif said.in_token > log_add(other.in_blank, other.in_token):
        grown[key] = said


def score_words(entries: tuple[int, ...], scorer: LexiconScorer) -> tuple[float, int]:
    """What everything but the acoustics says of words so far, and the language model's state after them."""
    committed, state = 0.0, scorer.lm_start
    for number, entry in enumerate(entries):
        committed += float(scorer.word_end_score[entry])
        if scorer.lm_separator >= 0 and number > 0:
            log10_prob, state = lm_score(scorer.lm, state, scorer.lm_separator)
            committed += scorer.lm_weight * log10_prob
        for at in range(int(scorer.first_word[entry]), int(scorer.first_word[entry + 1])):
            if scorer.has_lm:
                log10_prob, state = lm_score(scorer.lm, state, int(scorer.lm_word[at]))
                committed += scorer.lm_weight * max(log10_prob, float(scorer.floor[at]))
    return committed, state
