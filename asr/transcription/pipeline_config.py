"""How recordings go through the network and the search."""

from dataclasses import dataclass, field

from asr.errors import UsageError
from asr.transcription.activity import VoiceActivity
from asr.transcription.channels import CHANNELS, Channels
from asr.transcription.stretches import StretchRules
from asr.transcription.transcript import PAUSE
from asr.transcription.windows import Windowing


@dataclass(frozen=True)
class PipelineConfig:
    """How recordings go through the network.

    Attributes:
        windowing: of long recordings, where the network itself looks for pauses.
        stretches: where recordings are cut.
        vad: what finds the pauses; "none" is the network itself, and short recordings stay whole.
        seconds_per_batch: padded seconds that go through the network together.
        pause: seconds between two words that part two segments.
        threads: of the beam search.
        n_best: texts of each stretch; above 1 they are the transcription's `alternatives`.
        channels: what is made of recordings of several channels, whose channel nothing else says: "mix" adds them up,
            "separate" transcribes each by itself, "auto" does that where they do not carry the same signal, "1" and "2" take
            one of them. See `channels.choose_tracks`.

    Raises:
        UsageError: `n_best` below 1, or `channels` something else.
    """

    windowing: Windowing = field(default_factory=Windowing)
    stretches: StretchRules = field(default_factory=StretchRules)
    vad: VoiceActivity = "none"
    seconds_per_batch: float = 120.0
    pause: float = PAUSE
    threads: int = 1
    n_best: int = 1
    channels: Channels = "mix"

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise UsageError(f"channels {self.channels!r}; expected {', '.join(CHANNELS)}")
        if self.n_best < 1:
            raise UsageError(f"n-best {self.n_best}; expected at least 1")
