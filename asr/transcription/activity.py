"""Three ways to tell where somebody speaks: the network's own blanks, silero-vad, and energy."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.errors import UsageError
from asr.extras import install_command
from asr.transcription.stretches import Activity, Detector
from asr.transcription.windows import Windowing, emit_blocks

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

VoiceActivity = Literal["none", "silero", "energy"]


def choose_detector(
    kind: VoiceActivity, transcriber: "Transcriber", *, windowing: Windowing, where: str
) -> Detector:
    """The detector called `kind`, at the transcriber's rate; "none" asks the network itself.

    Raises:
        UsageError: silero-vad is not installed, or does not work at the model's rate.
    """
    if kind == "silero":
        return silero_detector(sample_rate=transcriber.sample_rate)
    if kind == "energy":
        return energy_detector(sample_rate=transcriber.sample_rate)
    return network_detector(transcriber, windowing=windowing, where=where)


def network_detector(transcriber: "Transcriber", *, windowing: Windowing, where: str) -> Detector:
    """Speech is where the most probable token of the network, in overlapping windows, is a character.

    The network's first pass over a recording; neither noise nor music that it takes for blanks disturbs it.
    """
    alphabet = transcriber.decoder.alphabet
    step = round(transcriber.seconds_per_frame * transcriber.sample_rate)
    silent = [BLANK, alphabet.space]

    def detect(blocks: Iterable[np.ndarray]) -> Iterator[Activity]:
        for emission in emit_blocks(transcriber.emitter, blocks, windowing=windowing, where=where):
            yield Activity(~np.isin(emission.letters.argmax(axis=1), silent), step)

    return detect


def energy_detector(*, sample_rate: int, top_db: float = 30.0, piece: float = 30.0) -> Detector:
    """Speech is what is less than `top_db` below the loudest frame (`librosa.effects.split`).

    The loudest frame is that of the piece, or of an earlier one, which counts for 6 dB less with each piece
    that follows: so a piece without speech is not taken for speech, and a loud noise is forgotten.

    Args:
        sample_rate: Hz.
        top_db: decibels.
        piece: seconds.
    """
    step = sample_rate // 100
    frame = 4 * step

    def detect(blocks: Iterable[np.ndarray]) -> Iterator[Activity]:
        import librosa

        loudest = 0.0
        for waveform in _pieces(blocks, round(piece * 100) * step):
            speech = np.zeros(-(-len(waveform) // step), dtype=bool)
            energy = librosa.feature.rms(y=waveform, frame_length=frame, hop_length=step)
            loudest = max(float(energy.max()), loudest / 2)
            if loudest > 1e-5:  # else digital silence
                for first, last in librosa.effects.split(
                    waveform, top_db=top_db, ref=loudest, frame_length=frame, hop_length=step
                ):
                    speech[first // step : -(-last // step)] = True
            yield Activity(speech, step)

    return detect


def silero_detector(*, sample_rate: int, threshold: float = 0.5) -> Detector:
    """Speech is where silero-vad (Silero Team 2021) gives it a probability of at least `threshold`.

    Its recurrent state goes through the whole recording.

    Raises:
        UsageError: not installed, or the rate is neither 8 nor 16 kHz.
    """
    model = _silero_model()
    if sample_rate not in (8000, 16000):
        raise UsageError(
            f"--vad silero works at 8000 and 16000 Hz, the model at {sample_rate}; take --vad energy"
        )
    import torch

    step = sample_rate * 32 // 1000

    def detect(blocks: Iterable[np.ndarray]) -> Iterator[Activity]:
        model.reset_states()
        for waveform in _pieces(blocks, 32 * step):
            padded = np.pad(waveform, (0, -len(waveform) % step)).astype(np.float32)
            with torch.inference_mode():
                probability = [
                    float(model(torch.from_numpy(frame), sample_rate)) for frame in padded.reshape(-1, step)
                ]
            yield Activity(np.array(probability) >= threshold, step)

    return detect


@cache
def _silero_model() -> Any:
    """silero-vad's network, which lies in its wheel; loaded once. It keeps a state: one recording at a time."""
    import torch

    threads = torch.get_num_threads()
    try:
        from silero_vad import load_silero_vad
    except ImportError:
        raise UsageError(
            f"--vad silero needs silero-vad: `{install_command('vad')}`; or take --vad energy"
        ) from None
    torch.set_num_threads(threads)  # importing it sets one thread for everybody
    return load_silero_vad()


def _pieces(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same waveform in blocks of `size` samples; the last may be shorter."""
    waiting = np.empty(0, np.float32)
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if len(waiting):
        yield waiting
