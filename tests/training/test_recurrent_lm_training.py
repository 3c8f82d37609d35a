"""Training of a recurrent language model: what it learns, and that it goes on where it was."""

import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from asr.cli import main
from asr.errors import TrainingError
from asr.language_model.recurrent import END, UNKNOWN, RecurrentModel, read_recurrent_model
from asr.training.recurrent_lm import RecurrentNetwork, read_lines, train_recurrent_lm
from asr.training.recurrent_lm_config import RecurrentLmConfig
from asr.training.steps import Progress
from asr.training.texts import text_batches

SMALL = RecurrentLmConfig(
    vocabulary=50, width=8, cells=16, epochs=40, negatives=20, words_per_batch=60, words_per_text=0, dropout=0.0,
    learning_rate=0.03,
)  # fmt: skip


def sentences(count: int = 300) -> list[list[str]]:
    """A language in which the last word is the first once more, two words later: beyond a bigram."""
    generator = np.random.default_rng(0)
    words = "ABCDEFGH"
    return [
        [first, *generator.choice(list("xyz"), 2), first] for first in generator.choice(list(words), count)
    ]


def train(folder: Path, config: RecurrentLmConfig = SMALL, progress=lambda _: None) -> RecurrentModel:  # type: ignore[no-untyped-def]
    lines = read_lines(sentences(), vocabulary=config.vocabulary)
    state = folder / "m.rnn.state"
    return train_recurrent_lm(lines, config, state=state, device=torch.device("cpu"), progress=progress)


def test_it_learns_what_an_ngram_cannot(tmp_path: Path) -> None:
    model = train(tmp_path)
    last = [model.score_words(sentence)[3] for sentence in sentences(40)]
    # A bigram or trigram can do no better than one in eight here.
    assert math.exp(np.mean(last)) > 0.7, np.exp(last)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 5, 500])
def test_the_sampled_loss_is_least_where_the_softmax_is_right(count: int) -> None:
    """However many words are drawn, however unevenly: at the true distribution its gradient vanishes."""
    network = RecurrentNetwork(SMALL, np.ones(5, np.int64))
    true = torch.tensor([0.02, 0.08, 0.6, 0.2, 0.1])
    drawn = torch.tensor([0.1, 0.1, 0.5, 0.1, 0.2])
    torch.manual_seed(0)
    network.embedding.weight.data.zero_()
    network.bias.data = true.log()
    gradient = torch.zeros(5)
    for _ in range(4000):
        words = torch.multinomial(true, 50, replacement=True)
        negatives = torch.multinomial(drawn, count, replacement=True)
        loss = network.sampled_loss(torch.zeros(50, 8), words, negatives, drawn.log())
        gradient += torch.autograd.grad(loss, network.bias)[0] / 4000
    assert gradient.abs().max() < 0.01


def test_a_training_that_was_stopped_ends_with_the_same_weights(tmp_path: Path) -> None:
    uninterrupted = train(tmp_path)
    steps = 0

    def stop_later(progress: Progress) -> None:
        nonlocal steps
        steps += 1
        if steps == 30:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingError, match="the same command goes on"):
        train(tmp_path, progress=stop_later)
    seen: list[int] = []
    resumed = train(tmp_path, progress=lambda progress: seen.append(progress.words))
    assert seen[0] > 1000
    for before, after in zip(uninterrupted.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_state_of_another_training_is_refused(tmp_path: Path) -> None:
    def stop(_: Progress) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingError, match="stopped"):
        train(tmp_path, progress=stop)
    with pytest.raises(TrainingError, match="another text or other settings"):
        train(tmp_path, RecurrentLmConfig(width=8, cells=16, seed=2))


def test_an_epoch_has_every_word_once() -> None:
    lines = read_lines(sentences(), vocabulary=50)
    for joined in (0, 10):
        config = RecurrentLmConfig(vocabulary=50, words_per_text=joined, words_per_batch=100)
        epochs = [list(text_batches(lines.ids, lines.starts, config, epoch=epoch)) for epoch in (0, 0, 1)]
        for batch in epochs[0]:
            assert len(batch) == 1 or (1 + max(map(len, batch))) * len(batch) <= 100
        texts = [text for batch in epochs[0] for text in batch]
        np.testing.assert_array_equal(np.sort(np.concatenate(texts)), np.sort(lines.ids))
        assert np.mean([len(text) for text in texts]) == pytest.approx(joined or 4, abs=3)
        assert str(epochs[0]) == str(epochs[1]) != str(epochs[2])


def test_rare_words_are_unknown() -> None:
    lines = read_lines([["A", "B", "A"], [], ["C", "A", "B"]], vocabulary=4)
    assert lines.words == ("<unk>", "</s>", "A", "B")
    assert lines.ids.tolist() == [2, 3, 2, UNKNOWN, 2, 3]
    assert lines.counts[[UNKNOWN, END]].tolist() == [1, 2]
    with pytest.raises(TrainingError, match="no words"):
        read_lines([[]], vocabulary=4)


@pytest.mark.parametrize("options", [{"cells": 0}, {"vocabulary": 2}, {"dropout": 1.0}, {"epochs": 0.0}])
def test_settings_without_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="expected"):
        RecurrentLmConfig(**options)  # type: ignore[arg-type]


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, out, ngram = tmp_path / "t.txt", tmp_path / "m.rnn", tmp_path / "m.arpa"
    text.write_text("\n".join(map(" ".join, sentences())))
    small = [
        "--width",
        "8",
        "--cells",
        "16",
        "--epochs",
        "12",
        "--words-per-text",
        "0",
        "--words-per-batch",
        "60",
    ]
    small += ["--learning-rate", "0.03", "--dropout", "0", "--negatives", "20"]
    assert main(["lm", "train-recurrent", str(text), str(out), *small]) == 0
    assert "13 words, 100.0% of the text" in capsys.readouterr().out
    assert len(read_recurrent_model(out).words) == 13
    assert main(["lm", "train", str(text), str(ngram), "--order", "2"]) == 0
    perplexities = []
    for options in ([], ["--recurrent-lm", str(out)]):
        capsys.readouterr()
        assert main(["lm", "score", str(ngram), str(text), *options]) == 0
        perplexities.append(float(capsys.readouterr().out.split("perplexity ")[1].split()[0]))
    assert perplexities[1] < 0.8 * perplexities[0]
    assert main(["lm", "train-recurrent", str(text), str(tmp_path / "m.arpa")]) == 2
    assert "name of an n-gram" in capsys.readouterr().err
