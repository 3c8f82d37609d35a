"""Training from packed shards: read from end to end, on a local disk or at any fsspec URL.

An epoch goes through the shards in random order, some at a time (a *window*), and buckets the utterances
of a window as those of a manifest are bucketed. Windows are dealt out to the loader processes of all
ranks, so that each shard is opened by one of them and read in one go.
"""

import io
import json
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from asr.data.augmentation.waveform_augmentation import WaveformAugmentation
from asr.data.batching import AugmentedDataset
from asr.data.bucketing import BucketBatchSampler
from asr.data.manifest import Utterance
from asr.data.packing import FORMAT, VERSION
from asr.data.tokenizer import Tokenizer
from asr.errors import AudioError, CorpusError

_COLUMNS = ("durations", "shards", "offsets", "sizes", "ids", "ids_ends", "texts", "texts_ends")

# Classes of length that windows of shards go through in a common order.
_LENGTH_BINS = 16


def is_packed(place: str) -> bool:
    """Whether `data.train` names packed shards: a URL, or a folder, where a manifest is a file."""
    return "://" in place or Path(place).is_dir()


class PackedCorpus:
    """The index of a packed corpus; its columns stay on the disk and are shared by all processes.

    Args:
        place: folder or fsspec URL that `asr pack` wrote.

    Raises:
        CorpusError: not a packed corpus, one of a newer version, or an unreachable place.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self._folder, self._copy = _local_index(self.place)
        try:
            self.about = json.loads((self._folder / "shards.json").read_text(encoding="utf-8"))
            if self.about["format"] != FORMAT or self.about["version"] > VERSION:
                raise CorpusError(
                    f"{place}: {self.about['format']} version {self.about['version']}; this program reads {FORMAT} "
                    f"up to {VERSION}"
                )
            self.columns = self._mapped()
        except (OSError, ValueError, KeyError) as error:
            raise CorpusError(
                f"{place}: not a packed corpus ({error}); `asr pack MANIFEST OUT` makes one"
            ) from None
        self.sample_rate = int(self.about["sample_rate"])
        self.shards = int(self.about["shards"])

    def _mapped(self) -> dict[str, np.ndarray]:
        return {name: np.load(self._folder / f"{name}.npy", mmap_mode="r") for name in _COLUMNS}

    def __getstate__(self) -> dict[str, Any]:
        """For loader processes that are not forks: they map the columns themselves, instead of taking copies."""
        return {**self.__dict__, "columns": None, "_copy": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.columns = self._mapped()

    def __len__(self) -> int:
        return len(self.durations)

    @property
    def durations(self) -> np.ndarray:
        """Seconds of each utterance."""
        return self.columns["durations"]

    def text(self, number: int) -> str:
        """Transcript of an utterance."""
        return self._string("texts", number)

    def id(self, number: int) -> str:
        """Id of an utterance."""
        return self._string("ids", number)

    def texts(self) -> Iterator[str]:
        """All transcripts."""
        return (self.text(number) for number in range(len(self)))

    def utterances(self) -> Iterator[Utterance]:
        """All utterances, one after the other, for checks; their audio is the shard they lie in."""
        for number in range(len(self)):
            yield Utterance(
                self.id(number),
                Path(self.shard_name(int(self.columns["shards"][number]))),
                float(self.durations[number]),
                text=self.text(number),
            )

    def shard_name(self, shard: int) -> str:
        """Where a shard is."""
        return f"{self.place}/shard-{shard:06d}.tar"

    def _string(self, column: str, number: int) -> str:
        ends = self.columns[f"{column}_ends"]
        begin = int(ends[number - 1]) if number else 0
        return bytes(self.columns[column][begin : int(ends[number])]).decode()


class PackedDataset(AugmentedDataset):
    """The utterances of a packed corpus; those whose audio is broken are samples with an error.

    Args:
        corpus: the index.
        tokenizer: transcripts -> tokens.
        augmentation, seed: as of `AugmentedDataset`.
        window: shards that a process holds in memory; those it used last.
    """

    def __init__(
        self,
        corpus: PackedCorpus,
        tokenizer: Tokenizer,
        *,
        augmentation: WaveformAugmentation | None,
        seed: int,
        window: int,
    ) -> None:
        super().__init__(sample_rate=corpus.sample_rate, augmentation=augmentation, seed=seed, tolerant=True)
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.window = max(1, window)
        self._held: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self.corpus)

    def _id(self, number: int) -> str:
        return self.corpus.id(number)

    def _tokens(self, number: int) -> list[int]:
        return self.tokenizer.encode(self.corpus.text(number))

    def _another(self, number: int, generator: np.random.Generator) -> int:
        """Of the same shard, which lies in memory."""
        shards = self.corpus.columns["shards"]
        first, last = (int(np.searchsorted(shards, shards[number], side)) for side in ("left", "right"))
        return int(generator.integers(first, last))

    def _waveform(self, number: int) -> np.ndarray:
        columns = self.corpus.columns
        shard, offset = int(columns["shards"][number]), int(columns["offsets"][number])
        content = self._shard(shard)[offset : offset + int(columns["sizes"][number])]
        try:
            samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise AudioError(
                f"{self.corpus.shard_name(shard)} at byte {offset}: broken audio ({error}); pack it again"
            ) from None
        if len(samples) != round(float(columns["durations"][number]) * self.corpus.sample_rate):
            raise AudioError(
                f"{self.corpus.shard_name(shard)} at byte {offset}: cut short, {len(samples)} samples; pack it again"
            )
        return samples.astype(np.float32) * np.float32(1 / 32768)

    def _shard(self, shard: int) -> bytes:
        """A whole shard; the one used longest ago makes room for it."""
        if shard in self._held:
            self._held.move_to_end(shard)
        else:
            while len(self._held) >= self.window:
                self._held.popitem(last=False)
            self._held[shard] = _read(self.corpus.shard_name(shard))
        return self._held[shard]


class ShardBatchSampler(BucketBatchSampler):
    """Batches from windows of shards; otherwise as `BucketBatchSampler`.

    Args:
        corpus: the index.
        window: shards whose utterances are mixed with each other.
        workers: loader processes of each rank; they take its batches in turns, and windows are dealt out
            so that each stays with its own.
        settings: as of `BucketBatchSampler`.
    """

    def __init__(self, corpus: PackedCorpus, *, window: int, workers: int, **settings: Any) -> None:
        super().__init__(corpus.durations, **settings)
        numbers = np.asarray(corpus.columns["shards"])
        self._members = np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers)) + 1)
        self.window = max(1, window)
        self.workers = self.plan_workers = max(1, workers)

    def set_epoch(self, epoch: int) -> None:
        """As of the base; a new epoch is planned for the workers there are now."""
        if epoch != self.epoch:
            self.plan_workers = self.workers
        super().set_epoch(epoch)

    def batches(self, epoch: int, *, world_size: int) -> list[np.ndarray]:
        """All batches of an epoch: window by window within the stream of each loader process."""
        generator = np.random.default_rng((self.seed, epoch))
        shards = generator.permutation(len(self._members))
        streams: list[list[np.ndarray]] = [[] for _ in range(world_size * self.plan_workers)]
        size = max(1, min(self.window, len(shards) // len(streams)))
        bins = generator.permutation(_LENGTH_BINS)
        for first in range(0, len(shards), size):
            numbers = np.concatenate([self._members[shard] for shard in shards[first : first + size]])
            cut = self.cut(numbers, generator)
            shortest = min(range(len(streams)), key=lambda stream: len(streams[stream]))
            streams[shortest] += self._window_order(cut, bins, generator)
        batches = _in_turns(streams, world_size=world_size, workers=self.plan_workers)
        if epoch == 0:
            costs = np.array([self.cost(batch) for batch in batches])
            first_ones = np.argsort(-costs, kind="stable")[:world_size]
            rest = [batch for number, batch in enumerate(batches) if number not in set(first_ones.tolist())]
            batches = [*(batches[number] for number in first_ones), *rest]
        return batches

    @staticmethod
    def _window_order(
        batches: list[np.ndarray], bins: np.ndarray, generator: np.random.Generator
    ) -> list[np.ndarray]:
        """Shuffle the batches of a window (which come longest first) so that all windows go through short
        and long ones in about the same order: ranks do not wait for each other then."""
        quantiles = np.arange(len(batches)) * _LENGTH_BINS // max(1, len(batches))
        order = np.lexsort((generator.permutation(len(batches)), bins[quantiles]))
        return [batches[number] for number in order]

    def state_dict(self, *, batches_done: int) -> dict[str, Any]:
        """As of the base, with the plan of the epoch."""
        return {**super().state_dict(batches_done=batches_done), "workers": self.plan_workers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As of the base; an epoch begun with other workers ends by its own plan."""
        super().load_state_dict(state)
        self.plan_workers = int(state["workers"]) if self.behind else self.workers


def _in_turns(streams: list[list[np.ndarray]], *, world_size: int, workers: int) -> list[np.ndarray]:
    """The batches of all ranks, step by step; the k-th of a rank goes to its worker k modulo `workers`. A
    stream that has run dry is helped out by the longest."""
    queues = [stream[::-1] for stream in streams]
    batches: list[np.ndarray] = []
    left = sum(map(len, queues))
    step = 0
    while left:
        for rank in range(world_size):
            queue = queues[rank * workers + step % workers] or max(queues, key=len)
            if queue:
                batches.append(queue.pop())
                left -= 1
        step += 1
    return batches


def _local_index(place: str) -> tuple[Path, Any]:
    """The folder of the index, copied here when the corpus is elsewhere."""
    if "://" not in place:
        return Path(place) / "index", None
    import fsspec

    copy = tempfile.TemporaryDirectory(prefix="asr-index-")
    for name in ("shards.json", *(f"{column}.npy" for column in _COLUMNS)):
        try:
            with (
                fsspec.open(f"{place}/index/{name}", "rb") as source,
                (Path(copy.name) / name).open("wb") as target,
            ):
                shutil.copyfileobj(source, target, 1 << 22)
        except (OSError, ValueError, ImportError) as error:
            raise CorpusError(f"{place}: cannot read index/{name}: {error}") from None
    return Path(copy.name), copy


def _read(place: str) -> bytes:
    """A whole file from a folder or an fsspec URL; AudioError when that fails."""
    try:
        if "://" not in place:
            return Path(place).read_bytes()
        import fsspec

        with fsspec.open(place, "rb") as file:
            return file.read()
    except (OSError, ValueError, ImportError) as error:
        raise AudioError(f"{place}: cannot read the shard: {error}") from None
