"""What an epoch of training and a validation add up to, over steps and over processes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from asr.evaluation.scoring import Score, ScoredUtterance
from asr.training.lexicon import PhoneErrors


class Agreement(NamedTuple):
    """What all processes know after each step, because they added it up together.

    Attributes:
        weight: tokens in the batches of the step, or utterances, by `optimizer.loss_per`, as often as each utterance weighs.
        unreadable: utterances left out of them.
        save: above 0 when the state is to be saved after the step.
        stop: above 0 when training is to save and stop after the step.
        requeue: above 0 when the job is to be queued again, too.
    """

    weight: float = 0
    unreadable: int = 0
    save: int = 0
    stop: int = 0
    requeue: int = 0


@dataclass
class TrainTotals:
    """What an epoch of training adds up to; losses in nats.

    `steps` to `unreadable` are common to all processes, the rest is each one's own.
    """

    loss: float = 0.0
    tokens: float = 0
    audio_seconds: float = 0.0
    busy_seconds: float = 0.0
    waiting_seconds: float = 0.0
    unreadable_named: list[str] = field(default_factory=list)
    steps: int = 0
    gradient_norm: float = 0.0
    clipped: int = 0
    nonfinite: int = 0
    unreadable: int = 0

    @classmethod
    def merged(cls, parts: Sequence["TrainTotals"]) -> "TrainTotals":
        """Of several processes."""
        first = parts[0]
        return cls(
            loss=sum(part.loss for part in parts),
            tokens=sum(part.tokens for part in parts),
            audio_seconds=sum(part.audio_seconds for part in parts),
            busy_seconds=first.busy_seconds,
            waiting_seconds=first.waiting_seconds,
            unreadable_named=[name for part in parts for name in part.unreadable_named],
            steps=first.steps,
            gradient_norm=first.gradient_norm,
            clipped=first.clipped,
            nonfinite=first.nonfinite,
            unreadable=first.unreadable,
        )

    @classmethod
    def shared_out(cls, parts: Sequence["TrainTotals"], *, rank: int, world_size: int) -> "TrainTotals":
        """A process's own part again, when a training goes on; with another number of processes the first
        of them takes what all had."""
        if len(parts) == world_size:
            return parts[rank]
        whole = cls.merged(parts)
        if rank == 0:
            return whole
        return cls(
            steps=whole.steps,
            gradient_norm=whole.gradient_norm,
            clipped=whole.clipped,
            nonfinite=whole.nonfinite,
            unreadable=whole.unreadable,
        )


@dataclass
class DevTotals:
    """What a validation adds up to; losses in nats."""

    loss: float = 0.0
    tokens: int = 0
    frames: int = 0
    blanks: int = 0
    phone_errors: PhoneErrors = field(default_factory=PhoneErrors)
    utterances: list[ScoredUtterance] = field(default_factory=list)
    decoded: list[ScoredUtterance] = field(default_factory=list)
    decoding_seconds: float = 0.0

    @classmethod
    def merged(cls, parts: Sequence["DevTotals"]) -> "DevTotals":
        """Of several processes, each with its own utterances."""
        return cls(
            loss=sum(part.loss for part in parts),
            tokens=sum(part.tokens for part in parts),
            frames=sum(part.frames for part in parts),
            blanks=sum(part.blanks for part in parts),
            phone_errors=sum((part.phone_errors for part in parts), PhoneErrors()),
            utterances=sorted((item for part in parts for item in part.utterances), key=lambda item: item.id),
            decoded=sorted((item for part in parts for item in part.decoded), key=lambda item: item.id),
            decoding_seconds=max(part.decoding_seconds for part in parts),
        )

    @property
    def score(self) -> Score:
        """Pooled WER and CER, greedy."""
        return Score(self.utterances)

    @property
    def decoded_wer(self) -> float:
        """Pooled WER of the utterances that went through the whole of decoding; NaN without any."""
        return Score(self.decoded).wer if self.decoded else math.nan
