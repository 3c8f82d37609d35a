"""The search through pronunciations against the sum over all paths, of every text that the lexicon allows."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
import reference_search
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.prefix_scorer import Weights
from asr.decoding.pronunciation_lexicon import build_pronunciation_lexicon
from asr.decoding.search import Limits
from asr.errors import DecodingError
from asr.language_model.estimate import estimate
from asr.language_model.ngram import END

PHONES = ["a", "b", "c"]
SAID = {
    "TO": [["a", "b"]],
    "TWO": [["a", "b"]],  # said as TO is
    "A": [["a"], ["c"]],  # said in two ways
    "TOAD": [["a", "b", "b"]],  # begins as TO, and needs a blank
    "BE": [["b"]],
    "CAB": [["c", "a", "b"]],
}
ALL = Limits(100_000, -math.inf, math.inf)
LM = estimate(
    [line.split() for line in ["TO BE A CAB", "TWO CAB", "A TOAD A TO", "BE TWO TOAD", "CAB A A BE"]], order=3
)
WEIGHTS = Weights(0.9, -0.4, -3.0)


def emission(seed: int, frames: int, *, sharpness: float = 2.0) -> np.ndarray:
    logits = torch.randn(frames, len(PHONES) + 1, generator=torch.Generator().manual_seed(seed)) * sharpness
    return torch.log_softmax(logits, dim=1).numpy()


@cache
def kept_emission(seed: int, frames: int, sharpness: float) -> np.ndarray:
    return emission(seed, frames, sharpness=sharpness)


@cache
def acoustic(drawn: tuple[int, int, float], tokens: tuple[int, ...]) -> float:
    """ln P of all paths through the emission of a seed, so many frames and a sharpness that spell the tokens, by torch."""
    frames, log_probs = drawn[1], kept_emission(*drawn)
    if not tokens:
        return float(log_probs[:, 0].sum())
    if len(tokens) > frames:
        return -math.inf
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs)[:, None],
        torch.tensor([list(tokens)]),
        torch.tensor([len(log_probs)]),
        torch.tensor([len(tokens)]),
        reduction="sum",
    )
    return -float(loss)


def scored(
    drawn: tuple[int, int, float],
    words: tuple[str, ...],
    hot: dict[str, float],
    *,
    lm: bool = True,
    said: dict[str, list[list[str]]] = SAID,
) -> list[float]:
    """The scores of a text in such an emission, one for each way to say it, written down from their definition; best first."""
    ways = itertools.product(*(said[word] for word in words))
    ids = {tuple(PHONES.index(phone) + 1 for said in way for phone in said) for way in ways}
    known = WEIGHTS.word_bonus * len(words) + sum(hot.get(word, 0.0) for word in words)
    if lm:
        state = LM.start_state
        for word in [*(LM.word_id(word) for word in words), END]:
            log_prob, state = LM.score(state, word)
            known += WEIGHTS.lm * log_prob
    return sorted((known + acoustic(drawn, tokens) for tokens in ids), reverse=True)


def found_and_wanted(
    seed: int, said: dict[str, list[list[str]]], hot: dict[str, float], *, lm: bool
) -> tuple[list[tuple[str, float]], dict[str, list[float]]]:
    """Texts and scores of a search without limits; and of all texts that five frames can hold, best first."""
    lexicon = build_pronunciation_lexicon(said, PHONES, source="test")
    scorer = build_lexicon_scorer(lexicon, lm=LM if lm else None, weights=WEIGHTS, hot_words=hot)
    search = LexiconBeamSearch(lexicon, scorer, limits=ALL)
    found = [
        (search.text(candidate), candidate.score)
        for candidate in search.search(emission(seed, 5), n_best=10_000)[:20]
    ]
    texts = (words for count in range(6) for words in itertools.product(said, repeat=count))
    scores = {" ".join(words): scored((seed, 5, 2.0), words, hot, lm=lm, said=said) for words in texts}
    return found, dict(sorted(scores.items(), key=lambda item: -item[1][0]))


@pytest.mark.parametrize("hot", [{}, {"TWO": 2.0, "BE": -1.0}])
@pytest.mark.parametrize("lm", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_texts_and_scores_are_those_of_the_sum_over_all_paths(seed, lm, hot):
    found, wanted = found_and_wanted(seed, SAID | {"A": [["a"]]}, hot, lm=lm)
    best = [ways[0] for ways in list(wanted.values())[:20]]
    assert [score for _, score in found] == pytest.approx(best, abs=1e-4)
    # Words that are said alike have the same score without a language model; their order is free.
    assert {text for text, _ in found[:5]} <= set(list(wanted)[:20]) or not lm


@pytest.mark.parametrize("lm", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_of_several_pronunciations_one_has_all_its_paths_counted(seed, lm):
    found, wanted = found_and_wanted(seed, SAID, {}, lm=lm)
    assert len({text for text, _ in found}) == len(found) == 20
    for text, score in found:
        assert min(abs(score - one) for one in wanted[text]) < 1e-4
    # A search that sums over some of the paths alone may take the second best, where little is lost.
    assert np.mean([wanted[text][0] - score for text, score in found]) < 0.4
    assert found[0][1] > next(iter(wanted.values()))[0] - 0.5


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 12), st.floats(0, 3), st.booleans())
def test_a_narrow_beam_finds_different_texts_best_first_and_none_better_than_the_best(
    seed, frames, penalty, lm
):
    lexicon, whole, narrow = whole_and_narrow(emission(seed, frames), penalty, lm=lm)
    assert narrow[0].score <= whole[0].score + 1e-6
    assert len({tuple(search_words(lexicon, one)) for one in narrow}) == len(narrow)
    assert [one.score for one in narrow] == sorted((one.score for one in narrow), reverse=True)


@pytest.mark.parametrize("lm", [True, False])
def test_a_narrow_beam_nearly_always_finds_the_best(lm):
    generator = np.random.default_rng(11)
    losses = []
    for seed in range(100):
        log_probs = emission(seed, int(generator.integers(0, 13)))
        _, whole, narrow = whole_and_narrow(log_probs, float(generator.uniform(0, 3)), lm=lm)
        losses.append(whole[0].score - narrow[0].score)
    assert np.count_nonzero(np.array(losses) > 1e-6) <= 3
    assert np.mean(losses) < 0.02


def whole_and_narrow(log_probs, penalty, *, lm):
    """The lexicon, all texts, and those that 30 hypotheses find."""
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    scorer = build_lexicon_scorer(lexicon, lm=LM if lm else None, weights=WEIGHTS)
    found = [
        LexiconBeamSearch(lexicon, scorer, limits=limits, blank_penalty=penalty).search(log_probs, n_best=100)
        for limits in (ALL, Limits(30, -math.inf, 20.0))
    ]
    return lexicon, *found


def search_words(lexicon, candidate):
    return [word for entry in candidate.labels for word in lexicon.words_of(entry)]


def test_a_blank_penalty_is_taken_off_every_blank():
    log_probs = emission(3, 6)
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    penalised = log_probs.copy()
    penalised[:, 0] -= 1.5
    plain = LexiconBeamSearch(lexicon, limits=ALL).search(penalised, n_best=5)
    built_in = LexiconBeamSearch(lexicon, limits=ALL, blank_penalty=1.5).search(log_probs, n_best=5)
    assert [one.score for one in built_in] == pytest.approx([one.score for one in plain], abs=1e-5)
    assert np.array_equal(log_probs, emission(3, 6))


def test_a_hot_phrase_is_found_as_one_and_parted_into_its_words():
    log_probs = emission(4, 8, sharpness=0.3)
    hot = {"CAB TOAD": 30.0}
    lexicon = build_pronunciation_lexicon(SAID, PHONES, phrases=hot, source="test")
    search = LexiconBeamSearch(lexicon, build_lexicon_scorer(lexicon, lm=LM, weights=WEIGHTS, hot_words=hot))
    best = search.search(log_probs)[0]
    assert "CAB TOAD" in search.text(best)
    words = tuple(search.text(best).split())
    assert words == ("CAB", "TOAD")
    assert best.score == pytest.approx(scored((4, 8, 0.3), words, {})[0] + 30, abs=0.3)
    texts = [search.text(one) for one in search.search(log_probs, n_best=100)]
    assert len(set(texts)) == len(texts) > 50  # though its words come one by one, too


@settings(max_examples=30)
@given(
    st.integers(0, 10_000),
    st.integers(0, 6),
    st.sampled_from(
        [Limits(3, score_threshold=math.inf), Limits(7, -3.0), Limits(12), Limits(4), Limits(12, -4.0)]
    ),
    st.booleans(),
)
def test_the_compiled_search_keeps_the_beam_of_the_reference(seed, frames, limits, lm):
    log_probs = emission(seed, frames)
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    scorer = build_lexicon_scorer(lexicon, lm=LM if lm else None, weights=WEIGHTS, hot_words={"BE": 1.0})
    expected = reference_search.advance_words(reference_search.start_words(scorer), log_probs, scorer, limits)
    stream = LexiconBeamSearch(lexicon, scorer, limits=limits).stream()
    stream.feed(log_probs)
    row, count = stream._beam.place.tolist()
    beam = [part[row, :count] for part in (stream._beam.node, stream._beam.in_blank, stream._beam.in_token)]
    words = [spelled(stream, int(history)) for history in stream._beam.history[row, :count]]
    assert list(zip(words, beam[0].tolist(), strict=True)) == [
        (said.entries, node) for (_, node), said in expected.items()
    ]
    assert beam[1] == pytest.approx([said.in_blank for said in expected.values()])
    assert beam[2] == pytest.approx([said.in_token for said in expected.values()])


def spelled(stream, history):
    entries = []
    while history:
        entries.insert(0, int(stream._histories.entry[history]))
        history = int(stream._histories.parent[history])
    return tuple(entries)


def test_a_narrow_beam_still_finds_what_is_clearly_said():
    spoken = [3, 0, 1, 2, 0, 0, 1, 2, 0, 2]  # c a b, a b _ b
    log_probs = np.full((len(spoken), 4), math.log(0.02), np.float32)
    log_probs[np.arange(len(spoken)), spoken] = math.log(0.94)
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    search = LexiconBeamSearch(
        lexicon,
        build_lexicon_scorer(lexicon, lm=LM, weights=WEIGHTS),
        limits=Limits(20, -12, 20),
    )
    assert search.text(search.search(log_probs)[0]) == "CAB TOAD"
    assert search.text(search.search(log_probs[:4])[0]) == "CAB"


@settings(max_examples=40)
@given(st.integers(0, 1000), st.lists(st.integers(0, 6), max_size=5))
def test_pieces_give_what_the_whole_gives_and_stable_words_stay(seed, pieces):
    log_probs = emission(seed, sum(pieces), sharpness=4.0)
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    limits = Limits(12, -12, 20)
    search = LexiconBeamSearch(lexicon, build_lexicon_scorer(lexicon, lm=LM, weights=WEIGHTS), limits=limits)
    stream, at, settled = search.stream(), 0, []
    for piece in pieces:
        stream.feed(log_probs[at : at + piece])
        at += piece
        aside = stream.copy()
        aside.feed(emission(seed + 1, 3))
        assert aside.stable_words()[: len(stream.stable_words())] == stream.stable_words()
        assert stream.stable_words()[: len(settled)] == settled
        settled = stream.stable_words()
        assert search.text(stream.finish()[0]).split()[: len(settled)] == settled
    whole = search.search(log_probs, n_best=3)
    assert [search.text(one) for one in stream.finish(n_best=3)] == [search.text(one) for one in whole]
    assert [one.score for one in stream.finish(n_best=3)] == pytest.approx([one.score for one in whole])


def test_while_more_is_to_come_few_texts_are_looked_at():
    log_probs = emission(3, 8, sharpness=2.0)
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    search = LexiconBeamSearch(lexicon, build_lexicon_scorer(lexicon, lm=LM, weights=WEIGHTS), limits=ALL)
    stream = search.stream()
    stream.feed(log_probs)
    scores = {search.text(one): one.score for one in stream.finish(n_best=100)}
    few = stream.finish(n_best=3, least=1)
    assert len(few) == 3
    assert [one.score for one in few] == pytest.approx([scores[search.text(one)] for one in few])


def test_words_settle_while_an_utterance_goes_on():
    spoken = [3, 0, 1, 2, 0, 0, 1, 2, 0, 2, 0, 3]
    log_probs = np.full((len(spoken), 4), math.log(1e-9), np.float32)
    log_probs[np.arange(len(spoken)), spoken] = math.log1p(-3e-9)
    few = {word: SAID[word] for word in ("CAB", "TOAD")}
    lexicon = build_pronunciation_lexicon(few, PHONES, source="test")
    stream = LexiconBeamSearch(lexicon, limits=Limits(20, -12, 20)).stream()
    stream.feed(log_probs)
    assert stream.stable_words() == ["CAB", "TOAD"]  # the CAB after them has only begun


def test_an_utterance_that_breaks_off_within_a_word_keeps_the_words_before_it():
    spoken = [3, 1, 2, 3, 1, 2, 3]  # c a b, c a b, c
    log_probs = np.full((len(spoken), 4), math.log(1e-12), np.float32)
    log_probs[np.arange(len(spoken)), spoken] = math.log1p(-3e-12)
    lexicon = build_pronunciation_lexicon({"CAB": SAID["CAB"]}, PHONES, source="test")
    search = LexiconBeamSearch(lexicon, limits=Limits(20, -12, 20))
    (best,) = search.search(log_probs)
    assert search.text(best) == "CAB CAB"
    assert best.score == pytest.approx(0.0, abs=1e-6)


def test_nothing_heard_is_nothing_said():
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    search = LexiconBeamSearch(lexicon)
    assert search.search(np.zeros((0, 4), np.float32))[0].labels == ()
    silent = np.array([[0.0, -math.inf, -math.inf, -math.inf]] * 3, np.float32)
    best = search.search(silent)[0]
    assert (best.labels, best.score) == ((), 0.0)


def test_long_utterances_outgrow_the_first_arrays():
    """More hypotheses, and more histories, than there is room for at first."""
    log_probs = emission(1, 60, sharpness=0.5)
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    scorer = build_lexicon_scorer(lexicon, lm=LM, weights=WEIGHTS)
    wide = LexiconBeamSearch(lexicon, scorer, limits=Limits(3000)).search(log_probs)[0]
    narrow = LexiconBeamSearch(lexicon, scorer, limits=Limits(30)).search(log_probs)[0]
    assert wide.score >= narrow.score
    assert wide.labels


@pytest.mark.parametrize(
    ("log_probs", "message"),
    [
        (np.zeros((2, 3), np.float32), r"shape \(2, 3\); expected \(frames, 4\)"),
        (np.full((2, 4), np.nan, np.float32), "NaN in frame 0"),
        (np.full((2, 4), 2.0, np.float32), "above 0"),
    ],
)
def test_emissions_that_are_none_are_refused(log_probs, message):
    with pytest.raises(DecodingError, match=message):
        LexiconBeamSearch(build_pronunciation_lexicon(SAID, PHONES, source="test")).search(log_probs)


def test_a_lexicon_of_other_phones_is_refused():
    with pytest.raises(DecodingError, match=r"said\.dict: 3 of 3 pronunciations.*such as x y.*has a b c"):
        build_pronunciation_lexicon({"X": [["x"], ["y"]], "Z": [["a", "x"]]}, PHONES, source="said.dict")


def test_some_words_of_other_phones_are_left_out_and_counted(caplog):
    lexicon = build_pronunciation_lexicon({**SAID, "X": [["x"]]}, PHONES, source="said.dict")
    assert "X" not in lexicon.all_words()
    assert "1 of 8 pronunciations" in caplog.text


def test_a_hot_word_without_pronunciation_says_what_to_do():
    with pytest.raises(DecodingError, match=r"no pronunciation of ZOE in said\.dict.*--pronunciations none"):
        build_pronunciation_lexicon(SAID, PHONES, phrases=["CAB ZOE"], source="said.dict")


def test_a_phrase_cannot_be_disfavoured():
    lexicon = build_pronunciation_lexicon(SAID, PHONES, phrases=["CAB TO"], source="test")
    with pytest.raises(DecodingError, match="favoured, not disfavoured"):
        build_lexicon_scorer(lexicon, hot_words={"CAB TO": -1.0})


def test_a_language_model_of_other_words_is_refused():
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    lm = estimate([["to", "be"], ["a", "cab"]], order=2)
    with pytest.raises(DecodingError, match="none of its 7 words, such as 'TO'"):
        build_lexicon_scorer(lexicon, lm=lm)


@pytest.mark.parametrize(("limits", "penalty"), [(Limits(0), 0.0), (Limits(10), math.inf)])
def test_limits_without_sense_are_refused(limits, penalty):
    with pytest.raises(DecodingError):
        LexiconBeamSearch(
            build_pronunciation_lexicon(SAID, PHONES, source="test"), limits=limits, blank_penalty=penalty
        )
