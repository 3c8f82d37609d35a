"""What a transducer and an attention decoder have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor, nn

from asr.data.tokenizer import required_frames
from asr.errors import ConfigError


@dataclass(frozen=True)
class ObjectiveConfig:
    """What the network is trained to do.

    Attributes:
        kind: "ctc" (Graves et al. 2006); "transducer" (Graves 2012, 2013), which knows what it has written;
            "attention" (Bahdanau et al. 2016; Chan et al. 2016), which chooses where to listen.
        ctc_weight: share of the CTC loss beside a transducer's or an attention decoder's own (Kim, Hori &
            Watanabe 2017), above 0: the CTC head is what times the words.
        embedding_size: of the tokens written so far.
        hidden_size: LSTM cells that remember them.
        joint_size: units in which encoder and tokens meet.
        dropout: share of the embeddings dropped, in training.
    """

    kind: Literal["ctc", "transducer", "attention"] = "ctc"
    ctc_weight: float = 0.3
    embedding_size: int = 64
    hidden_size: int = 192
    joint_size: int = 192
    dropout: float = 0.2


class Recognised(NamedTuple):
    """What a search found: token ids, and the natural log of their probability."""

    tokens: list[int]
    score: float


class Objective(nn.Module):
    """A decoder network on top of the encoder.

    Raises:
        ConfigError: a share of the CTC loss that is not above 0 and below 1.
    """

    def __init__(self, config: ObjectiveConfig) -> None:
        super().__init__()
        if not 0 < config.ctc_weight < 1:
            raise ConfigError(
                f"objective.ctc_weight {config.ctc_weight}; expected above 0 and below 1: the CTC head times the words"
            )
        self.config = config

    def loss(self, hidden: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Tensor:
        """-ln P(tokens | encodings), `(B,)` float32.

        Args:
            hidden: `(B, T', E)` encodings.
            lengths: `(B,)` their frames.
            tokens: `(B, L)` int64, padded with anything.
            token_lengths: `(B,)` int64.
        """
        raise NotImplementedError

    def search(self, hidden: Tensor, *, beam_width: int, n_best: int = 1) -> list[Recognised]:
        """The most probable token sequences of one utterance that the search finds, best first.

        Only sequences that CTC can align with the frames are followed: the CTC head times their words.

        Args:
            hidden: `(T', E)` encodings.
            beam_width: sequences kept; 1 is greedy.
            n_best: how many are wanted.
        """
        raise NotImplementedError


def fits(tokens: Sequence[int], frames: int) -> bool:
    """Whether CTC can align the tokens with so many frames."""
    return required_frames(tokens) <= frames
