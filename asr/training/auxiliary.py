"""The auxiliary CTC loss on a lower layer: on phones, or on the characters themselves."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from asr.config import AuxiliaryConfig
from asr.data.batching import Batch, pad_rows
from asr.data.pronunciation import phone_set, pronounce, read_pronunciations
from asr.data.tokenizer import BLANK, Tokenizer
from asr.errors import ConfigError, TranscriptError
from asr.model.encoder import Encoding


class AuxiliaryLoss(nn.Module):
    """A head of its own on layer `config.layer`.

    Args:
        config: where and on what.
        tokenizer: of the main loss.
        size: E, the width of the encoder.
        layers: how many recurrent layers there are.
        pyramid: after how many of them time is halved; the layers below have more frames than the encoding says.
        transcripts: of the training data; each word needs a pronunciation.

    Raises:
        ConfigError: no such layer.
        TranscriptError: a word without pronunciation.
    """

    def __init__(
        self,
        config: AuxiliaryConfig,
        tokenizer: Tokenizer,
        *,
        size: int,
        layers: int,
        pyramid: int = 0,
        transcripts: Iterable[str],
    ) -> None:
        super().__init__()
        if not pyramid < config.layer <= layers:
            where = "a layer at the pyramid's top" if pyramid else "a recurrent layer"
            raise ConfigError(f"auxiliary.layer {config.layer}; expected {where}, {pyramid + 1} to {layers}")
        self.layer = config.layer
        self.tokenizer = tokenizer
        self.phones: dict[str, list[int]] | None = None
        vocabulary = len(tokenizer)
        if config.pronunciations is not None:
            words = sorted({word for text in transcripts for word in tokenizer.normalise(text).split()})
            dictionary = read_pronunciations(config.pronunciations)
            try:
                pronounce(" ".join(words), dictionary)
            except TranscriptError as error:
                raise TranscriptError(f"{config.pronunciations}: {error}") from None
            ids = {phone: number for number, phone in enumerate(phone_set(dictionary, words), BLANK + 1)}
            self.phones = {word: [ids[phone] for phone in dictionary[word]] for word in words}
            vocabulary = len(ids) + 1
        self.head = nn.Linear(size, vocabulary)

    def forward(self, encoding: Encoding, batch: Batch) -> Tensor:
        """Losses in nats, one for each of the encoding's utterances: the batch's, once or several times over.

        An utterance with more phones than frames counts nothing: the transcript itself was checked to fit,
        its phones were not.
        """
        log_probs = torch.log_softmax(self.head(encoding.layers[self.layer - 1]).float(), dim=2)
        tokens, lengths = self.targets(batch)
        views = len(encoding.lengths) // len(lengths)
        return torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1),  # (B, T', V) -> (T', B, V)
            tokens.repeat(views, 1),
            encoding.lengths,
            lengths.repeat(views),
            blank=BLANK,
            reduction="none",
            zero_infinity=True,
        )

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """`(B, L)` targets and `(B,)` their lengths."""
        if self.phones is None:
            return batch.tokens, batch.token_lengths
        rows = [
            [phone for word in self.tokenizer.decode(tokens[:length]).split() for phone in self.phones[word]]
            for tokens, length in zip(batch.tokens.tolist(), batch.token_lengths.tolist(), strict=True)
        ]
        padded, lengths = pad_rows([np.array(row, dtype=np.int64) for row in rows], np.int64)
        device = batch.tokens.device
        return padded.to(device), lengths.to(device)
