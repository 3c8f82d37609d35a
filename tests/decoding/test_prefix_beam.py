"""The beam search over letters against brute force over all paths, and against the search written to be read."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import reference_search
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.decoding.alphabet import Alphabet
from asr.decoding.greedy import greedy_path
from asr.decoding.kernel_arrays import spell
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.prefix_beam import PrefixBeamSearch, PrefixBeamStream
from asr.decoding.prefix_scorer import Weights, build_prefix_scorer
from asr.decoding.pronunciation_lexicon import build_spelling_lexicon
from asr.decoding.search import Limits, Search
from asr.decoding.threads import in_threads
from asr.errors import DecodingError
from asr.language_model.estimate import estimate

ALPHABET = Alphabet(("", " ", "A", "B", "C"))
TEXT = [["A", "AB"], ["AB", "C", "A"], ["C", "B"], ["BA", "A"], ["A", "A"]] * 3
WORD_LM = estimate(TEXT, order=3)
CHARACTER_LM = estimate([list("|".join(words)) for words in TEXT], order=4)
LEXICON = ["A", "AB", "C", "BA", "CC"]
HOT = {"CB": 3.0, "C B": 2.0, "B C": 1.5, "BAB": 4.0, "AB": -1.0}
EVERYTHING = Limits(100_000)

KNOWLEDGE = {
    "nothing": {},
    "word bonus": {"weights": Weights(word_bonus=0.7)},
    "hot words": {"hot_words": HOT},
    "word model": {"lm": WORD_LM, "weights": Weights(0.8, 0.5, -2.0)},
    "word model, look-ahead": {"lm": WORD_LM, "weights": Weights(0.8, 0.5, -2.0), "look_ahead": True},
    "word model and hot words": {"lm": WORD_LM, "weights": Weights(0.8, 0.5, -2.0), "hot_words": HOT},
    "character model": {"lm": CHARACTER_LM, "weights": Weights(0.6, 0.2)},
    "character model and hot words": {"lm": CHARACTER_LM, "hot_words": HOT},
}


def emission(
    seed: int, frames: int, *, tokens: int = len(ALPHABET.symbols), sharpness: float = 2.0
) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(frames, tokens)) * sharpness
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def prefixes(stream: PrefixBeamStream) -> list[tuple[tuple[int, ...], float]]:
    """Every prefix in the beam, best first, with the score that it is ranked by (natural log)."""
    row, count = stream._beam.place.tolist()
    prefixes = stream._beam.prefix[row, :count]
    acoustic = np.logaddexp(stream._beam.in_blank[row, :count], stream._beam.in_token[row, :count])
    scores = acoustic + stream._tree.committed[prefixes] + stream._tree.lookahead[prefixes]
    spelled = [
        tuple(spell(stream._tree.parent, stream._tree.token, int(prefix)).tolist()) for prefix in prefixes
    ]
    return list(zip(spelled, scores.tolist(), strict=True))


def text_of(tokens) -> str:
    return "".join(ALPHABET.symbols[token] for token in tokens)


def extra_score(text: str, known: dict) -> float:
    """What everything but the acoustics says of a text, from the text alone."""
    weights, lm, lexicon, hot = (
        known.get("weights", Weights()),
        known.get("lm"),
        known.get("lexicon"),
        known.get("hot_words", {}),
    )
    words = text.split()
    hot_single = {word for phrase in hot for word in phrase.split()}
    if lexicon is not None and not set(words) <= {*lexicon, *hot_single}:
        return -math.inf
    total = weights.word_bonus * len(words)
    for phrase, weight in hot.items():
        length = len(phrase.split())
        total += weight * sum(words[at : at + length] == phrase.split() for at in range(len(words)))
    if lm is WORD_LM:
        scores = lm.score_words(words)
        for at, word in enumerate(words):
            if word not in lm.index and word in hot_single:
                scores[at] = max(scores[at], -math.log(len(lm.words)))
            elif word not in lm.index:
                total += weights.unknown_penalty
        total += weights.lm * sum(scores)
    elif lm is CHARACTER_LM:
        # In a search through a lexicon a space at the end is no part of the text.
        spelled = "|".join(words) + ("|" if words and text.endswith(" ") and lexicon is None else "")
        total += weights.lm * sum(lm.score_words(list(spelled)))
    return total


def brute_force(log_probs: np.ndarray, known: dict) -> dict[str, float]:
    """Score of every text: each token sequence's paths summed; the best sequence of a text counts."""
    mass: dict[tuple[int, ...], float] = defaultdict(float)
    frames, tokens = log_probs.shape
    for path in itertools.product(range(tokens), repeat=frames):
        prob = math.exp(sum(float(log_probs[frame, token]) for frame, token in enumerate(path)))
        mass[tuple(token for token, _ in itertools.groupby(path) if token)] += prob
    found: dict[str, float] = {}
    for sequence, prob in mass.items():
        raw = text_of(sequence)
        if prob > 0 and not raw.startswith(" ") and "  " not in raw:
            score = math.log(prob) + extra_score(raw, known)
            text = " ".join(raw.split())
            if score > -math.inf:
                found[text] = max(found.get(text, -math.inf), score)
    return found


CLOSED = {
    "lexicon": {"lexicon": LEXICON},
    "lexicon and hot words": {"lexicon": LEXICON, "hot_words": {"CB": 3.0, "BAB": 4.0, "AB": -1.0}},
    "lexicon and word model": {"lexicon": LEXICON, "lm": WORD_LM, "weights": Weights(0.8, 0.5, -2.0)},
    "lexicon, character model, hot words": {
        "lexicon": LEXICON,
        "lm": CHARACTER_LM,
        "weights": Weights(0.6, 0.2),
        "hot_words": {"CB": 3.0},
    },
}


def search_with(known: dict, limits: Limits | None = None) -> Search:
    """The search of what is known: through the lexicon, or for any spelling without one."""
    if "lexicon" not in known:
        return PrefixBeamSearch(ALPHABET, build_prefix_scorer(ALPHABET, **known), limits=limits)
    rest = {name: value for name, value in known.items() if name != "lexicon"}
    lexicon = build_spelling_lexicon(known["lexicon"], ALPHABET, phrases=known.get("hot_words", ()))
    return LexiconBeamSearch(lexicon, build_lexicon_scorer(lexicon, **rest), limits=limits)


@pytest.mark.parametrize("name", [*KNOWLEDGE, *CLOSED])
def test_an_unlimited_beam_finds_what_brute_force_finds(name):
    known = (KNOWLEDGE | CLOSED)[name]
    search = search_with(known, EVERYTHING)
    for seed, frames in [(0, 0), (1, 1), (2, 3), (3, 5), (4, 6)]:
        log_probs = emission(seed, frames)
        expected = sorted(brute_force(log_probs, known).items(), key=lambda item: -item[1])[:20]
        found = search.search(log_probs, n_best=10_000)[: len(expected)]
        assert [search.text(candidate) for candidate in found] == [text for text, _ in expected]
        assert [candidate.score for candidate in found] == pytest.approx([score for _, score in expected])


@pytest.mark.parametrize("penalty", [-1.0, 0.5, 3.0])
def test_the_penalty_of_blanks_is_taken_off_every_frame(penalty):
    known = KNOWLEDGE["word model"]
    search = PrefixBeamSearch(
        ALPHABET, build_prefix_scorer(ALPHABET, **known), limits=EVERYTHING, blank_penalty=penalty
    )
    log_probs = emission(5, 6)
    before = log_probs.copy()
    penalised = log_probs - penalty * (np.arange(log_probs.shape[1]) == 0)
    expected = sorted(brute_force(penalised, known).items(), key=lambda item: -item[1])[:20]
    found = search.search(log_probs, n_best=20)
    assert [text_of(candidate.labels) for candidate in found] == [text for text, _ in expected]
    assert [candidate.score for candidate in found] == pytest.approx([score for _, score in expected])
    assert (log_probs == before).all()


def test_a_penalty_that_is_no_number_is_refused():
    with pytest.raises(DecodingError, match="blank penalty nan"):
        PrefixBeamSearch(ALPHABET, blank_penalty=math.nan)


@settings(max_examples=60)
@given(
    name=st.sampled_from(list(KNOWLEDGE)),
    seed=st.integers(0, 10_000),
    frames=st.integers(0, 25),
    shape=st.tuples(st.sampled_from([0.3, 2.0, 6.0]), st.floats(0, 0.6)),
    limits=st.builds(
        Limits,
        st.integers(1, 12),
        st.sampled_from([-math.inf, -6.0, -2.0]),
        st.sampled_from([math.inf, 8.0, 2.0, 0.0]),
        st.booleans(),
    ),
)
def test_the_compiled_search_keeps_the_beam_of_the_reference(name, seed, frames, shape, limits):
    scorer = build_prefix_scorer(ALPHABET, **KNOWLEDGE[name])
    sharpness, impossible = shape
    log_probs = emission(seed, frames, sharpness=sharpness)
    log_probs[np.random.default_rng(seed).random(log_probs.shape) < impossible] = -np.inf
    expected = reference_search.advance(reference_search.start(scorer), log_probs, scorer, limits)
    stream = PrefixBeamSearch(ALPHABET, scorer, limits=limits).stream()
    stream.feed(log_probs)
    found = prefixes(stream)
    assert [tokens for tokens, _ in found] == list(expected)
    assert [score for _, score in found] == pytest.approx([prefix.score for prefix in expected.values()])
    endings = [
        prefix.acoustic + reference_search.finish(prefix.context, scorer) for prefix in expected.values()
    ]
    assert stream.finish()[0].score == pytest.approx(max(endings, default=-math.inf))


def test_long_utterances_outgrow_no_array():
    scorer = build_prefix_scorer(ALPHABET, **KNOWLEDGE["character model"])
    limits = Limits(6)
    log_probs = emission(5, 700, sharpness=1.0)
    expected = reference_search.advance(reference_search.start(scorer), log_probs, scorer, limits)
    stream = PrefixBeamSearch(ALPHABET, scorer, limits=limits).stream()
    stream.feed(log_probs)
    assert [tokens for tokens, _ in prefixes(stream)] == list(expected)


def test_ten_thousand_frames_decode():
    log_probs = emission(6, 10_000)
    found = PrefixBeamSearch(ALPHABET, build_prefix_scorer(ALPHABET, **KNOWLEDGE["word model"])).search(
        log_probs
    )[0]
    assert len(found.labels) > 1000
    assert math.isfinite(found.score)


@settings(max_examples=25)
@given(
    name=st.sampled_from(list(KNOWLEDGE)),
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 40), max_size=6),
)
def test_pieces_give_what_the_whole_gives_and_the_stable_prefix_never_changes(name, seed, cuts):
    search = PrefixBeamSearch(ALPHABET, build_prefix_scorer(ALPHABET, **KNOWLEDGE[name]), limits=Limits(10))
    log_probs = emission(seed, 40)
    stream, stable = search.stream(), ()
    for first, last in itertools.pairwise([0, *sorted(cuts), 40]):
        stream.feed(log_probs[first:last])
        now = stream.stable_prefix()
        assert now[: len(stable)] == stable
        stable = now
    assert stream.finish(n_best=5) == search.search(log_probs, n_best=5)
    assert all(tokens[: len(stable)] == stable for tokens, _ in prefixes(stream))


def test_recombination_finds_the_best_text_with_a_smaller_beam():
    scorer = build_prefix_scorer(ALPHABET, **KNOWLEDGE["word model"])
    emissions = [emission(seed, 40, sharpness=1.5) for seed in range(30)]

    def best(limits: Limits) -> np.ndarray:
        search = PrefixBeamSearch(ALPHABET, scorer, limits=limits)
        return np.array([search.search(log_probs)[0].score for log_probs in emissions])

    wide = best(Limits(2000))
    plain, recombined = best(Limits(8)), best(Limits(8, recombine=True))
    assert (wide - recombined).mean() < (wide - plain).mean()


def test_threads_and_repetition_change_nothing():
    search = PrefixBeamSearch(
        ALPHABET, build_prefix_scorer(ALPHABET, **KNOWLEDGE["word model and hot words"])
    )
    emissions = [emission(seed, 30) for seed in range(12)]
    alone = [search.search(log_probs) for log_probs in emissions]
    assert in_threads(search.search, emissions, 3) == alone
    assert in_threads(search.search, emissions, 1) == alone


def test_a_beam_of_one_without_pruning_on_a_sharp_emission_is_greedy():
    alphabet = Alphabet(("", "A", "B", "C"))
    log_probs = emission(7, 40, tokens=4, sharpness=30.0)
    expected = greedy_path(log_probs).tokens
    found = PrefixBeamSearch(alphabet, limits=Limits(1)).search(log_probs)[0]
    assert list(found.labels) == expected


def test_no_frames_and_blank_frames_give_the_empty_text():
    search = PrefixBeamSearch(ALPHABET)
    blank = np.full((20, 5), -np.inf, np.float32)
    blank[:, 0] = 0.0
    for log_probs in (np.zeros((0, 5), np.float32), blank):
        found = search.search(log_probs)
        assert [(candidate.labels, candidate.score) for candidate in found] == [((), 0.0)]


def test_a_vocabulary_of_the_blank_and_one_token_decodes():
    found = PrefixBeamSearch(Alphabet(("", "A"))).search(np.log(np.full((3, 2), 0.5, np.float32)), n_best=9)
    # Of 8 paths: 1 is empty, 6 spell A, 1 (A blank A) spells AA.
    assert [candidate.labels for candidate in found] == [(1,), (), (1, 1)]
    assert [math.exp(candidate.score) for candidate in found] == pytest.approx([6 / 8, 1 / 8, 1 / 8])


def test_frames_that_allow_nothing_leave_the_empty_text_without_probability():
    found = PrefixBeamSearch(ALPHABET).search(np.full((4, 5), -np.inf, np.float32))
    assert [(candidate.labels, candidate.score) for candidate in found] == [((), -math.inf)]


def test_nan_logits_and_another_vocabulary_are_refused():
    search = PrefixBeamSearch(ALPHABET)
    broken = emission(0, 3)
    broken[1, 2] = np.nan
    with pytest.raises(DecodingError, match="NaN in frame 1"):
        search.search(broken)
    with pytest.raises(DecodingError, match="not logits"):
        search.search(emission(0, 3) + 5)
    with pytest.raises(DecodingError, match=r"shape \(3, 4\); expected \(frames, 5\)"):
        search.search(emission(0, 3, tokens=4))
    for limits in (Limits(0), Limits(5, 1.0), Limits(5, -1.0, -1.0), Limits(5, math.nan)):
        with pytest.raises(DecodingError, match="expected"):
            PrefixBeamSearch(ALPHABET, limits=limits)


def test_limits_are_independent():
    scorer = build_prefix_scorer(ALPHABET)
    log_probs = emission(8, 30, sharpness=1.0)

    def kept(limits: Limits) -> int:
        stream = PrefixBeamSearch(ALPHABET, scorer, limits=limits).stream()
        stream.feed(log_probs)
        return len(prefixes(stream))

    assert kept(Limits(40)) == 40
    assert kept(Limits(40, -math.inf, 0.3)) < 40
    assert kept(Limits(40, -0.01)) == 1


def test_a_hot_word_outside_lexicon_and_language_model_is_found():
    log_probs = emission(0, 8, sharpness=0.0)  # all texts alike
    for lm, closed in itertools.product((None, WORD_LM), (False, True)):
        if lm is None and not closed:
            continue  # every spelling is alike
        without, found = (
            search_with({"lm": lm, "hot_words": hot, **({"lexicon": LEXICON} if closed else {})})
            for hot in ({}, {"BCB": 12.0})
        )
        assert "BCB" not in without.text(without.search(log_probs)[0])
        assert "BCB" in found.text(found.search(log_probs)[0]).split()


def test_overlapping_hot_phrases_all_count():
    hot = {"A B": 2.0, "B C": 3.0, "A": 0.5}
    log_probs = np.full((5, 5), -np.inf, np.float32)
    log_probs[range(5), [2, 1, 3, 1, 4]] = 0.0
    found = PrefixBeamSearch(ALPHABET, build_prefix_scorer(ALPHABET, hot_words=hot)).search(log_probs)[0]
    assert text_of(found.labels) == "A B C"
    assert found.score == pytest.approx(5.5)
