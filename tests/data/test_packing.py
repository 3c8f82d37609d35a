"""Shards: what goes in comes out, in webdataset's layout, each utterance once, by whoever reads them."""

import dataclasses
import io
import json
import pickle
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.data.audio import read_audio
from asr.data.bucketing import SampleKey
from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.data.packing import pack
from asr.data.shards import PackedCorpus, PackedDataset, ShardBatchSampler
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.errors import AudioError, CorpusError

TOKENIZER = build_tokenizer(TokenizerConfig(alphabet="AB É"), [])


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Twenty stretches of noise, from one file of 16-bit samples."""
    samples = np.random.default_rng(3).integers(-9000, 9000, 16000 * 20).astype(np.int16)
    soundfile.write(tmp_path / "long.wav", samples, 16000, subtype="PCM_16")
    return [
        Utterance(
            f"folder/u.{n}",
            tmp_path / "long.wav",
            0.3 + 0.01 * n,
            start=float(n),
            text=f"A{'B' * n} É",
            speaker="s",
            extras={"accent": "x"},
        )
        for n in range(20)
    ]


def dataset_of(place: str, *, window: int = 2) -> PackedDataset:
    return PackedDataset(PackedCorpus(place), TOKENIZER, augmentation=None, seed=0, window=window)


@pytest.mark.parametrize("encoding", ["flac", "wav"])
def test_what_is_packed_comes_out_sample_by_sample(
    utterances: list[Utterance], tmp_path: Path, encoding: str
) -> None:
    assert pack(utterances, tmp_path / "out", shard_megabytes=0.05, encoding=encoding) == []  # type: ignore[arg-type]
    corpus = PackedCorpus(str(tmp_path / "out"))
    assert corpus.shards > 3
    by_id = {utterance.id: utterance for utterance in utterances}
    dataset = dataset_of(str(tmp_path / "out"))
    ids = []
    for number in range(len(corpus)):
        sample = dataset[SampleKey(number, 0)]
        utterance = by_id[sample.id]
        expected = read_audio(
            utterance.audio, sample_rate=16000, start=utterance.start, duration=utterance.duration
        )
        np.testing.assert_array_equal(sample.waveform, expected)
        assert TOKENIZER.decode(sample.tokens) == utterance.text
        assert corpus.durations[number] == pytest.approx(utterance.duration, abs=1e-4)
        ids.append(sample.id)
    assert sorted(ids) == sorted(by_id)
    assert ids != [utterance.id for utterance in utterances], "shards are samples of the corpus"


def test_an_index_goes_to_another_process_without_its_columns(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    pack(utterances, tmp_path / "out")
    corpus = PackedCorpus(str(tmp_path / "out"))
    content = pickle.dumps(corpus)
    assert len(content) < 1500
    assert [*pickle.loads(content).texts()] == [*corpus.texts()]


def test_shards_are_laid_out_as_webdataset_lays_them_out(utterances: list[Utterance], tmp_path: Path) -> None:
    pack(utterances, tmp_path / "out", seed=None)
    with tarfile.open(tmp_path / "out" / "shard-000000.tar") as archive:
        names = archive.getnames()
        assert names[:4] == ["000000000.flac", "000000000.json", "000000001.flac", "000000001.json"]
        record = json.load(archive.extractfile("000000002.json"))  # type: ignore[arg-type]
        assert record["id"] == "folder/u.2"
        assert (record["text"], record["speaker"], record["accent"]) == ("ABB É", "s", "x")
        audio, rate = soundfile.read(io.BytesIO(archive.extractfile("000000002.flac").read()))  # type: ignore[union-attr]
        assert (len(audio), rate) == (round(16000 * record["duration"]), 16000)


def test_shards_are_read_from_any_fsspec_url(utterances: list[Utterance], tmp_path: Path) -> None:
    import fsspec

    pack(utterances, tmp_path / "out", shard_megabytes=0.05)
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "out"), "/bucket/corpus", recursive=True)
    there, here = dataset_of("memory://bucket/corpus"), dataset_of(str(tmp_path / "out"))
    for number in range(20):
        np.testing.assert_array_equal(
            there[SampleKey(number, 0)].waveform, here[SampleKey(number, 0)].waveform
        )
    with pytest.raises(CorpusError, match=r"cannot read index/shards\.json"):
        PackedCorpus("memory://bucket/nothing")


def test_each_shard_is_read_once_an_epoch(utterances: list[Utterance], tmp_path: Path) -> None:
    from asr.data import shards

    pack(utterances, tmp_path / "out", shard_megabytes=0.02)
    corpus = PackedCorpus(str(tmp_path / "out"))
    reads: Counter[str] = Counter()
    original = shards._read

    def counted(place: str) -> bytes:
        reads[place] += 1
        return original(place)

    shards._read = counted
    try:
        for rank in range(2):
            sampler = ShardBatchSampler(
                corpus,
                window=2,
                workers=1,
                seconds_per_batch=2.0,
                utterances_per_batch=4,
                rank=rank,
                world_size=2,
            )
            sampler.set_epoch(1)
            dataset = dataset_of(str(tmp_path / "out"), window=4)
            for batch in sampler:
                for key in batch:
                    assert not dataset[key].error
    finally:
        shards._read = original
    assert len(reads) == corpus.shards
    assert sum(reads.values()) <= corpus.shards + 4, "but for the last steps, where ranks help each other out"


class Columns:
    """An index without files, for the sampler."""

    def __init__(self, sizes: list[int]) -> None:
        self.columns = {"shards": np.repeat(np.arange(len(sizes)), sizes)}
        self.durations = np.random.default_rng(0).uniform(0.5, 9.0, sum(sizes))


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=12),
    st.integers(0, 2),
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 4)), max_size=3),
)
def test_shards_are_shared_out_without_loss_and_gone_on_from(
    sizes: list[int], epoch: int, window: int, stretches: list[tuple[int, int, int]]
) -> None:
    columns = Columns(sizes)
    seen: Counter[int] = Counter()
    state = None
    for world_size, workers, batches in [*stretches, (2, 2, 10**6)]:
        samplers = [
            ShardBatchSampler(
                columns,  # type: ignore[arg-type]
                window=window,
                workers=workers,
                seconds_per_batch=30.0,
                utterances_per_batch=5,
                rank=rank,
                world_size=world_size,
            )
            for rank in range(world_size)
        ]
        for sampler in samplers:
            if state is not None:
                sampler.load_state_dict(state)
            sampler.set_epoch(epoch)
        assert len({len(sampler) for sampler in samplers}) == 1
        done = min(batches, len(samplers[0]))
        for sampler in samplers:
            seen.update(key.number for batch in list(sampler)[:done] for key in batch)
        state = samplers[0].state_dict(batches_done=done)
    assert seen == Counter(range(sum(sizes)))


def test_a_shard_that_breaks_or_vanishes_is_an_error_of_its_utterances(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    pack(utterances, tmp_path / "out", shard_megabytes=0.05)
    corpus = PackedCorpus(str(tmp_path / "out"))
    (tmp_path / "out" / "shard-000000.tar").unlink()
    broken = tmp_path / "out" / "shard-000001.tar"
    broken.write_bytes(broken.read_bytes()[:700])
    dataset = dataset_of(str(tmp_path / "out"))
    errors = [dataset[SampleKey(number, 0)].error for number in range(20)]
    for number, error in enumerate(errors):
        shard = int(corpus.columns["shards"][number])
        assert bool(error) == (shard < 2)
        assert not error or f"shard-{shard:06d}.tar" in error


def test_what_cannot_be_packed_is_named(utterances: list[Utterance], tmp_path: Path) -> None:
    missing = dataclasses.replace(utterances[0], id="gone", audio=tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="no such audio file"):
        pack([missing, *utterances], tmp_path / "strict")
    with pytest.raises(CorpusError, match="not a packed corpus"):
        PackedCorpus(str(tmp_path / "strict"))
    (left_out,) = pack([missing, *utterances], tmp_path / "out", skip_unreadable=True)
    assert "utt gone" in left_out
    assert len(PackedCorpus(str(tmp_path / "out"))) == 20
    with pytest.raises(CorpusError, match="not empty"):
        pack(utterances, tmp_path / "out")
    with pytest.raises(CorpusError, match=r"utt folder/u\.0: no transcript"):
        pack([dataclasses.replace(utterances[0], text=None)], tmp_path / "untranscribed")


def test_the_command_packs_a_manifest_and_says_what(
    utterances: list[Utterance], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from asr.cli import main

    write_manifest(tmp_path / "m.jsonl", utterances)
    assert read_manifest(tmp_path / "m.jsonl")
    assert main(["pack", str(tmp_path / "m.jsonl"), str(tmp_path / "out")]) == 0
    assert "20 utterances" in capsys.readouterr().out
