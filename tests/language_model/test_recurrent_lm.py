"""The recurrent language model in use: against PyTorch, beside the n-gram, and in the choice of a text."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.options import DecodingOptions
from asr.errors import DecodingError, LanguageModelError
from asr.language_model import mixture as mixture_module
from asr.language_model.binary import write_language_model
from asr.language_model.estimate import estimate
from asr.language_model.mixture import LanguageModelMixture
from asr.language_model.ngram import SPECIAL_WORDS, NgramModel
from asr.language_model.perplexity import score_text
from asr.language_model.recurrent import (
    RecurrentModel,
    RecurrentWeights,
    read_recurrent_model,
    write_recurrent_model,
)

WORDS = ("<unk>", "</s>", *(f"W{number}" for number in range(7)))
WIDTH, CELLS = 5, 6


TOKENIZER = CharacterTokenizer(["<blank>", " ", *"ABCFORU"])


def sure_of(*said: tuple[int, int]) -> np.ndarray:
    """An emission of frames that are nearly sure of one symbol: `(symbol, how many there are)` of each frame."""
    rows = [np.where(np.arange(size) == symbol, math.log(0.8), math.log(0.02)) for symbol, size in said]
    return np.array(rows, np.float32)


def random_model(words: tuple[str, ...] = WORDS, *, seed: int = 0) -> RecurrentModel:
    draw = np.random.default_rng(seed).normal
    shapes = ((len(words), WIDTH), len(words), (4 * CELLS, WIDTH), (4 * CELLS, CELLS), 4 * CELLS)
    shapes = (*shapes, (WIDTH, CELLS), WIDTH)  # type: ignore[assignment]
    return RecurrentModel(words, RecurrentWeights(*(draw(size=shape).astype(np.float32) for shape in shapes)))


def fond_of(word: str, words: tuple[str, ...]) -> RecurrentModel:
    """A model that hears one word everywhere."""
    weights = [np.zeros_like(array) for array in random_model(words).weights]
    model = RecurrentModel(words, RecurrentWeights(*weights))
    model.weights.bias[model.index[word]] = 30.0
    return model


def corpus() -> NgramModel:
    """Of the words above and of two that the recurrent model has no room for."""
    generator = np.random.default_rng(1)
    vocabulary = [*WORDS[2:], "RARE", "RARER"]
    texts = [generator.choice(vocabulary, 6).tolist() for _ in range(80)]
    return estimate([*texts, ["RARE"] * 3], order=2)


def test_probabilities_are_those_of_pytorch() -> None:
    model = random_model()
    w = [torch.from_numpy(array) for array in model.weights]
    lstm = torch.nn.LSTM(WIDTH, CELLS, batch_first=True)
    with torch.no_grad():
        for parameter, value in zip(lstm.all_weights[0], (w[2], w[3], w[4], torch.zeros(24)), strict=True):
            parameter.copy_(value)
        text = ["W3", "ELSE", "W0", "W0", "W6"]
        ids = [model.index.get(word, 0) for word in text]
        hidden, _ = lstm(w[0][torch.tensor([[1, *ids]])])
        log_probs = torch.log_softmax((hidden[0] @ w[5].T + w[6]) @ w[0].T + w[1], dim=1)
    wanted = log_probs[torch.arange(6), torch.tensor([*ids, 1])]
    assert model.score_words(text) == pytest.approx(wanted.tolist(), abs=1e-5)


def test_the_mixture_is_the_one_that_is_written_down() -> None:
    """Word by word by hand, for words of both models and of the n-gram alone."""
    ngram, model = corpus(), random_model()
    text = ["W1", "RARE", "W4", "RARER"]
    unigrams = {word: math.exp(ngram.score(0, ngram.word_id(word))[0]) for word in ("RARE", "RARER")}
    wanted = 0.0
    of_both = zip(text, ngram.score_words(text), model.score_words(text), strict=False)
    end = (None, ngram.score_words(text)[-1], model.score_words(text)[-1])
    for word, of_ngram, of_recurrent in [*of_both, end]:
        part = unigrams[word] / sum(unigrams.values()) if word in unigrams else 1.0
        mixed = 0.7 * math.exp(of_ngram) + 0.3 * math.exp(of_recurrent) * part
        wanted += math.log(mixed) - of_ngram
    assert LanguageModelMixture(ngram, model, share=0.3).gains([text])[0] == pytest.approx(wanted, abs=1e-5)


def test_the_mixture_is_a_distribution() -> None:
    """Over all words that may follow a history, and the end."""
    ngram, model = corpus(), random_model()
    histories = [[], ["W2"], ["RARE", "W5", "W1"]]
    own = ngram.words[len(SPECIAL_WORDS) :]
    for share in (0.0, 0.4, 1.0):
        mixture = LanguageModelMixture(ngram, model, share=share)

        def log_prob(text: list[str], mixture: LanguageModelMixture = mixture) -> float:
            return sum(ngram.score_words(text)) + float(mixture.gains([text])[0])

        for history in histories:
            # P(word | history) from texts: P(history word </s>) / P(</s> | history word), by the definition.
            total = 0.0
            for word in own:
                longer = [*history, word]
                ends = ngram.score_words(longer)[-1], model.score_words(longer)[-1]
                end = math.log((1 - share) * math.exp(ends[0]) + share * math.exp(ends[1]))
                total += math.exp(log_prob(longer) - end)
            total += math.exp(log_prob(history))
            before = log_prob(history)
            ends = ngram.score_words(history)[-1], model.score_words(history)[-1]
            before -= math.log((1 - share) * math.exp(ends[0]) + share * math.exp(ends[1]))
            # What the n-gram keeps for <unk> is shared with nobody.
            unknown = ngram.score_words([*history, "NEVER"])[-2]
            assert total == pytest.approx(math.exp(before) * (1 - (1 - share) * math.exp(unknown)), abs=1e-4)


def test_texts_are_scored_alike_alone_and_beside_others() -> None:
    """As long as they are no longer than what tells histories apart."""
    generator = np.random.default_rng(2)
    texts = [generator.choice(WORDS[2:], length).tolist() for length in (4, 1, 3, 4, 2, 0)]
    mixture = LanguageModelMixture(corpus(), random_model(), share=0.6)
    alone = [mixture.gains([text])[0] for text in texts]
    assert mixture.gains(texts) == pytest.approx(alone, abs=1e-5)


def test_a_shared_history_is_that_of_the_first_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture_module, "_MEMORY", 2)
    mixture = LanguageModelMixture(corpus(), random_model(), share=0.6)
    first, second = ["W1", "W2", "W3", "W4"], ["W5", "W2", "W3", "W4"]
    alone = mixture.gains([first])[0], mixture.gains([second])[0]
    together = mixture.gains([first, second])
    assert together[0] == pytest.approx(alone[0], abs=1e-6)
    assert together[1] != pytest.approx(alone[1], abs=1e-6)


def test_unknown_words_keep_what_the_ngram_says() -> None:
    mixture = LanguageModelMixture(corpus(), random_model(), share=1.0)
    known, beside = mixture.gains([["W1"], ["NEVER"]])
    end = random_model().score_words(["NEVER"])[-1] - corpus().score_words(["NEVER"])[-1]
    assert beside == pytest.approx(end, abs=1e-5)
    assert known != pytest.approx(beside)


def test_perplexity_of_both() -> None:
    ngram, texts = corpus(), [["W1", "W2"], ["RARE"], ["W3", "NEVER"]]
    assert score_text(
        ngram, texts, mixture=LanguageModelMixture(ngram, random_model(), share=0.0)
    ) == score_text(ngram, texts)
    mixture = LanguageModelMixture(ngram, random_model(), share=0.5)
    assert score_text(ngram, texts, mixture=mixture).log_prob == pytest.approx(
        score_text(ngram, texts).log_prob + mixture.gains(texts).sum(), abs=1e-4
    )


def test_a_file_keeps_the_model_in_eight_bits(tmp_path: Path) -> None:
    model = random_model()
    write_recurrent_model(tmp_path / "m.rnn", model)
    read = read_recurrent_model(tmp_path / "m.rnn")
    assert read.words == model.words
    for name, before, after in zip(RecurrentWeights._fields, model.weights, read.weights, strict=True):
        rows = before if before.ndim == 2 else before[:, None]
        error = np.abs(after.reshape(rows.shape) - rows).max(axis=1)
        assert (error <= (np.abs(rows).max(axis=1) / 250 if before.ndim == 2 else 0)).all(), name


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.rnn"
    with pytest.raises(LanguageModelError, match="cannot read"):
        read_recurrent_model(path)
    for content in (b"", b"PK\x03\x04 no", b"\\data\\\nngram 1=3\n"):
        path.write_bytes(content)
        with pytest.raises(LanguageModelError, match="not a recurrent language model"):
            read_recurrent_model(path)
    model = random_model()
    write_recurrent_model(path, RecurrentModel(model.words[:-1], model.weights))
    with pytest.raises(LanguageModelError, match="8 words for 9 embeddings"):
        read_recurrent_model(path)
    write_recurrent_model(path, model)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(LanguageModelError, match="not a recurrent language model"):
        read_recurrent_model(path)


@pytest.mark.parametrize("threads", [1, 2])
def test_it_chooses_among_what_the_letters_leave_open(tmp_path: Path, threads: int) -> None:
    words = ("<unk>", "</s>", "AB", "AC")
    write_language_model(tmp_path / "lm.lm", estimate([["AB"], ["AC"]] * 3, order=1))
    options = {"method": "beam", "lm": str(tmp_path / "lm.lm"), "lexicon": "lm", "recurrent_share": 0.9}
    unsure = np.log(np.full((3, 9), 0.1, np.float32))
    unsure[0, 2] = math.log(0.9)  # A, and then nobody knows
    heard = Emission(unsure)
    for word in words[2:]:
        write_recurrent_model(tmp_path / "m.rnn", fond_of(word, words))
        config = DecodingOptions(**options, recurrent_lm=str(tmp_path / "m.rnn"))  # type: ignore[arg-type]
        decoder = Decoder(config, TOKENIZER, seconds_per_frame=0.04)
        assert decoder(heard).text == word
        assert [one.text for one in decoder.n_best(heard, 2)] == [word, *({"AB", "AC"} - {word})]
        assert decoder.transcripts([heard] * 3, threads=threads) == [word] * 3
        assert [one.text for one in decoder.decode_batch([heard] * 3, threads=threads)] == [word] * 3
        stream = decoder.stream()
        stream.feed(heard)
        assert stream.best(final=True).text == word


def test_it_chooses_among_what_the_phones_leave_open(tmp_path: Path) -> None:
    words = ("<unk>", "</s>", "FOR", "FOUR")
    write_language_model(tmp_path / "lm.lm", estimate([["FOR"], ["FOUR"]] * 3, order=1))
    pronunciations = tmp_path / "words.phones"
    pronunciations.write_text("FOR  f ɔ\nFOUR  f ɔ\n")
    heard = Emission(
        sure_of(*((0, 9) for _ in range(5))), sure_of(*((phone, 3) for phone in (1, 0, 2, 0, 0)))
    )
    for word in words[2:]:
        write_recurrent_model(tmp_path / "m.rnn", fond_of(word, words))
        config = DecodingOptions(
            "beam",
            lm=str(tmp_path / "lm.lm"),
            recurrent_lm=str(tmp_path / "m.rnn"),
            pronunciations=str(pronunciations),
        )
        decoder = Decoder(config, TOKENIZER, seconds_per_frame=0.1, phones=("f", "ɔ"))
        assert decoder(heard).text == word
        assert decoder.with_options(decoder.options).transcripts([heard]) == [word]
        stream = decoder.stream()
        stream.feed(heard)
        assert stream.best(final=True).text == word


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.rnn"
    write_recurrent_model(path, random_model())
    with pytest.raises(DecodingError, match="name that, too"):
        Decoder(DecodingOptions("beam", recurrent_lm=str(path)), TOKENIZER, seconds_per_frame=0.04)
    with pytest.raises(DecodingError, match="choose beam decoding"):
        Decoder(DecodingOptions("greedy", recurrent_lm=str(path)), TOKENIZER, seconds_per_frame=0.04)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(DecodingError, match="recurrent share"):
            LanguageModelMixture(corpus(), random_model(), share=share)
    with pytest.raises(DecodingError, match="not of characters"):
        LanguageModelMixture(estimate([list("ab|a")], order=2), random_model(), share=0.5)
    with pytest.raises(DecodingError, match="none of its words"):
        LanguageModelMixture(estimate([["OTHER"]], order=1), random_model(), share=0.5)
