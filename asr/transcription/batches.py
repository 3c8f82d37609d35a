"""Which recordings go through the network together: decided by the whole list alone.

The numbers that a network computes depend, in their last digits, on what else is in the batch. So a batch
is the same whether a run is interrupted, resumed or shared among processes, and so are its outputs.
"""

from collections.abc import Sequence

from asr.data.padded_budget import fill_batches
from asr.transcription.recordings import Recording

Batch = tuple[Recording, ...]


def plan_batches(
    recordings: Sequence[Recording], *, longest: float, seconds_per_batch: float, most: int = 64
) -> list[Batch]:
    """Short recordings of like length together; each long one, and each of unknown length, by itself.

    Args:
        recordings: all of a run, whatever is done already.
        longest: seconds of a recording that goes through the network whole.
        seconds_per_batch: budget of padded seconds.
        most: recordings in a batch at most.

    Returns:
        The longest first, so that processes that share them finish together.
    """
    ordered = sorted(recordings, key=lambda recording: -_seconds(recording))
    alone = [(recording,) for recording in ordered if _seconds(recording) > longest]
    shared = fill_batches(ordered[len(alone) :], _seconds, most=seconds_per_batch, at_most=most)
    return [*alone, *map(tuple, shared)]


def _seconds(recording: Recording) -> float:
    return float("inf") if recording.duration is None else recording.duration
