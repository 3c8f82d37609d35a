"""Where recordings are transcribed: in this process, or by the workers of a cluster (`asr.transcription.ray_pool`)."""

import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol

from asr.transcription.batches import Batch, plan_batches
from asr.transcription.identity import recogniser_identity
from asr.transcription.pipeline import Outcome, transcribe_recordings
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.recordings import Recording
from asr.transcription.transcriber import Transcriber

# Told how many seconds of audio have been transcribed since it was last told; fewer than 0 where work was lost.
OnProgress = Callable[[float], None]


class Recogniser(Protocol):
    """Batches of recordings -> what became of each."""

    @property
    def config(self) -> PipelineConfig:
        """How recordings go through the network."""
        ...

    @property
    def precision(self) -> str:
        """Of the network's numbers."""
        ...

    @property
    def place(self) -> str:
        """What runs it, in words."""
        ...

    def identity(self, *others: Any) -> str:
        """See `recogniser_identity`; `others` are further settings."""
        ...

    def transcribe(self, batches: Sequence[Batch], *, progress: OnProgress) -> Iterator[Outcome]:
        """The outcome of each recording of the batches, once, as they become ready."""
        ...


class LocalRecogniser:
    """This process.

    Args:
        transcriber: the model.
        config: how recordings go through its network.
    """

    def __init__(self, transcriber: Transcriber, config: PipelineConfig) -> None:
        self.transcriber = transcriber
        self.config = config

    @property
    def precision(self) -> str:
        """See `Recogniser`."""
        return self.transcriber.emitter.info.precision

    @property
    def place(self) -> str:
        """Device, processor, threads."""
        return f"{self.transcriber.emitter.info.device} ({platform.machine()}, {self.config.threads} threads)"

    def identity(self, *others: Any) -> str:
        """Of the transcriber and its file."""
        return recogniser_identity(self.transcriber, self.config, *others)

    def transcribe(self, batches: Iterable[Batch], *, progress: OnProgress) -> Iterator[Outcome]:
        """See `transcribe_recordings`."""
        return transcribe_recordings(self.transcriber, batches, config=self.config, progress=progress)


def transcribe_wanted(
    recogniser: Recogniser,
    recordings: Sequence[Recording],
    *,
    wanted: Collection[str],
    progress: OnProgress,
) -> Iterator[Outcome]:
    """Transcribe those recordings of a run that are wanted, in the batches of the whole run.

    What else is in their batches is transcribed with them, for the last digits depend on it, and left out.

    Args:
        recogniser: does it.
        recordings: all of the run.
        wanted: names of those that are not finished.
        progress: of the batches that are transcribed.
    """
    config = recogniser.config
    batches = plan_batches(
        recordings, longest=config.windowing.longest, seconds_per_batch=config.seconds_per_batch
    )
    names = set(wanted)
    batches = [batch for batch in batches if any(recording.name in names for recording in batch)]
    for outcome in recogniser.transcribe(batches, progress=progress):
        if outcome.recording.name in names:
            yield outcome
