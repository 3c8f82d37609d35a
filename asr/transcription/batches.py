"""Which recordings go through the network together: decided by the whole list alone.

The numbers that a network computes depend, in their last digits, on what else is in the batch. So a batch
is the same whether a run is interrupted, resumed or shared among processes, and so are its outputs.
"""

from collections.abc import Sequence

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
    batches: list[list[Recording]] = []
    open_batch: list[Recording] = []
    for recording in sorted(recordings, key=lambda recording: -_seconds(recording)):
        if _seconds(recording) > longest:
            batches.append([recording])
            continue
        if not open_batch or (
            len(open_batch) < most and _seconds(open_batch[0]) * (len(open_batch) + 1) <= seconds_per_batch
        ):
            open_batch.append(recording)
        else:
            batches.append(open_batch)
            open_batch = [recording]
    if open_batch:
        batches.append(open_batch)
    return [tuple(batch) for batch in batches]


def _seconds(recording: Recording) -> float:
    return float("inf") if recording.duration is None else recording.duration
