"""What the encoder is trained towards: a loss for each head, on letters or on phones, by CTC or by CTC-CRF."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from asr.config import ExperimentConfig, LettersHeadConfig, PhonesHeadConfig, UnitModelConfig
from asr.data.batching import Batch
from asr.data.manifest import Utterance
from asr.data.tokenizer import Tokenizer
from asr.data.validation import Finding, too_few_frames
from asr.decoding.greedy import greedy_path
from asr.errors import ConfigError
from asr.language_model.arpa import write_arpa
from asr.language_model.binary import read_language_model
from asr.language_model.ngram import NgramModel
from asr.model.acoustic import AcousticModel, AcousticModelConfig, Emission, log_probs_of
from asr.model.ctc_crf import log_partition, unit_posteriors
from asr.model.encoder import Encoding
from asr.model.losses import ctc_loss
from asr.model.unit_graphs import batch_graphs, build_graph, fewest_frames, graph_log_likelihood
from asr.model.unit_model import estimate_unit_model, sequence_scores, unit_table
from asr.training.lexicon import Lexicon, PhoneErrors, count_phone_errors, read_lexicon

HeadName = Literal["letters", "phones"]

# How an ARPA file spells the space between words.
_SPACE = "|"


@dataclass(frozen=True)
class HeadData:
    """What the heads need beside their configuration, made of the training data once.

    Attributes:
        lexicon: for a head of phones.
        unit_models: for the heads that are trained with CTC-CRF.
    """

    lexicon: Lexicon | None
    unit_models: dict[HeadName, NgramModel]

    def save(self, run_dir: Path) -> None:
        """Keep the unit models in the run folder."""
        for name, model in self.unit_models.items():
            write_arpa(unit_model_path(run_dir, name), model)

    def phones_of_model(self, config: ExperimentConfig) -> tuple[str, ...]:
        """The phones of the head that stays with the model; none where it looks at a lower layer."""
        at_top = config.heads.phones.layer in (None, config.model.layers)
        return self.lexicon.phones if self.lexicon is not None and at_top else ()


NO_HEAD_DATA = HeadData(None, {})


def unit_model_path(run_dir: Path, head: HeadName) -> Path:
    """Where a run keeps the unit model of a head."""
    return run_dir / f"{head}.arpa"


def read_head_data(
    config: ExperimentConfig,
    tokenizer: Tokenizer,
    transcripts: Callable[[], Iterable[str]],
    *,
    dev: Sequence[Utterance] = (),
    run_dir: Path | None = None,
) -> HeadData:
    """Read pronunciations, and read or estimate unit models.

    Args:
        config: the experiment.
        tokenizer: of the letters.
        transcripts: gives those of the training data, anew each time.
        dev: what is validated on.
        run_dir: of a run that goes on: its own unit models are taken.

    Raises:
        TranscriptError: a word without pronunciation.
        LanguageModelError: a unit model that cannot be read or estimated.
    """
    heads = config.heads
    lexicon = None
    if heads.phones.weight > 0:
        dev_texts = (utterance.text or "" for utterance in dev)
        lexicon = read_lexicon(heads.phones, tokenizer, transcripts(), dev=dev_texts)
    found: dict[HeadName, NgramModel] = {}

    def unit_model(
        name: HeadName, settings: UnitModelConfig, units: Sequence[str], sequences: Iterable[Sequence[str]]
    ) -> None:
        kept = unit_model_path(run_dir, name) if run_dir is not None else None
        path = kept if kept is not None and kept.exists() else settings.file
        if path is not None:
            found[name] = read_language_model(path)
        else:
            found[name] = estimate_unit_model(sequences, units, order=settings.order)

    if _is_crf(heads.letters):
        letters = letter_units(tokenizer)
        unit_model(
            "letters",
            heads.letters.unit_model,
            letters,
            ([letters[token - 1] for token in tokenizer.encode(text)] for text in transcripts()),
        )
    if lexicon is not None and _is_crf(heads.phones):
        unit_model(
            "phones",
            heads.phones.unit_model,
            lexicon.phones,
            _said(lexicon, (tokenizer.normalise(text) for text in transcripts())),
        )
    return HeadData(lexicon, found)


def _said(lexicon: Lexicon, transcripts: Iterable[str]) -> Iterator[list[str]]:
    """The phones of each transcript, for counting: the ways to say a word take turns."""
    turns: dict[str, int] = {}
    for text in transcripts:
        spoken: list[str] = []
        for word in text.split():
            ways, turn = lexicon.ways[word], turns.get(word, 0)
            turns[word] = turn + 1
            spoken += [lexicon.phones[phone - 1] for phone in ways[turn % len(ways)]]
        yield spoken


def letter_units(tokenizer: Tokenizer) -> list[str]:
    """The tokens but the blank as an n-gram model spells them: `|` for the space.

    Raises:
        ConfigError: an alphabet with both.
    """
    units = [_SPACE if symbol == " " else symbol for symbol in tokenizer.vocabulary[1:]]
    if len(set(units)) < len(units):
        raise ConfigError(
            f"tokenizer.alphabet has both a space and {_SPACE!r}, which stands for it in a unit model; leave one out, or "
            "take heads.letters.loss ctc"
        )
    return units


def _is_crf(config: LettersHeadConfig | PhonesHeadConfig) -> bool:
    return config.weight > 0 and config.loss == "ctc_crf"


def _check(config: ExperimentConfig) -> None:
    """Raise ConfigError for weights and layers that make no sense."""
    heads = config.heads
    weights = {
        "letters.weight": heads.letters.weight,
        "letters.ctc_weight": heads.letters.ctc_weight,
        "phones.weight": heads.phones.weight,
        "phones.ctc_weight": heads.phones.ctc_weight,
        "intermediate.weight": heads.intermediate.weight,
    }
    for name, weight in weights.items():
        if not 0 <= weight < float("inf"):
            raise ConfigError(f"heads.{name} {weight}; expected 0 or more")
    if heads.letters.weight == 0 and heads.phones.weight == 0:
        raise ConfigError("heads.letters.weight and heads.phones.weight are both 0; one head has to learn")
    if heads.letters.weight == 0 and config.objective.kind != "ctc":
        raise ConfigError(
            f"heads.letters.weight 0 with objective.kind {config.objective.kind}; its words are timed by the letters' head"
        )
    if config.training.best_by == "decoded_wer" and not config.dev_decoding.utterances:
        raise ConfigError(
            "training.best_by decoded_wer needs dev_decoding.utterances above 0, and its options"
        )
    if config.training.best_by == "per" and heads.phones.weight == 0:
        raise ConfigError("training.best_by per needs a head of phones; set heads.phones.weight, or take wer")
    pyramid, layers = config.model.pyramid, config.model.layers
    for name, weight, layer in (
        ("phones", heads.phones.weight, heads.phones.layer),
        ("intermediate", heads.intermediate.weight, heads.intermediate.layer),
    ):
        if weight > 0 and layer is not None and not pyramid < layer <= layers:
            where = "a layer at the pyramid's top" if pyramid else "a recurrent layer"
            raise ConfigError(f"heads.{name}.layer {layer}; expected {where}, {pyramid + 1} to {layers}")


class Heads(nn.Module):
    """The heads of a training and their losses; those that the model itself does not have are trained here.

    Args:
        config: the experiment.
        data: of `read_head_data`.
        tokenizer: of the letters.
        encoding_size: E.

    Raises:
        ConfigError: weights or layers that make no sense.
        LanguageModelError: a unit model that lacks units.
    """

    letters_table: Tensor | None
    phones_table: Tensor | None

    def __init__(
        self, config: ExperimentConfig, data: HeadData, tokenizer: Tokenizer, *, encoding_size: int
    ) -> None:
        super().__init__()
        _check(config)
        self.config = config.heads
        self.lexicon = data.lexicon
        self.tokenizer = tokenizer
        units: dict[HeadName, Sequence[str]] = {"letters": (), "phones": ()}
        if "letters" in data.unit_models:
            units["letters"] = letter_units(tokenizer)
        if data.lexicon is not None:
            units["phones"] = data.lexicon.phones
        for name, symbols in units.items():
            model = data.unit_models.get(name)
            table = unit_table(model, symbols) if model is not None else None
            # Made anew of the run folder's file: nothing that a state has to hold.
            self.register_buffer(f"{name}_table", table, persistent=False)
        # Graphs are built on the CPU, whatever the device.
        self._phones_table = self.phones_table.numpy().copy() if self.phones_table is not None else None
        self.own_phone_head: nn.Linear | None = None
        self.intermediate_head: nn.Linear | None = None
        if data.lexicon is not None and not data.phones_of_model(config):
            self.own_phone_head = nn.Linear(encoding_size, len(data.lexicon.phones) + 1)
        if config.heads.intermediate.weight > 0:
            self.intermediate_head = nn.Linear(encoding_size, len(tokenizer))

    def letters_losses(self, emission: Emission, tokens: Tensor, token_lengths: Tensor) -> Tensor:
        """Losses in nats of the model's letters, `(B,)`.

        Args:
            emission: of `AcousticModel.emission`.
            tokens: `(B, L)` int64, padded with anything.
            token_lengths: `(B,)` int64.
        """
        ctc = ctc_loss(emission, tokens, token_lengths)
        if self.letters_table is None:
            return ctc
        prior = sequence_scores(self.letters_table, tokens, token_lengths)
        everything = log_partition(emission.log_probs, emission.lengths, self.letters_table)
        return everything - (prior - ctc) + self.config.letters.ctc_weight * ctc

    def phones_emission(self, model: AcousticModel, encoding: Encoding) -> Emission:
        """Log-probabilities of phones, of the layer that the head looks at."""
        if self.own_phone_head is None:
            assert model.phone_head is not None
            return Emission(log_probs_of(model.phone_head, encoding.hidden), encoding.lengths)
        layer = self.config.phones.layer
        assert layer is not None
        return Emission(log_probs_of(self.own_phone_head, encoding.layers[layer - 1]), encoding.lengths)

    def phones_losses(self, emission: Emission, batch: Batch) -> Tensor:
        """Losses in nats of the phones, one for each of the emission's utterances: the batch's, once or several times over.

        All ways to say a transcript count. Plain CTC takes them as equally likely, CTC-CRF as likely as the unit model has them.
        """
        assert self.lexicon is not None
        graphs = batch_graphs(
            [build_graph(self.lexicon.words(text), self._phones_table) for text in self.texts(batch)]
        ).to(emission.lengths.device)
        views = len(emission.lengths) // len(batch.ids)
        graphs = graphs.repeat(views)
        right = graph_log_likelihood(emission.log_probs, emission.lengths, graphs)
        ctc = graphs.totals - right
        if self.phones_table is None:
            return ctc
        everything = log_partition(emission.log_probs, emission.lengths, self.phones_table)
        return everything - right + self.config.phones.ctc_weight * ctc

    def phone_errors(self, emission: Emission, batch: Batch) -> PhoneErrors:
        """What a batch adds to the phone error rate: of the best phone of each frame, with CTC-CRF given the unit model."""
        assert self.lexicon is not None
        log_probs, found = emission.log_probs, PhoneErrors()
        if self.phones_table is not None:
            log_probs = unit_posteriors(log_probs, emission.lengths, self.phones_table)
        for row, length, text in zip(
            log_probs.cpu(), emission.lengths.tolist(), self.texts(batch), strict=True
        ):
            if self.lexicon.knows(text):
                heard = greedy_path(row[:length].numpy()).tokens
                found += count_phone_errors(heard, self.lexicon.words(text))
        return found

    def texts(self, batch: Batch) -> list[str]:
        """The transcripts of a batch, as the tokenizer normalises them."""
        return [
            self.tokenizer.decode(tokens[:length])
            for tokens, length in zip(batch.tokens.tolist(), batch.token_lengths.tolist(), strict=True)
        ]

    def intermediate_losses(self, encoding: Encoding, tokens: Tensor, token_lengths: Tensor) -> Tensor:
        """CTC losses in nats of the letters of a lower layer, `(B,)`."""
        assert self.intermediate_head is not None
        hidden = encoding.layers[self.config.intermediate.layer - 1]
        emission = Emission(log_probs_of(self.intermediate_head, hidden), encoding.lengths)
        return ctc_loss(emission, tokens, token_lengths)

    def check_fit(
        self,
        utterances: Sequence[Utterance],
        *,
        sample_rate: int,
        encoder_frames: Callable[[Tensor], Tensor],
        fastest: float = 1.0,
    ) -> Iterator[Finding]:
        """Utterances with fewer encoder frames than the shortest way to say them needs; arguments as of `validation.check_fit`."""
        if self.lexicon is None:
            return
        samples = torch.tensor([int(utterance.duration / fastest * sample_rate) for utterance in utterances])
        for utterance, frames in zip(utterances, encoder_frames(samples).tolist(), strict=True):
            needed = fewest_frames(self.lexicon.words(self.tokenizer.normalise(utterance.text or "")))
            if frames < needed:
                what = "the shortest way to say it"
                yield too_few_frames(utterance, frames, needed=needed, what=what, fastest=fastest)


def model_shape(config: ExperimentConfig, data: HeadData) -> AcousticModelConfig:
    """The shape of the model that is trained, with the phones of its second head."""
    return replace(config.acoustic_model, phones=data.phones_of_model(config))
