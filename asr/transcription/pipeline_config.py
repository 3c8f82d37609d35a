"""How recordings go through the network and the search."""

from dataclasses import dataclass, field
from typing import get_args

from asr.errors import UsageError
from asr.options import option
from asr.transcription.activity import VoiceActivity
from asr.transcription.channels import CHANNELS, Channels
from asr.transcription.stretches import StretchRules
from asr.transcription.transcript import PAUSE
from asr.transcription.windows import Windowing


@dataclass(frozen=True)
class PipelineConfig:
    """How recordings go through the network.

    Fields with a `help` are options of the command line.

    Attributes:
        windowing: of long recordings, where the network itself looks for pauses.
        stretches: where recordings are cut.
        threads: of the beam search.
        n_best: texts of each stretch; above 1 they are the transcription's `alternatives`.
        channels: see `channels.choose_tracks`.

    Raises:
        UsageError: `n_best` below 1, or `channels` something else.
    """

    windowing: Windowing = field(default_factory=Windowing)
    stretches: StretchRules = field(default_factory=StretchRules)
    vad: VoiceActivity = option(
        "none",
        "what finds the pauses: the network itself, in recordings that are too long for one window (none); "
        "silero-vad, or energy, in all recordings",
        choices=get_args(VoiceActivity),
    )
    seconds_per_batch: float = option(
        120.0, "padded seconds that go through the network together", metavar="S"
    )
    pause: float = option(
        PAUSE,
        "seconds between two words that part two segments of the transcript",
        name="segment_pause",
        metavar="S",
    )
    threads: int = 1
    n_best: int = 1
    channels: Channels = option(
        "mix",
        "of recordings of several channels, such as calls: mix adds them up; separate transcribes each by itself and says which, "
        "without what leaks into it from the others; auto does that unless they carry the same signal; 1 and 2 take one of "
        "them; utterances of a manifest that know their channel keep it, and mix, 1 and 2 leave leaks in them",
        choices=CHANNELS,
    )

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise UsageError(f"channels {self.channels!r}; expected {', '.join(CHANNELS)}")
        if self.n_best < 1:
            raise UsageError(f"n-best {self.n_best}; expected at least 1")
