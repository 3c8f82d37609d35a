"""Heads of a training: letters, phones and letters of a lower layer, by CTC and by CTC-CRF."""

import csv
import dataclasses
import itertools
import math
from pathlib import Path

import pytest
import torch

from asr.config import (
    ExperimentConfig,
    HeadsConfig,
    IntermediateHeadConfig,
    LettersHeadConfig,
    PhonesHeadConfig,
    UnitModelConfig,
    load_experiment,
)
from asr.data.batching import Batch, DataConfig
from asr.data.manifest import read_manifest, write_manifest
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.errors import ConfigError, LanguageModelError, TrainingError, TranscriptError
from asr.language_model.arpa import read_arpa
from asr.model.acoustic import Emission
from asr.model.checkpoint import load_checkpoint
from asr.model.encoder import EncoderConfig, Encoding
from asr.model.unit_model import sequence_scores
from asr.training.heads import Heads, read_head_data
from asr.training.lexicon import count_phone_errors
from asr.training.module import SpeechModule
from asr.training.train import train
from asr.training.transfer import take_weights

TOKENIZER = CharacterTokenizer([BLANK_SYMBOL, *" ABC"])
TEXTS = ["A B", "AB", "B A AB", "A", "B B", "AB A"]


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "phones.dict"
    path.write_text("A  EY\nA(2)  AH\nB  B IY\nAB  AE B\nUNUSED  ZZ\n")
    return path


def make_config(**heads: object) -> ExperimentConfig:
    return ExperimentConfig(
        DataConfig("train.jsonl", "dev.jsonl"),
        model=EncoderConfig(layers=2, hidden_size=3),
        heads=HeadsConfig(**heads),  # type: ignore[arg-type]
    )


def make_heads(*texts: str, **heads: object) -> Heads:
    config = make_config(**heads)
    data = read_head_data(config, TOKENIZER, lambda: texts or TEXTS)
    return Heads(config, data, TOKENIZER, encoding_size=6)


def make_batch(*texts: str) -> Batch:
    rows = [torch.tensor(TOKENIZER.encode(text)) for text in texts]
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return Batch(
        torch.zeros(len(texts), 1), torch.ones(len(texts), dtype=torch.int64), tokens, lengths, list(texts)
    )


def make_emission(lengths: list[int], size: int) -> Emission:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(len(lengths), max(lengths), size, generator=generator)
    return Emission(torch.log_softmax(logits, dim=2), torch.tensor(lengths))


def make_encoding(lengths: list[int]) -> Encoding:
    layers = tuple(torch.randn(len(lengths), max(lengths), 6, requires_grad=True) for _ in range(2))
    return Encoding(layers[1], torch.tensor(lengths), layers)


def path_probability(log_probs: torch.Tensor, units: tuple[int, ...]) -> float:
    """Of all alignments of one sequence of units, by torch's CTC."""
    return math.exp(
        -float(
            torch.nn.functional.ctc_loss(
                log_probs[:, None].double(),
                torch.tensor([units or (0,)]),
                torch.tensor([len(log_probs)]),
                torch.tensor([len(units)]),
                reduction="none",
            )
        )
    )


def test_phones_sum_over_all_ways_to_say_the_words(dictionary: Path) -> None:
    heads = make_heads(phones=PhonesHeadConfig(1.0, pronunciations=str(dictionary)))
    assert heads.lexicon is not None
    assert heads.lexicon.phones == ("AE", "AH", "B", "EY", "IY")
    emission = make_emission([9, 7], 6)
    losses = heads.phones_losses(emission, make_batch("AB A", "B"))
    ways = [path_probability(emission.log_probs[0], (1, 3, last)) for last in (4, 2)]
    assert float(losses[0]) == pytest.approx(-math.log(sum(ways) / 2), rel=1e-5)
    assert float(losses[1]) == pytest.approx(
        -math.log(path_probability(emission.log_probs[1, :7], (3, 5))), rel=1e-5
    )


@pytest.mark.parametrize("head", ["letters", "phones"])
def test_ctc_crf_is_the_share_of_the_right_units_among_all(head: str, dictionary: Path) -> None:
    """Against an explicit sum over every sequence of units that fits into five frames."""
    heads = make_heads(
        letters=LettersHeadConfig("ctc_crf", ctc_weight=0.1),
        phones=PhonesHeadConfig(1.0, "ctc_crf", 0.1, pronunciations=str(dictionary)),
    )
    batch, frames = make_batch("AB A", "A B"), 5
    if head == "letters":
        table, size = heads.letters_table, 5
        right: list[list[tuple[int, ...]]] = [[(2, 3, 1, 2)], [(2, 1, 3)]]
    else:
        table, size = heads.phones_table, 6
        right = [[(1, 3, 4), (1, 3, 2)], [(4, 3, 5), (2, 3, 5)]]
    assert table is not None
    emission = make_emission([frames, frames], size)
    if head == "letters":
        losses = heads.letters_losses(emission, batch.tokens, batch.token_lengths)
    else:
        losses = heads.phones_losses(emission, batch)
    everything = [
        units for count in range(frames + 1) for units in itertools.product(range(1, size), repeat=count)
    ]
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(units) for units in everything], batch_first=True)
    lengths = torch.tensor([len(units) for units in everything])
    priors = dict(zip(everything, sequence_scores(table, padded.long(), lengths).exp().tolist(), strict=True))
    assert sum(priors.values()) < 1
    for row in range(2):
        log_probs = emission.log_probs[row]
        fit = {units: path_probability(log_probs, units) for units in everything}
        share = sum(priors[u] * fit[u] for u in right[row]) / sum(priors[u] * fit[u] for u in everything)
        ctc = sum(priors[u] * fit[u] for u in right[row]) / sum(priors[u] for u in right[row])
        assert float(losses[row]) == pytest.approx(-math.log(share) - 0.1 * math.log(ctc), rel=1e-4)


def test_unit_models_are_those_of_the_training_transcripts(dictionary: Path) -> None:
    """The two ways to say A take turns."""
    config = make_config(phones=PhonesHeadConfig(1.0, "ctc_crf", pronunciations=str(dictionary)))
    model = read_head_data(config, TOKENIZER, lambda: ["A", "AB", "A"]).unit_models["phones"]
    assert model.order == 3
    assert set(model.words[3:]) == {"AE", "AH", "B", "EY"}
    beginnings = [math.exp(model.score(model.start_state, model.word_id(phone))[0]) for phone in ("EY", "AH")]
    assert beginnings[0] == pytest.approx(beginnings[1])
    letters = make_config(letters=LettersHeadConfig("ctc_crf", unit_model=UnitModelConfig(order=2)))
    model = read_head_data(letters, TOKENIZER, lambda: TEXTS).unit_models["letters"]
    assert model.order == 2
    assert "|" in model.words


def test_a_unit_model_may_come_from_a_file_and_must_have_all_units(dictionary: Path, tmp_path: Path) -> None:
    config = make_config(phones=PhonesHeadConfig(1.0, "ctc_crf", pronunciations=str(dictionary)))
    data = read_head_data(config, TOKENIZER, lambda: TEXTS)
    data.save(tmp_path)
    assert read_arpa(tmp_path / "phones.arpa").words == data.unit_models["phones"].words

    def with_file(*texts: str) -> Heads:
        given = UnitModelConfig(file=str(tmp_path / "phones.arpa"))
        return make_heads(
            *texts, phones=PhonesHeadConfig(1.0, "ctc_crf", pronunciations=str(dictionary), unit_model=given)
        )

    first, second = Heads(config, data, TOKENIZER, encoding_size=6), with_file(*TEXTS)
    assert first.phones_table is not None
    assert second.phones_table is not None
    assert torch.equal(first.phones_table, second.phones_table)
    dictionary.write_text("A  EY\nA(2)  OH\nB  B IY\nAB  AE B\n", encoding="utf-8")
    with pytest.raises(LanguageModelError, match="lacks the units OH"):
        with_file(*TEXTS)


def test_more_units_than_a_dense_table_holds_are_an_error() -> None:
    signs = "".join(chr(0x4E00 + number) for number in range(300))
    tokenizer = CharacterTokenizer([BLANK_SYMBOL, *signs])
    config = make_config(letters=LettersHeadConfig("ctc_crf"))
    data = read_head_data(config, tokenizer, lambda: [signs])
    with pytest.raises(LanguageModelError, match=r"300 units.*take a lower order"):
        Heads(config, data, tokenizer, encoding_size=6)


def test_each_head_looks_at_its_own_layer_only(dictionary: Path) -> None:
    lower = make_heads(
        phones=PhonesHeadConfig(1.0, layer=1, pronunciations=str(dictionary)),
        intermediate=IntermediateHeadConfig(1.0, 1),
    )
    module = SpeechModule(make_config(), TOKENIZER)
    batch = make_batch("AB", "B")
    for losses in (
        lambda encoding: lower.phones_losses(lower.phones_emission(module.model, encoding), batch),
        lambda encoding: lower.intermediate_losses(encoding, batch.tokens, batch.token_lengths),
    ):
        encoding = make_encoding([9, 7])
        losses(encoding).sum().backward()
        first, second = encoding.layers
        assert first.grad is not None
        assert second.grad is None


def test_two_views_give_two_losses_each(dictionary: Path) -> None:
    heads = make_heads(phones=PhonesHeadConfig(1.0, "ctc_crf", pronunciations=str(dictionary)))
    once, twice = make_emission([9, 7], 6), make_emission([9, 7], 6)
    twice = Emission(twice.log_probs.repeat(2, 1, 1), twice.lengths.repeat(2))
    batch = make_batch("AB", "B")
    losses = heads.phones_losses(twice, batch)
    torch.testing.assert_close(losses, heads.phones_losses(once, batch).repeat(2))
    assert (losses > 0).all()


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({"intermediate": IntermediateHeadConfig(1.0, 3)}, r"heads\.intermediate\.layer 3.*1 to 2"),
        ({"letters": LettersHeadConfig(weight=-1.0)}, r"heads\.letters\.weight -1.0; expected 0 or more"),
        ({"letters": LettersHeadConfig(weight=0.0)}, "one head has to learn"),
        ({"phones": PhonesHeadConfig(1.0)}, r"without heads\.phones\.pronunciations"),
        ({"letters": LettersHeadConfig("ctc_crf", unit_model=UnitModelConfig(order=4))}, "order 4.*1 to 3"),
    ],
)
def test_heads_that_make_no_sense_are_refused(heads: dict[str, object], message: str) -> None:
    with pytest.raises((ConfigError, LanguageModelError), match=message):
        make_heads(**heads)


def test_the_best_by_phones_needs_phones() -> None:
    config = make_config()
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, best_by="per"))
    with pytest.raises(ConfigError, match="needs a head of phones"):
        SpeechModule(config, TOKENIZER)


def test_old_keys_are_an_error_that_names_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("data: {train: a, dev: b}\nauxiliary: {weight: 0.5}\n")
    with pytest.raises(ConfigError, match=r"old\.yaml: 'auxiliary' .*heads\.phones.*heads\.intermediate"):
        load_experiment(path)
    path.write_text("data: {train: a, dev: b}\n")
    with pytest.raises(ConfigError, match=r"heads\.phones"):
        load_experiment(path, ["--auxiliary.weight", "0.5"])


def test_a_word_without_pronunciation_is_an_error_before_training(dictionary: Path) -> None:
    with pytest.raises(TranscriptError, match=r"phones\.dict.*no pronunciation of C"):
        make_heads("A C", phones=PhonesHeadConfig(1.0, pronunciations=str(dictionary)))


def brute_errors(heard: tuple[int, ...], said: tuple[int, ...]) -> int:
    if not heard or not said:
        return len(heard) + len(said)
    return min(
        brute_errors(heard[1:], said) + 1,
        brute_errors(heard, said[1:]) + 1,
        brute_errors(heard[1:], said[1:]) + (heard[0] != said[0]),
    )


def test_phone_errors_are_those_against_the_nearest_way_to_say_it() -> None:
    words = [[[1], [2, 3]], [[3, 1], [2]], [[2]]]
    for heard in ((), (1,), (2, 3, 2, 2), (3, 3, 1, 1, 2), (1, 1, 1, 1, 1, 1)):
        nearest = min(
            brute_errors(heard, tuple(unit for way in ways for unit in way))
            for ways in itertools.product(*words)
        )
        assert count_phone_errors(heard, words) == (nearest, 4)
    assert math.isnan(type(count_phone_errors((), []))().rate)


def deeper(experiment: ExperimentConfig, dictionary: Path, **phones: object) -> ExperimentConfig:
    return dataclasses.replace(
        experiment,
        model=dataclasses.replace(experiment.model, layers=2),
        heads=HeadsConfig(phones=PhonesHeadConfig(0.5, pronunciations=str(dictionary), **phones)),  # type: ignore[arg-type]
    )


def test_a_head_on_a_lower_layer_learns_and_is_not_saved(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    config = deeper(tone_experiment, dictionary, layer=1)
    best = train(config, tmp_path / "run")
    weights = torch.load(best, weights_only=True)["weights"]
    plain = SpeechModule(
        dataclasses.replace(config, heads=HeadsConfig()), CharacterTokenizer([BLANK_SYMBOL, *"AB"])
    ).model
    assert set(weights) == set(plain.state_dict())


@pytest.mark.parametrize("loss", ["ctc", "ctc_crf"])
def test_phones_of_the_last_layer_stay_with_the_model(
    loss: str, tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    """They are saved as a head of its own, averaged as the rest is, and a later training begins with them."""
    config = deeper(tone_experiment, dictionary, loss=loss)
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, consistency=0.2, epochs=1, best_by="per")
    )
    best = train(config, tmp_path / "run")
    assert (tmp_path / "run" / "phones.arpa").exists() == (loss == "ctc_crf")
    (row,) = csv.DictReader((tmp_path / "run" / "metrics.csv").open())
    assert 0 <= float(row["dev_per"]) < math.inf
    model = load_checkpoint(best).model
    assert model.config.phones == ("AH", "B", "EY", "IY")
    assert model.phone_head is not None
    again = dataclasses.replace(config, training=dataclasses.replace(config.training, start_from=str(best)))
    tokenizer = load_checkpoint(best).tokenizer
    module = SpeechModule(again, tokenizer, head_data=read_head_data(again, tokenizer, lambda: ["A", "B"]))
    assert module.heads.own_phone_head is None
    take_weights(module.model, module.tokenizer, str(best))
    assert module.model.phone_head is not None
    assert torch.equal(module.model.phone_head.weight, model.phone_head.weight)


def test_phones_alone_can_learn(tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path) -> None:
    """The letters' head is then left as it began."""
    config = deeper(tone_experiment, dictionary, loss="ctc_crf")
    config = dataclasses.replace(
        config,
        heads=dataclasses.replace(config.heads, letters=LettersHeadConfig(weight=0.0)),
        training=dataclasses.replace(config.training, best_by="per", ema_decay=0.0),
    )
    best = train(config, tmp_path / "run")
    torch.manual_seed(0)
    model = load_checkpoint(best).model
    assert model.phone_head is not None
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").open()))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_weights_without_phones_begin_a_training_with_them(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    config = deeper(tone_experiment, dictionary)
    first = dataclasses.replace(
        config, heads=HeadsConfig(), training=dataclasses.replace(config.training, epochs=1)
    )
    best = train(first, tmp_path / "run")
    tokenizer = load_checkpoint(best).tokenizer
    module = SpeechModule(config, tokenizer, head_data=read_head_data(config, tokenizer, lambda: ["A", "B"]))
    take_weights(module.model, tokenizer, str(best))
    assert torch.equal(module.model.head.weight, load_checkpoint(best).model.head.weight)


def test_more_phones_than_frames_are_an_error_that_names_the_utterance(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    dictionary.write_text(f"A  EY\nB  {' '.join(['B', 'IY'] * 20)}\n", encoding="utf-8")
    with pytest.raises(
        TrainingError, match=r"utt u1: 0\.60 s .*encoder frames, the shortest way to say it needs 40.*utt u3"
    ):
        train(deeper(tone_experiment, dictionary), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_dev_words_without_pronunciation_are_named_and_left_out(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    utterances = read_manifest(tone_experiment.data.dev)
    utterances[0] = dataclasses.replace(utterances[0], text="BA")
    write_manifest(tone_experiment.data.dev, utterances)
    config = deeper(tone_experiment, dictionary)
    with caplog.at_level("WARNING", logger="asr"):
        train(config, tmp_path / "run")
    assert "no pronunciation of 1 words of the dev data (BA)" in caplog.text


def test_a_run_goes_on_with_the_unit_model_that_it_began_with(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    config = deeper(tone_experiment, dictionary, loss="ctc_crf")
    data = read_head_data(config, TOKENIZER, lambda: TEXTS)
    data.save(tmp_path)
    again = read_head_data(config, TOKENIZER, lambda: ["A"] * 3 + ["B", "AB"], run_dir=tmp_path)
    for name in ("log10_prob", "log10_backoff"):
        kept, read = (getattr(found.unit_models["phones"].arrays, name) for found in (data, again))
        assert kept.tolist() == read.tolist()
