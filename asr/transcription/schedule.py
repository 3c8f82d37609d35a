"""Which worker transcribes what: longest first, to whoever is free, and again where a worker was lost."""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from asr.errors import AsrError
from asr.transcription.batches import Batch
from asr.transcription.pipeline import Outcome
from asr.transcription.recordings import Recording


@dataclass(slots=True)
class _Task:
    """A batch on its way.

    Attributes:
        batch: its recordings, which go through the network together however often it takes.
        seconds: of audio.
        tries: how often a worker was lost with it.
        left: names of those whose outcome is not there.
    """

    batch: Batch
    seconds: float
    tries: int = 0
    left: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Load:
    """What a worker has.

    Attributes:
        tasks: what it was given and has not finished.
        gone_through: seconds of them that it has told of.
    """

    tasks: list[_Task] = field(default_factory=list)
    gone_through: float = 0.0


class Schedule:
    """Hands out batches to workers and sees that each recording has one outcome.

    A worker gets a batch when it has none, and the next ones before it has finished, so that it reads while its network computes; but
    never more than its share of what is left, so that none has work in store while another has none. A batch that a worker was lost
    with goes to the next one alone: what kills a worker takes no other work with it a second time.

    Args:
        batches: as `plan_batches` made them.
        tries: how often a batch is given out before its recordings are given up.
        ahead: seconds of audio that a worker may have besides what it is at.
    """

    def __init__(self, batches: Sequence[Batch], *, tries: int, ahead: float) -> None:
        tasks = [
            _Task(batch, sum(map(_seconds, batch)), left={one.name for one in batch}) for batch in batches
        ]
        # Of unknown length first, for they may be the longest.
        self._waiting = deque(sorted(tasks, key=lambda task: -_order(task.batch)))
        self._again: deque[_Task] = deque()
        self._loads: dict[Hashable, _Load] = {}
        self._tries = tries
        self._ahead = ahead
        self._unassigned = sum(task.seconds for task in tasks)

    @property
    def is_done(self) -> bool:
        """Whether every recording has its outcome."""
        return not self._waiting and not self._again and not any(load.tasks for load in self._loads.values())

    def hand_out(self, worker: Hashable, *, workers: int) -> list[Batch]:
        """The next batches of a worker; often none.

        Args:
            worker: which.
            workers: how many there are.
        """
        load = self._loads.setdefault(worker, _Load())
        if any(task.tries for task in load.tasks):
            return []
        if not load.tasks and self._again:
            return [self._give(load, self._again.popleft())]
        given = []
        while self._waiting:
            held = sum(task.seconds for task in load.tasks) - load.gone_through
            share = (held + self._unassigned) / max(1, workers)
            following = held + self._waiting[0].seconds
            if load.tasks and (held > self._ahead or following > share):
                break
            given.append(self._give(load, self._waiting.popleft()))
        return given

    def tell(
        self, worker: Hashable, seconds: float, outcomes: Sequence[Outcome]
    ) -> tuple[list[Outcome], float]:
        """What a worker reports -> the outcomes that are new, and the seconds of audio that count.

        Args:
            worker: which.
            seconds: of audio that it has gone through since the last time.
            outcomes: that have become ready since.
        """
        load = self._loads.setdefault(worker, _Load())
        load.gone_through += seconds
        new = []
        for outcome in outcomes:
            name = outcome.recording.name
            task = next(task for task in load.tasks if any(one.name == name for one in task.batch))
            length = _length(outcome)
            load.gone_through -= length
            if name in task.left:
                task.left.remove(name)
                new.append(outcome)
            else:  # from before a worker was lost
                seconds -= length
            if outcome.recording == task.batch[-1]:  # outcomes come in the batch's order
                assert not task.left
                load.tasks.remove(task)
        if not load.tasks:
            load.gone_through = 0.0
        return new, seconds

    def lose(self, worker: Hashable, why: str) -> tuple[list[Outcome], float]:
        """Take back what a worker had -> the outcomes of recordings that are given up, and the seconds of audio lost (below 0).

        Args:
            worker: which; it is forgotten.
            why: in words.
        """
        load = self._loads.pop(worker, _Load())
        given_up = []
        for task in load.tasks:
            task.tries += 1
            self._unassigned += task.seconds
            if task.tries < self._tries:
                self._again.append(task)
                continue
            error = AsrError(f"given up after {self._tries} workers were lost with it; the last one: {why}")
            given_up += [Outcome(one, None, None, error) for one in task.batch if one.name in task.left]
            self._unassigned -= task.seconds
        return given_up, -load.gone_through

    def _give(self, load: _Load, task: _Task) -> Batch:
        load.tasks.append(task)
        self._unassigned -= task.seconds
        return task.batch


def _seconds(recording: Recording) -> float:
    return recording.duration or 0.0


def _order(batch: Batch) -> float:
    return float("inf") if batch[0].duration is None else sum(map(_seconds, batch))


def _length(outcome: Outcome) -> float:
    """Seconds of audio that progress has told of, once there is an outcome."""
    if outcome.transcription is not None:
        return outcome.transcription.duration
    return _seconds(outcome.recording)
