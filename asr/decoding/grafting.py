"""Hot words of one request in a large lexicon: its arrays are copied, and nothing of them made anew.

Words that the lexicon has are favoured where they stand. The others, and phrases, are made into a small tree, whose nodes are
put between those of the large one.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np

from asr.decoding.lexicon import Trie
from asr.decoding.lexicon_scorer import LexiconScorer, build_lexicon_scorer, check_hot_words
from asr.decoding.prefix_scorer import Weights
from asr.decoding.pronunciation_lexicon import PronunciationLexicon
from asr.language_model.ngram import UNKNOWN, NgramModel


def graft_hot_words(
    lexicon: PronunciationLexicon,
    scorer: LexiconScorer,
    hot_words: Mapping[str, float],
    *,
    make: Callable[[Collection[str], Collection[str]], PronunciationLexicon],
    lm: NgramModel | None,
    weights: Weights,
    look_ahead: bool,
) -> tuple[PronunciationLexicon, LexiconScorer]:
    """The lexicon and its scorer with hot words.

    Args:
        lexicon: the words; it and its scorer stay as they are.
        scorer: of the lexicon, with the same language model, weights and look-ahead, without hot words.
        hot_words: phrase -> weight (natural log); below 0 a word is disfavoured, if the lexicon has it.
        make: some words, and phrases of several words -> a lexicon of these, of the same tokens.
        lm, weights, look_ahead: as `build_lexicon_scorer` takes them.

    Raises:
        DecodingError: as `make` and `build_lexicon_scorer`.
    """
    hot_words = check_hot_words(hot_words, {" ".join(phrase.split()) for phrase in hot_words})
    # The words of phrases count as known, too.
    single = {word: 0.0 for phrase in hot_words for word in phrase.split()}
    single |= {phrase: weight for phrase, weight in hot_words.items() if " " not in phrase}
    places = {word: lexicon.entries_of(word) for word in single}
    known = {entry: single[word] for word, entries in places.items() for entry in entries}
    scorer = _favoured(lexicon, scorer, known, lm=lm, weights=weights, look_ahead=look_ahead)
    new = [word for word, entries in places.items() if not entries and single[word] >= 0]
    phrases = [phrase for phrase in hot_words if " " in phrase]
    if not new and not phrases:
        return lexicon, scorer
    small = make(new, phrases)
    if lm is not None:
        small = small.linked(lm, strict=False)
    favoured = {word: single[word] for word in new} | {phrase: hot_words[phrase] for phrase in phrases}
    own = build_lexicon_scorer(small, lm=lm, weights=weights, hot_words=favoured, look_ahead=look_ahead)
    grafted = graft_lexicon(lexicon, small)
    trie, place = grafted.trie, _Places(lexicon.trie, small.trie)
    ahead = scorer.ahead.copy()
    for node, same in place.same.items():
        ahead[same] = max(ahead[same], own.ahead[node])
    return grafted, scorer._replace(
        first_child=trie.first_child,
        token=place.join(scorer.token, own.token),
        last_after=scorer.last_after if lexicon.separator else int(trie.first_child[1]),
        first_entry=trie.first_entry,
        entry=trie.entry,
        ahead=place.join(ahead, own.ahead),
        first_word=grafted.first_lm_word,
        lm_word=grafted.lm_word,
        floor=np.append(scorer.floor, own.floor),
        word_end_score=np.append(scorer.word_end_score, own.word_end_score),
    )


def _favoured(
    lexicon: PronunciationLexicon,
    scorer: LexiconScorer,
    entries: Mapping[int, float],
    *,
    lm: NgramModel | None,
    weights: Weights,
    look_ahead: bool,
) -> LexiconScorer:
    """The scorer with weights for entries of one word each, which are no unknown words."""
    if not entries:
        return scorer
    word_end_score, floor, ahead = scorer.word_end_score.copy(), scorer.floor.copy(), scorer.ahead.copy()
    trie = lexicon.trie
    by_word = lm is not None and not lm.is_character_level
    for entry, weight in entries.items():
        word_end_score[entry] += weight
        value = word_end_score[entry] - weights.word_bonus
        if lm is not None and by_word:
            at = int(scorer.first_word[entry])
            if scorer.lm_word[at] == UNKNOWN:
                floor[at] = -math.log10(len(lm.words))
                word_end_score[entry] -= weights.unknown_penalty
                value -= weights.unknown_penalty
            value += scorer.lm_weight * max(float(lm.arrays.log10_prob[1 + scorer.lm_word[at]]), floor[at])
        node = 0
        # Of a word that is disfavoured, an open word may be lent too much: that decides what is dropped, and never a score.
        for token in lexicon.tokens_of(entry)[0] if look_ahead else ():
            first, last = trie.first_child[node], trie.first_child[node + 1]
            node = int(first + np.searchsorted(trie.token[first:last], token))
            ahead[node] = max(ahead[node], value)
    return scorer._replace(word_end_score=word_end_score, floor=floor, ahead=ahead)


def graft_lexicon(lexicon: PronunciationLexicon, more: PronunciationLexicon) -> PronunciationLexicon:
    """The entries of both, those of `more` behind; tokens and language model are the same."""
    tree, small = lexicon.trie, more.trie
    place = _Places(tree, small)
    children, ends = np.diff(tree.first_child), np.diff(tree.first_entry)
    more_ends = np.diff(small.first_entry)
    at = np.zeros(
        len(more), np.int64
    )  # of each entry of the small tree, its place among those of the large one
    for node in range(1, len(small.token)):
        parent = int(place.parent[node])
        if node not in place.same and parent in place.same:
            children[place.same[parent]] += 1
        if node in place.same:
            ends[place.same[node]] += more_ends[node]
        after = place.same[node] + 1 if node in place.same else place.before[node]
        at[small.first_entry[node] : small.first_entry[node + 1]] = tree.first_entry[after]
    children = place.join(children, np.diff(small.first_child))
    trie = Trie(
        np.cumsum(np.append(1, children)).astype(np.int32),
        place.join(tree.token, small.token),
        np.cumsum(np.append(0, place.join(ends, more_ends))).astype(np.int32),
        np.insert(tree.entry, at, small.entry + len(lexicon)),
    )
    return replace(
        lexicon,
        trie=trie,
        first_word=_end_to_end(lexicon.first_word, more.first_word),
        text=bytes(lexicon.text) + b"\n" + bytes(more.text),
        first_byte=_end_to_end(lexicon.first_byte, more.first_byte),
        tokens=np.append(lexicon.tokens, more.tokens),
        first_token=_end_to_end(lexicon.first_token, more.first_token),
        lm_word=np.append(lexicon.lm_word, more.lm_word),
        first_lm_word=_end_to_end(lexicon.first_lm_word, more.first_lm_word),
    )


def _end_to_end(first: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Where parts begin that stand behind others; each array ends with where a next one would begin."""
    return np.append(first, more[1:] + first[-1])


class _Places:
    """Where the nodes of a small tree go in a large one. In both, the nodes of a depth have the order of their token sequences,
    so that those of the small tree come one after the other.

    Attributes:
        parent: of each node of the small tree but the root.
        same: nodes of the small tree -> the nodes of the large one that have the same tokens.
        before: the other nodes of the small tree -> the node of the large one that each is put before.
    """

    def __init__(self, tree: Trie, small: Trie) -> None:
        self.parent = np.append(-1, np.repeat(np.arange(len(small.token)), np.diff(small.first_child)))
        self.same, self.before = {0: 0}, dict[int, int]()
        for node in range(1, len(small.token)):
            parent, token = int(self.parent[node]), small.token[node]
            if parent in self.before:
                self.before[node] = int(tree.first_child[self.before[parent]])
                continue
            first, last = tree.first_child[self.same[parent]], tree.first_child[self.same[parent] + 1]
            at = int(first + np.searchsorted(tree.token[first:last], token))
            is_there = at < last and tree.token[at] == token
            (self.same if is_there else self.before)[node] = at

    def join(self, values: np.ndarray, more: np.ndarray) -> np.ndarray:
        """Values of the large tree's nodes, and of the small one's where these are new, in the order of the joined tree."""
        return np.insert(values, list(self.before.values()), more[list(self.before)])
