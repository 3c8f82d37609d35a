"""How training waveforms vary."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from asr.errors import ConfigError

NoiseKind = Literal["white", "pink", "brown", "hum", "babble"]
NonSpeechKind = Literal["silence", "white", "pink", "brown", "hum", "babble", "tones", "music"]
Codec = Literal["opus", "vorbis", "mp3"]


@dataclass(frozen=True)
class SilenceConfig:
    """Time before and behind the speech, in which nobody speaks: noise 45 to 65 dB below the speech.

    Attributes:
        probability: of an utterance to get it.
        longest: seconds at most, on either side.
    """

    probability: float = 0.0
    longest: float = 0.5


@dataclass(frozen=True)
class ReverberationConfig:
    """The room that somebody speaks in.

    Attributes:
        probability: of an utterance to be in one.
        responses: a folder or manifest of impulse responses; null simulates rooms, by the image method with
            `pip install pyroomacoustics`.
        rt60: seconds in which the sound of simulated rooms falls by 60 dB, from and to.
    """

    probability: float = 0.0
    responses: str | None = None
    rt60: tuple[float, float] = (0.15, 0.8)


@dataclass(frozen=True)
class NoiseConfig:
    """Noise that is added.

    Attributes:
        probability: of an utterance to get one.
        snr: decibels by which the utterance's mean power is above the noise's, from and to.
        kinds: one of them is drawn; "babble" is 3 to 8 other training utterances at once.
        recordings: a folder or manifest of recorded noises, from which half of the noises are then taken; all of them where
            there are no `kinds`.
    """

    probability: float = 0.0
    snr: tuple[float, float] = (5.0, 25.0)
    kinds: tuple[NoiseKind, ...] = ("white", "pink", "brown", "hum", "babble")
    recordings: str | None = None


@dataclass(frozen=True)
class GainConfig:
    """How loud it was recorded, in 16 bits.

    Attributes:
        probability: of an utterance to be made louder or fainter.
        peak: decibels of its loudest sample, 0 the most that there is, from and to.
    """

    probability: float = 0.0
    peak: tuple[float, float] = (-45.0, 0.0)


@dataclass(frozen=True)
class ClippingConfig:
    """Recorded too loud.

    Attributes:
        probability: of an utterance to be clipped.
        excess: decibels by which its loudest sample is above what is left of it, from and to.
    """

    probability: float = 0.0
    excess: tuple[float, float] = (3.0, 15.0)


@dataclass(frozen=True)
class BandConfig:
    """A microphone or a line that lets only some frequencies through (Butterworth, 24 dB an octave).

    Attributes:
        probability: of an utterance to go through one.
        low: Hz from which it lets through, from and to.
        high: Hz up to which, from and to.
    """

    probability: float = 0.0
    low: tuple[float, float] = (30.0, 300.0)
    high: tuple[float, float] = (3000.0, 7500.0)


@dataclass(frozen=True)
class TelephoneConfig:
    """A telephone: 300 to 3400 Hz, 8 kHz, mu-law or A-law (ITU-T G.711).

    Attributes:
        probability: of an utterance to be a call.
    """

    probability: float = 0.0


@dataclass(frozen=True)
class CodecConfig:
    """A lossy codec.

    Attributes:
        probability: of an utterance to have been through one.
        kinds: one of them is drawn. Opus knows 8, 12, 16, 24 and 48 kHz alone.
        compression: 0 (the best sound) to 1 (the smallest file), from and to.
    """

    probability: float = 0.0
    kinds: tuple[Codec, ...] = ("opus", "mp3")
    compression: tuple[float, float] = (0.5, 1.0)


@dataclass(frozen=True)
class NonSpeechConfig:
    """Sound in which nobody speaks, and an empty transcript, so that the network learns to say nothing to it.

    Attributes:
        probability: of an utterance to be replaced by some, of the same length.
        kinds: one of them is drawn; recordings of `noise.recordings` take their turn like a kind.
    """

    probability: float = 0.0
    kinds: tuple[NonSpeechKind, ...] = (
        "silence",
        "white",
        "pink",
        "brown",
        "hum",
        "babble",
        "tones",
        "music",
    )


@dataclass(frozen=True)
class AugmentationConfig:
    """How training waveforms vary, in this order. Validation and test data are never touched.

    Attributes:
        speeds: each utterance is played at one of these speeds, chosen at random each epoch (Ko et al.
            2015); 1.0 alone leaves it as it is.
        non_speech: instead of an utterance.
        silence: before and behind it.
        reverberation: of a room.
        noise: that is added.
        clipping: of what is too loud.
        band: of a microphone.
        telephone: in place of `band`.
        codec: of a file.
        gain: of the whole.
    """

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    non_speech: NonSpeechConfig = field(default_factory=NonSpeechConfig)
    silence: SilenceConfig = field(default_factory=SilenceConfig)
    reverberation: ReverberationConfig = field(default_factory=ReverberationConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    clipping: ClippingConfig = field(default_factory=ClippingConfig)
    band: BandConfig = field(default_factory=BandConfig)
    telephone: TelephoneConfig = field(default_factory=TelephoneConfig)
    codec: CodecConfig = field(default_factory=CodecConfig)
    gain: GainConfig = field(default_factory=GainConfig)

    def longest(self, duration: float) -> float:
        """Seconds that an utterance of `duration` seconds has at most."""
        return duration / min(self.speeds) + 2 * self.silence.longest * (self.silence.probability > 0)


def check_augmentation(config: AugmentationConfig) -> None:
    """Raise ConfigError for what cannot be; all of it is listed."""
    wrong = []
    if not config.speeds or min(config.speeds) <= 0:
        wrong.append(f"speeds {list(config.speeds)}; expected speeds above 0")
    for group in fields(config)[1:]:
        own = getattr(config, group.name)
        for name, value in asdict(own).items():
            place = f"{group.name}.{name} {list(value) if isinstance(value, tuple) else value}"
            if name == "probability" and not 0 <= value <= 1:
                wrong.append(f"{place}; expected 0 to 1")
            elif name == "longest" and not 0 <= value < math.inf:
                wrong.append(f"{place}; expected seconds, 0 or more")
            elif name == "kinds":
                known = get_args(_KINDS[group.name])
                needed = getattr(own, "recordings", None) is None
                if (needed and not value) or not set(value) <= set(known):
                    wrong.append(f"{place}; expected some of {', '.join(known)}")
            elif isinstance(value, tuple):
                least, most = _LIMITS[name]
                if not least <= value[0] <= value[1] <= most:
                    wrong.append(
                        f"{place}; expected two numbers from {least:g} to {most:g}, the smaller one first"
                    )
    if config.band.low[1] >= config.band.high[0]:
        wrong.append(
            f"band.low up to {config.band.low[1]:g}, band.high from {config.band.high[0]:g}; expected less and more"
        )
    if wrong:
        raise ConfigError("; ".join(f"data.augmentation.{text}" for text in wrong))


_KINDS: dict[str, Any] = {"noise": NoiseKind, "non_speech": NonSpeechKind, "codec": Codec}
_LIMITS = {"rt60": (0.05, 5.0), "excess": (0.0, 60.0), "low": (1.0, 24000.0), "high": (100.0, 96000.0),
           "compression": (0.0, 1.0), "peak": (-96.0, 0.0), "snr": (-60.0, 120.0)}  # fmt: skip
