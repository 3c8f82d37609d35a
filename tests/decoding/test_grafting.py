"""Hot words put into a lexicon that is there already."""

import numpy as np
import pytest

from asr.decoding.grafting import graft_hot_words, graft_lexicon
from asr.decoding.lexicon import best_in_subtree
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.prefix_scorer import Weights
from asr.decoding.pronunciation_lexicon import build_pronunciation_lexicon
from asr.decoding.search import Limits
from asr.errors import DecodingError
from asr.language_model.estimate import estimate

PHONES = ["a", "b", "c"]
SAID = {
    "CAB": [["c", "a", "b"]],
    "AB": [["a", "b"], ["b"]],
    "BE": [["b"]],
    "A": [["a"]],
    "CABA": [["c", "a", "b", "a"]],
}
NEW = {"BABA": [["b", "a", "b", "a", "c"]], "CAB": SAID["CAB"]}
LM = estimate([["CAB", "A"], ["AB", "BE", "A"], ["CABA"]], order=2)
WEIGHTS = Weights(0.7, 0.4, -3.0)


def sequences(lexicon) -> dict[int, list[int]]:
    """The tokens of each entry, walked through the tree."""
    found, trie, queue = {}, lexicon.trie, [(0, [])]
    for node, before in queue:
        own = trie.entry[trie.first_entry[node] : trie.first_entry[node + 1]]
        found |= {int(entry): before for entry in own}
        queue += [
            (child, [*before, int(trie.token[child])])
            for child in range(trie.first_child[node], trie.first_child[node + 1])
        ]
    assert len(queue) == len(trie.token)
    return found


@pytest.mark.parametrize("left", [SAID, NEW])
def test_the_joined_tree_holds_the_entries_of_both(left):
    right = NEW if left is SAID else SAID
    base = build_pronunciation_lexicon(left, PHONES, source="test")
    more = build_pronunciation_lexicon(right, PHONES, phrases=["CAB CAB"], source="test")
    both = graft_lexicon(base, more)
    assert both.texts() == base.texts() + more.texts()
    spelled = {entry: both.spell([entry]) for entry in range(len(both))}
    assert sequences(both) == spelled
    assert list(spelled.values()) == [one.spell([entry]) for one in (base, more) for entry in range(len(one))]
    values = np.random.default_rng(0).normal(size=len(both))
    assert best_in_subtree(both.trie, values)[0] == values.max()
    assert both.entries_of("CAB") == base.entries_of("CAB") + [
        len(base) + at for at in more.entries_of("CAB")
    ]
    assert both.entries_of("CA") == []


@pytest.mark.parametrize("lm", [None, LM])
@pytest.mark.parametrize(
    "hot", [{"CAB": 2.0}, {"BABA": 3.0, "BE": -1.5, "A": 0.5}, {"BABA CAB": 4.0}, {"AB": -2.0}]
)
def test_texts_score_as_with_a_lexicon_made_anew(lm, hot):
    known = SAID | {word: NEW["BABA"] for phrase in hot for word in phrase.split() if word == "BABA"}
    whole = build_pronunciation_lexicon(known, PHONES, phrases=hot, source="test")
    anew = build_lexicon_scorer(whole, lm=lm, weights=WEIGHTS, hot_words=hot)
    base = build_pronunciation_lexicon(SAID, PHONES, source="test")
    base = base if lm is None else base.linked(lm)
    plain = build_lexicon_scorer(base, lm=lm, weights=WEIGHTS)
    before = [part.copy() for part in plain if isinstance(part, np.ndarray)]

    def make(words, phrases):
        parts = {word for phrase in phrases for word in phrase.split()} - set(words)
        ways = {word: (SAID | NEW)[word] for word in [*words, *sorted(parts)]}
        return build_pronunciation_lexicon(ways, PHONES, phrases=phrases, within=parts, source="test")

    lexicon, scorer = graft_hot_words(base, plain, hot, make=make, lm=lm, weights=WEIGHTS, look_ahead=True)
    everything = Limits(beam_width=5000)
    generator = np.random.default_rng(7)
    for frames in (0, 3, 8):
        log_probs = generator.normal(size=(frames, 4)) * 2
        log_probs = (log_probs - np.log(np.exp(log_probs).sum(1, keepdims=True))).astype(np.float32)
        wanted, found = (
            {search.text(one): one.score for one in search.search(log_probs, n_best=20)}
            for search in (
                LexiconBeamSearch(whole, anew, limits=everything),
                LexiconBeamSearch(lexicon, scorer, limits=everything),
            )
        )
        assert found == pytest.approx(wanted)
    for part, was in zip([part for part in plain if isinstance(part, np.ndarray)], before, strict=True):
        assert np.array_equal(part, was)


def test_a_phrase_of_several_words_cannot_be_disfavoured():
    base = build_pronunciation_lexicon(SAID, PHONES, source="test")
    with pytest.raises(DecodingError, match="favoured, not disfavoured"):
        graft_hot_words(
            base,
            build_lexicon_scorer(base),
            {"CAB A": -1.0},
            make=lambda *_: base,
            lm=None,
            weights=Weights(),
            look_ahead=True,
        )
