"""The estimator against a model worked out by hand, a slow one from the definitions, and KenLM."""

import itertools
import math
import random
from collections import Counter, defaultdict

import pytest

from asr.errors import LanguageModelError
from asr.language_model import counting
from asr.language_model.arpa import write_arpa
from asr.language_model.counting import count_ngrams, read_sentences
from asr.language_model.estimate import estimate
from asr.language_model.ngram import END, START, UNKNOWN, NgramModel


def made_up_text(seed: int = 0, sentences: int = 400, words: int = 12) -> list[list[str]]:
    """Sentences whose words depend a little on the word before."""
    generator = random.Random(seed)
    text = []
    for _ in range(sentences):
        last, sentence = 0, []
        for _ in range(generator.randrange(1, 9)):
            last = (last * 3 + int(generator.expovariate(0.5))) % words
            sentence.append(f"w{last}")
        text.append(sentence)
    return text


def all_words(model: NgramModel) -> list[int]:
    return [word for word in range(len(model.words)) if word != START]


def probability(model: NgramModel, history: list[str], word: str) -> float:
    """P(word | history), the history from the start of a sentence."""
    state = model.start_state
    for spoken in history:
        _, state = model.score(state, model.word_id(spoken))
    return math.exp(model.score(state, model.word_id(word))[0])


def test_a_bigram_model_is_what_the_equations_give_by_hand():
    # "a b" twice and "b": bigrams <s>a 2, ab 2, b</s> 3, <s>b 1.
    # Unigrams count the distinct words before them: a 1, b 2, </s> 1. Counts of counts 2, 1, 0: too few for
    # discounts, so 0.5 and 1. Freed 0.5 + 1 + 0.5 of 4, shared by a, b, </s>, <unk>: 1/8 each.
    # Bigrams: n1..n4 = 1, 2, 1, 0; Y = 1/5; D = 0.2, 1.7, 3.
    model = estimate([["a", "b"], ["a", "b"], ["b"]], order=2)
    assert probability(model, ["b", "b"], "a") == pytest.approx(0.5 / 4 + 1 / 8)  # b, of weight 1, then a
    assert probability(model, ["b"], "<unk>") == pytest.approx(1 / 8)
    assert probability(model, ["b"], "</s>") == pytest.approx((3 - 3) / 3 + 3 / 3 * 0.25)
    assert probability(model, [], "a") == pytest.approx((2 - 1.7) / 3 + 1.9 / 3 * 0.25)
    assert probability(model, [], "b") == pytest.approx((1 - 0.2) / 3 + 1.9 / 3 * 0.375)
    assert probability(model, ["a"], "b") == pytest.approx((2 - 1.7) / 2 + 1.7 / 2 * 0.375)


def slow_probability(text: list[list[str]], order: int, history: list[str], word: str) -> float:
    """P(word | history) by Chen & Goodman's equations, from dictionaries."""
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(order + 1)]
    for sentence in text:
        padded = ["<s>", *sentence, "</s>"]
        for length in range(1, order + 1):
            for first in range(len(padded) - length + 1):
                counts[length][tuple(padded[first : first + length])] += 1
    adjusted = [*counts]
    for length in range(1, order):
        before = defaultdict(set)
        for gram in counts[length + 1]:
            before[gram[1:]].add(gram[0])
        adjusted[length] = Counter(
            {gram: count if gram[0] == "<s>" else len(before[gram]) for gram, count in counts[length].items()}
        )
    del adjusted[1]["<s>",]
    vocabulary = {word for sentence in text for word in sentence} | {"</s>", "<unk>"}

    def smoothed(history: tuple[str, ...], word: str) -> float:
        length = len(history) + 1
        table = adjusted[length]
        n1, n2, n3, n4 = (list(table.values()).count(times) for times in (1, 2, 3, 4))
        if n1 and n2 and n3:
            y = n1 / (n1 + 2 * n2)
            discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        else:
            discounts = (0.5, 1.0, 1.5)
        followers = {gram[-1]: count for gram, count in table.items() if gram[:-1] == history}
        lower = smoothed(history[1:], word) if history else 1 / len(vocabulary)
        if not followers:
            return lower
        off = {follower: discounts[min(count, 3) - 1] for follower, count in followers.items()}
        total = sum(followers.values())
        own = followers[word] - off[word] if word in followers else 0.0
        return own / total + sum(off.values()) / total * lower

    return smoothed(tuple(["<s>", *history][-(order - 1) :] if order > 1 else ()), word)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_definitions(order):
    text = made_up_text()
    model = estimate(text, order=order)
    generator = random.Random(1)
    for _ in range(12):
        sentence = generator.choice(text)
        history = sentence[: generator.randrange(len(sentence) + 1)]
        word = generator.choice([*model.words[2:], "<unk>", *sentence])
        assert probability(model, history, word) == pytest.approx(
            slow_probability(text, order, history, word), rel=1e-5
        ), (history, word)


@pytest.mark.parametrize(
    ("order", "prune", "entropy", "vocabulary"),
    [
        (1, (), 0, None),
        (3, (), 0, None),
        (4, (0, 0, 1, 2), 0, None),
        (3, (0, 1), 0, None),
        (3, (0, 0, 1), 0, ["w1", "w2", "new"]),
        (4, (), 1e-4, None),
        (3, (0, 0, 1), 1e-3, None),
    ],
)
def test_probabilities_sum_to_one_after_every_context(order, prune, entropy, vocabulary):
    model = estimate(made_up_text(), order=order, prune=prune, prune_entropy=entropy, vocabulary=vocabulary)
    for state in range(len(model.arrays.log10_backoff)):
        total = sum(math.exp(model.score(state, word)[0]) for word in all_words(model))
        assert total == pytest.approx(1, abs=1e-5)


def test_pruning_leaves_out_rare_ngrams_and_nothing_else():
    text = made_up_text()
    full, pruned = estimate(text, order=3), estimate(text, order=3, prune=(0, 1, 2))
    seen = Counter(gram for sentence in text for gram in itertools.pairwise(["<s>", *sentence, "</s>"]))
    assert pruned.counts[0] == full.counts[0]
    assert pruned.counts[1] == sum(count > 1 for count in seen.values())
    assert pruned.counts[2] < full.counts[2]


def bigrams(model: NgramModel) -> set[tuple[str, str]]:
    """The bigrams that a model lists."""
    first, words = model.arrays.first_child, model.words
    return {
        (words[context], words[model.arrays.word[node]])
        for context in range(len(words))
        for node in range(first[1 + context], first[2 + context])
    }


def test_entropy_pruning_leaves_out_what_costs_least():
    text, threshold = made_up_text()[:60], 2e-3
    full, pruned = estimate(text, order=2), estimate(text, order=2, prune_entropy=threshold)
    words = [word for word in full.words if word != "<s>"]
    seen = Counter(word for sentence in text for word in ["<s>", *sentence])

    def after(history: str, word: str) -> float:
        return probability(full, [] if history == "<s>" else [history], word)

    stay = set()
    for history, left_out in bigrams(full):
        listed = {word for first, word in bigrams(full) if first == history} - {left_out}
        # "nowhere" is unknown, and nothing listed after it: the probability of the word alone
        weight = (1 - sum(after(history, word) for word in listed)) / (
            1 - sum(after("nowhere", word) for word in listed)
        )
        divergence = 0.0
        for word in words:
            new = after(history, word) if word in listed else weight * after("nowhere", word)
            divergence += after(history, word) * math.log(after(history, word) / new)
        if math.expm1(seen[history] / seen.total() * divergence) >= threshold:
            stay.add((history, left_out))
    assert 10 < len(stay) < len(bigrams(full)) - 10
    assert bigrams(pruned) == stay


def test_the_most_frequent_words_are_kept():
    model = estimate([["c", "a", "b"], ["b", "a"], ["d", "b"]], order=2, vocabulary_size=2)
    assert model.words[3:] == ("b", "a")
    closed = estimate([["c", "a", "b"], ["b", "a"], ["d", "b"]], order=2, vocabulary=["b", "a"])
    assert [model.score_words(["c", "a", "b"])] == [closed.score_words(["c", "a", "b"])]
    with pytest.raises(LanguageModelError, match="1 or more"):
        estimate([["a"]], vocabulary_size=0)


def test_a_vocabulary_makes_other_words_unknown_and_keeps_unseen_ones():
    model = estimate([["a", "b", "c"], ["a", "c"]], order=2, vocabulary=["a", "b", "unseen"])
    assert set(model.words[3:]) == {"a", "b", "unseen"}
    assert model.word_id("c") == UNKNOWN
    assert probability(model, ["a"], "c") > probability(model, ["a"], "unseen") > 0


@pytest.mark.parametrize("block", [7, 100, 10_000])
@pytest.mark.parametrize("order", [3, 9])
def test_counts_do_not_depend_on_how_the_text_is_cut_into_blocks(monkeypatch, block, order):
    # Order 9 needs two integers for an n-gram as soon as there are more than 127 words.
    text = made_up_text(words=200)
    monkeypatch.setattr(counting, "BLOCK", block)
    counts = count_ngrams(text, order=order)
    for length, table in enumerate(counts.orders, 1):
        seen: Counter[tuple[str, ...]] = Counter()
        for sentence in text:
            padded = ["<s>", *sentence, "</s>"]
            seen.update(tuple(padded[at : at + length]) for at in range(len(padded) - length + 1))
        del seen["<s>",]
        spelled = [tuple(counts.words[word] for word in gram) for gram in table.grams.tolist()]
        assert dict(zip(spelled, table.raw.tolist(), strict=True)) == dict(seen)


@pytest.mark.parametrize("prune", [(), (0, 0, 1)])
def test_kenlm_reads_our_arpa_and_gives_the_same_scores(tmp_path, prune):
    kenlm = pytest.importorskip("kenlm", reason="KenLM's Python package is not installed")
    text = made_up_text()
    model = estimate(text, order=4, prune=prune)
    write_arpa(tmp_path / "lm.arpa", model)
    theirs = kenlm.Model(str(tmp_path / "lm.arpa"))
    for sentence in [*text[:50], ["w1", "never", "w2"], ["never", "never"], []]:
        scores = [score / math.log(10) for score in model.score_words(sentence)]
        expected = [score for score, _, _ in theirs.full_scores(" ".join(sentence))]
        assert scores == pytest.approx(expected, abs=1e-5)
        assert sum(scores) == pytest.approx(theirs.score(" ".join(sentence)), abs=1e-5)


def test_text_without_words_and_falling_thresholds_are_refused():
    with pytest.raises(LanguageModelError, match="no words"):
        estimate([[], []])
    with pytest.raises(LanguageModelError, match="rising"):
        estimate([["a"]], prune=(0, 2, 1))
    with pytest.raises(LanguageModelError, match="expected 0 for words"):
        estimate([["a"]], prune=(1,))


def test_text_is_read_plain_compressed_and_from_a_manifest(tmp_path):
    import gzip
    import lzma

    text = "A B\n\nC\n"
    (tmp_path / "t.txt").write_text(text)
    (tmp_path / "t.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "t.xz").write_bytes(lzma.compress(text.encode()))
    (tmp_path / "t.jsonl").write_text('{"id": "u", "audio": "a.wav", "duration": 1, "text": "A B"}\n')
    for name in ("t.txt", "t.gz", "t.xz"):
        assert list(read_sentences(tmp_path / name)) == [["A", "B"], [], ["C"]]
    assert list(read_sentences(tmp_path / "t.jsonl")) == [["A", "B"]]
    assert next(iter(read_sentences(tmp_path / "t.txt", characters=True))) == ["A", "|", "B"]
    (tmp_path / "unk.txt").write_text("A <UNK> <unk>\n")
    assert list(read_sentences(tmp_path / "unk.txt")) == [["A", "<unk>", "<unk>"]]
    for edge in ("<s>", "</S>"):
        (tmp_path / "bad.txt").write_text(f"A\n{edge} B\n")
        with pytest.raises(LanguageModelError, match=r"bad\.txt:2: holds <s>"):
            list(read_sentences(tmp_path / "bad.txt"))
    with pytest.raises(LanguageModelError, match="cannot read"):
        list(read_sentences(tmp_path / "none.txt"))


def test_states_stop_at_what_the_model_knows():
    model = estimate(made_up_text(), order=3)
    _, state = model.score(model.start_state, UNKNOWN)
    assert state == 1 + UNKNOWN or state == 0
    score, _ = model.score(state, END)
    assert math.isfinite(score)
