"""Which utterances form a batch, in which order, and which process takes it.

A batch is bounded by the seconds it takes *padded*, so that one long file cannot run memory out. The
batches of an epoch follow from the seed and the epoch number; how many processes share them only decides
who takes which. That is why a training can go on in the middle of an epoch, with as many processes as
there are by then.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Sampler

from asr.data.padded_budget import fill_batches
from asr.errors import CheckpointError, ConfigError


class SampleKey(NamedTuple):
    """Which utterance, in which epoch: together with the seed, all that augmentation may depend on."""

    number: int
    epoch: int


class BucketBatchSampler(Sampler[list[SampleKey]]):
    """Batches of utterances of like length, within a budget of padded seconds.

    Each epoch: utterances are shuffled, sorted by duration within a random jitter (so that neighbours
    differ from epoch to epoch), cut into batches within the budget, and the batches shuffled, those of like
    length in the same step of all ranks. The first epoch begins with its most costly step, so that memory
    runs out in the first minute or never. Every utterance is in exactly one batch. Every rank gets equally
    many batches: those of the last step are split, and where there is nothing left to split some ranks
    get an empty batch.

    Args:
        durations: seconds of each utterance.
        seconds_per_batch: budget of padded seconds (utterances times the longest of them).
        utterances_per_batch: upper bound on B.
        seed: with the epoch, decides everything.
        shuffle: False gives the same batches, longest first, every epoch.
        sorta_grad: the first epoch goes from short to long utterances, its first step apart (Amodei et al.
            2016, section 3.2).
        rank, world_size: this process and how many share the work.

    Raises:
        ConfigError: an utterance alone is over the budget.
    """

    # How far apart in duration neighbours may be, in up to so many utterances. In more, as many lie closer
    # together: they mix as well with less padding.
    JITTER, JITTERED = 0.15, 100_000

    def __init__(
        self,
        durations: Sequence[float] | np.ndarray,
        *,
        seconds_per_batch: float,
        utterances_per_batch: int,
        seed: int = 0,
        shuffle: bool = True,
        sorta_grad: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.durations = np.asarray(durations, dtype=np.float64)
        self.seconds_per_batch = seconds_per_batch
        self.utterances_per_batch = utterances_per_batch
        self.seed = seed
        self.shuffle = shuffle
        self.sorta_grad = sorta_grad
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        # (processes, batches each of them has done) for the part of the epoch that lies behind.
        self.behind: list[tuple[int, int]] = []
        self._left: tuple[Any, list[np.ndarray]] | None = None
        if utterances_per_batch < 1:
            raise ConfigError(f"data.utterances_per_batch {utterances_per_batch}; expected >= 1")
        longest = float(np.max(self.durations))
        if longest > seconds_per_batch:
            raise ConfigError(
                f"the longest utterance lasts {longest:.1f} s, data.seconds_per_batch is {seconds_per_batch:.1f}; "
                "raise the budget or cut the utterance"
            )

    @property
    def batches_behind(self) -> int:
        """Batches that each process took of this epoch before the position that was loaded."""
        return sum(batches for _, batches in self.behind)

    def share(self, batches_done: int) -> float:
        """Share of the epoch that is behind once each rank has done so many batches since the position."""
        before = sum(world_size * batches for world_size, batches in self.behind)
        return (before + self.world_size * batches_done) / max(1, before + len(self.left()))

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is; it begins at its first batch, unless a position in that
        very epoch was loaded."""
        if epoch != self.epoch:
            self.epoch, self.behind = epoch, []

    def __len__(self) -> int:
        """Batches that this rank still has in this epoch."""
        return len(self.left()) // self.world_size

    def __iter__(self) -> Iterator[list[SampleKey]]:
        epoch = self.epoch
        for batch in self.left()[self.rank :: self.world_size]:
            yield [SampleKey(int(index), epoch) for index in batch]

    def left(self) -> list[np.ndarray]:
        """The batches, as arrays of utterance indices, that all ranks still have in this epoch: the first
        of rank 0, the first of rank 1, ..., the second of rank 0, ..."""
        key = (self.epoch, tuple(self.behind))
        if self._left is None or self._left[0] != key:
            first = self.behind[0][0] if self.behind else self.world_size
            left = self.batches(self.epoch, world_size=first)
            for world_size, batches in self.behind:
                left = shared_evenly(left, world_size)[world_size * batches :]
            self._left = key, shared_evenly(left, self.world_size)
        return self._left[1]

    def batches(self, epoch: int, *, world_size: int) -> list[np.ndarray]:
        """All batches of an epoch in order, before they are made to come out even."""
        generator = np.random.default_rng((self.seed, epoch))
        batches = self.cut(np.arange(len(self.durations)), generator)
        if not self.shuffle:
            return batches
        # Batches that the ranks take in the same step last alike, so that no rank waits for another.
        longest = np.array([self.durations[batch].max() for batch in batches])
        order = np.argsort(-longest, kind="stable")
        full = len(order) // world_size * world_size
        steps, rest = order[:full].reshape(-1, world_size), order[full:]
        turns = generator.permutation(len(steps))
        if epoch == 0 and len(steps):
            sizes = np.array([len(batch) for batch in batches])
            first = int(np.argmax((longest * sizes)[steps].max(axis=1)))
            turns = np.arange(len(steps))[::-1] if self.sorta_grad else turns
            turns = np.concatenate([[first], turns[turns != first]])
        return [batches[number] for number in [*steps[turns].flatten(), *rest]]

    def cost(self, batch: np.ndarray) -> float:
        """Padded seconds of a batch."""
        return len(batch) * float(self.durations[batch].max())

    def cut(self, numbers: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
        """Sort utterances by (when shuffling: jittered) duration and cut them into batches."""
        keys = self.durations[numbers]
        if self.shuffle:
            jitter = self.JITTER * min(1.0, self.JITTERED / len(keys))
            keys = keys * (1 + jitter * generator.uniform(-1, 1, len(keys)))
        order = numbers[np.argsort(-keys, kind="stable")]
        sizes = [
            len(batch)
            for batch in fill_batches(
                self.durations[order].tolist(),
                float,
                most=self.seconds_per_batch,
                at_most=self.utterances_per_batch,
            )
        ]
        return np.split(order, np.cumsum(sizes)[:-1])

    def state_dict(self, *, batches_done: int) -> dict[str, Any]:
        """Where the training is.

        Args:
            batches_done: batches that each rank has trained on since this sampler's position was set: the
                sampler itself is ahead of them, by what the loader fetches in advance.
        """
        behind = [*self.behind, (self.world_size, batches_done)] if batches_done else self.behind
        return {"epoch": self.epoch, "behind": [list(part) for part in behind], "data": self._data()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on at the batch after the last that was done, with however many ranks there are now.

        Raises:
            CheckpointError: in the middle of an epoch, and the utterances or the budget are not those that
                the epoch began with.
        """
        behind = [(int(world_size), int(batches)) for world_size, batches in state["behind"]]
        if behind and state["data"] != self._data():
            raise CheckpointError(
                "the training data or the batch budget have changed since this run stopped in the middle of an "
                f"epoch: {self._data()}, then {state['data']}; put them back, or start a new run"
            )
        self.epoch, self.behind = int(state["epoch"]), behind

    def _data(self) -> str:
        """What the batches of an epoch depend on, besides the seed."""
        checksum = zlib.crc32(self.durations.tobytes())
        return (
            f"{len(self.durations)} utterances (durations {checksum:08x}), {self.seconds_per_batch:g} s and "
            f"{self.utterances_per_batch} utterances a batch{', sorta_grad' if self.sorta_grad else ''}"
        )


def shared_evenly(batches: list[np.ndarray], world_size: int) -> list[np.ndarray]:
    """Batches whose number the processes can share: those of the last step are split, the largest first,
    until it is full; where all are single utterances, empty batches fill it. The others stay in place."""
    over = len(batches) % world_size
    if not over:
        return batches
    last = batches[len(batches) - over :]
    while len(last) < world_size:
        largest = max(range(len(last)), key=lambda number: len(last[number]))
        half = len(last[largest]) // 2
        if half == 0:
            last = [*last, *[np.zeros(0, dtype=np.int64)] * (world_size - len(last))]
        else:
            last[largest : largest + 1] = [last[largest][:half], last[largest][half:]]
    return [*batches[: len(batches) - over], *last]
