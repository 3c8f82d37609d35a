"""How a network that hears live sound again and again goes through it."""

from dataclasses import dataclass

from asr.errors import ConfigError


@dataclass(frozen=True)
class WindowConfig:
    """Times in seconds.

    Attributes:
        step: new sound between two passes of the network.
        left: sound before the newest settled frame that a pass reads again.
        right: sound after a frame that settles it.
        warm_up: sound heard before the first frame is settled.
        history: sound that the normalisation of the features goes by.
    """

    step: float = 0.4
    left: float = 4.0
    right: float = 1.2
    warm_up: float = 4.0
    history: float = 20.0

    def __post_init__(self) -> None:
        for name in ("step", "left", "right", "warm_up", "history"):
            value = getattr(self, name)
            if not 0 < value <= 600:
                raise ConfigError(f"live window: {name} {value}; expected seconds above 0, at most 600")
