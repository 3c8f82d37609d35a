"""The auxiliary CTC loss: on phones, or on the characters themselves, of the last layer or a lower one."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from asr.config import AuxiliaryConfig
from asr.data.batching import Batch, pad_rows
from asr.data.pronunciation import phone_set, pronounce, read_pronunciations
from asr.data.tokenizer import BLANK, Tokenizer
from asr.errors import ConfigError, TranscriptError
from asr.model.acoustic import AcousticModel, Emission, log_probs_of
from asr.model.encoder import Encoding


class SpokenWords(NamedTuple):
    """How the words of the training data are said.

    Attributes:
        phones: in the order of their ids, from 1.
        ids: word -> ids of its phones.
    """

    phones: tuple[str, ...]
    ids: dict[str, list[int]]


def read_spoken_words(
    config: AuxiliaryConfig, tokenizer: Tokenizer, transcripts: Iterable[str]
) -> SpokenWords | None:
    """The words' phones; None where the auxiliary loss is on characters, or there is none.

    Args:
        config: names the dictionary.
        tokenizer: of the main loss.
        transcripts: of the training data; each word needs a pronunciation.

    Raises:
        TranscriptError: a word without pronunciation.
    """
    if config.weight <= 0 or config.pronunciations is None:
        return None
    words = sorted({word for text in transcripts for word in tokenizer.normalise(text).split()})
    dictionary = read_pronunciations(config.pronunciations)
    try:
        pronounce(" ".join(words), dictionary)
    except TranscriptError as error:
        raise TranscriptError(f"{config.pronunciations}: {error}") from None
    phones = tuple(phone_set(dictionary, words))
    ids = {phone: number for number, phone in enumerate(phones, BLANK + 1)}
    return SpokenWords(phones, {word: [ids[phone] for phone in dictionary[word]] for word in words})


class AuxiliaryLoss(nn.Module):
    """CTC on layer `config.layer`: with the model's own head of phones where it has one, else with a head of its own.

    Args:
        config: where and on what.
        tokenizer: of the main loss.
        model: what is trained.
        spoken: for a loss on phones.

    Raises:
        ConfigError: no such layer.
    """

    def __init__(
        self,
        config: AuxiliaryConfig,
        tokenizer: Tokenizer,
        *,
        model: AcousticModel,
        spoken: SpokenWords | None = None,
    ) -> None:
        super().__init__()
        encoder = model.config.encoder
        if not encoder.pyramid < config.layer <= encoder.layers:
            where = "a layer at the pyramid's top" if encoder.pyramid else "a recurrent layer"
            raise ConfigError(
                f"auxiliary.layer {config.layer}; expected {where}, {encoder.pyramid + 1} to {encoder.layers}"
            )
        self.layer = config.layer
        self.tokenizer = tokenizer
        self.spoken = spoken
        self.head: nn.Linear | None = None
        if model.phone_head is None:
            vocabulary = len(tokenizer) if spoken is None else len(spoken.phones) + 1
            self.head = nn.Linear(model.encoder.size, vocabulary)

    def emission(self, model: AcousticModel, encoding: Encoding) -> Emission:
        """Log-probabilities of the layer, for all of the encoding's utterances."""
        head = self.head if self.head is not None else model.phone_head
        assert head is not None
        return Emission(log_probs_of(head, encoding.layers[self.layer - 1]), encoding.lengths)

    def forward(self, emission: Emission, batch: Batch) -> Tensor:
        """Losses in nats, one for each of the emission's utterances: the batch's, once or several times over.

        An utterance with more phones than frames counts nothing: the transcript itself was checked to fit,
        its phones were not.
        """
        tokens, lengths = self.targets(batch)
        views = len(emission.lengths) // len(lengths)
        return torch.nn.functional.ctc_loss(
            emission.log_probs.transpose(0, 1),  # (B, T', V) -> (T', B, V)
            tokens.repeat(views, 1),
            emission.lengths,
            lengths.repeat(views),
            blank=BLANK,
            reduction="none",
            zero_infinity=True,
        )

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """`(B, L)` targets and `(B,)` their lengths."""
        if self.spoken is None:
            return batch.tokens, batch.token_lengths
        ids = self.spoken.ids
        rows = [
            [phone for word in self.tokenizer.decode(tokens[:length]).split() for phone in ids[word]]
            for tokens, length in zip(batch.tokens.tolist(), batch.token_lengths.tolist(), strict=True)
        ]
        padded, lengths = pad_rows([np.array(row, dtype=np.int64) for row in rows], np.int64)
        device = batch.tokens.device
        return padded.to(device), lengths.to(device)
