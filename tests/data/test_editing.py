import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from asr.data.editing import (
    Condition,
    Filter,
    filter_manifest,
    merge_manifests,
    sample_manifest,
    shuffle_manifest,
    split_manifest,
)
from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.errors import ManifestError, UsageError


def manifest(path: Path, count: int = 200, *, first: int = 0) -> Path:
    """Utterances of 1 to 10 s by 20 speakers, their audio beside the manifest."""
    lengths = np.random.default_rng(5).uniform(1, 10, count).round(2)
    write_manifest(
        path,
        (
            Utterance(
                id=f"u{number}",
                audio=path.parent / "wav" / f"u{number}.wav",
                duration=float(lengths[number - first]),
                text=("HELLO WORLD " * (number % 7)).strip(),
                speaker=f"s{number % 20}",
                extras={"gender": "FM"[number % 2]},
            )
            for number in range(first, first + count)
        ),
    )
    return path


def test_filter_keeps_exactly_what_meets_every_condition(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    wanted = Filter(
        min_duration=3.0,
        max_duration=8.0,
        max_rate=5.0,
        not_speakers={"s1"},
        where=[Condition("gender", "=", "M")],
    )
    done = filter_manifest(source, tmp_path / "b.jsonl", wanted)
    everything = read_manifest(source)
    by_hand = [
        utterance.id
        for utterance in everything
        if 3 <= utterance.duration <= 8
        and len(utterance.text or "") / utterance.duration <= 5
        and utterance.speaker != "s1"
        and utterance.extras["gender"] == "M"
    ]
    assert [utterance.id for utterance in read_manifest(tmp_path / "b.jsonl")] == by_hand
    assert 0 < len(by_hand) < len(everything)
    assert (done.kept, done.utterances) == (len(by_hand), 200)
    assert done.seconds == pytest.approx(sum(utterance.duration for utterance in everything))


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (Filter(alphabet="HELOWRD "), 200),
        (Filter(alphabet="HELOWRD"), 29),
        (Filter(transcribed=True), 171),
        (Filter(ids={"u3", "u5", "elsewhere"}), 2),
        (Filter(speakers={"s0", "s1"}), 20),
        (Filter(min_rate=10.0), None),
    ],
)
def test_each_condition_alone(wanted: Filter, kept: int | None, tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    done = filter_manifest(source, tmp_path / "b.jsonl", wanted)
    assert done.kept == len(read_manifest(tmp_path / "b.jsonl"))
    assert done.kept == kept if kept is not None else 0 < done.kept < 200


def test_a_filter_that_keeps_nothing_writes_nothing(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    with pytest.raises(ManifestError, match="none of 200 utterances meets the conditions"):
        filter_manifest(source, tmp_path / "b.jsonl", Filter(min_duration=100))
    assert not (tmp_path / "b.jsonl").exists()


def test_a_manifest_can_be_filtered_in_place_and_moved(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    filter_manifest(source, source, Filter(speakers={"s0"}))
    assert len(read_manifest(source)) == 10
    filter_manifest(source, tmp_path / "sub" / "b.jsonl", Filter())
    moved = read_manifest(tmp_path / "sub" / "b.jsonl")[0]
    assert moved.audio.resolve() == (tmp_path / "wav" / "u0.wav").resolve()


@pytest.mark.parametrize("by", ["speaker", "utterance"])
def test_a_split_has_every_utterance_once_and_the_hours_asked_for(by: str, tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    shares = {"train": 0.8, "dev": 0.1, "test": 0.1}
    parts = split_manifest(source, tmp_path / "out", shares, seed=1, by=by)  # type: ignore[arg-type]
    found = {part.manifest.stem: read_manifest(part.manifest) for part in parts}
    assert Counter(item.id for items in found.values() for item in items) == Counter(
        f"u{n}" for n in range(200)
    )
    total = sum(part.seconds for part in parts)
    for part in parts:
        assert part.seconds == pytest.approx(sum(item.duration for item in found[part.manifest.stem]))
        assert part.seconds / total == pytest.approx(shares[part.manifest.stem], abs=0.05)
    homes = {(item.speaker, name) for name, items in found.items() for item in items}
    assert (len(homes) == 20) == (by == "speaker")


def test_the_same_seed_gives_the_same_split_and_another_another(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    ids = []
    for number, seed in enumerate((1, 1, 2)):
        split_manifest(source, tmp_path / str(number), {"train": 0.5, "test": 0.5}, seed=seed)
        ids.append((tmp_path / str(number) / "test.jsonl").read_text())
    assert ids[0] == ids[1] != ids[2]


def test_a_split_by_speaker_needs_speakers(tmp_path: Path) -> None:
    write_manifest(tmp_path / "a.jsonl", [Utterance("u", tmp_path / "a.wav", 1.0)])
    with pytest.raises(ManifestError, match=r"a\.jsonl:1 \(utt u\): no speaker; .* --by utterance"):
        split_manifest(tmp_path / "a.jsonl", tmp_path, {"train": 0.5, "test": 0.5}, seed=0)
    with pytest.raises(UsageError, match="1 utterances cannot make 2 parts"):
        split_manifest(tmp_path / "a.jsonl", tmp_path, {"x": 0.5, "y": 0.5}, seed=0, by="utterance")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("shares", [{"train": 1.0}, {"train": 0.9, "dev": 0.2}, {"train": 1.1, "dev": -0.1}])
def test_shares_must_add_up(shares: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="that add up to 1"):
        split_manifest(manifest(tmp_path / "a.jsonl"), tmp_path, shares, seed=0)


def test_merge_keeps_all_and_names_ids_that_meet(tmp_path: Path) -> None:
    first = manifest(tmp_path / "a.jsonl", 10)
    second = manifest(tmp_path / "b.jsonl", 10, first=10)
    assert merge_manifests([first, second], tmp_path / "c.jsonl") == 20
    assert [item.id for item in read_manifest(tmp_path / "c.jsonl")] == [f"u{number}" for number in range(20)]
    with pytest.raises(
        ManifestError, match=r"c\.jsonl:1 \(utt u0\): id already used at .*a\.jsonl:1; --prefix"
    ):
        merge_manifests([first, tmp_path / "c.jsonl"], tmp_path / "d.jsonl")
    assert not (tmp_path / "d.jsonl").exists()
    merge_manifests([first, tmp_path / "c.jsonl"], tmp_path / "d.jsonl", prefix=True)
    assert {item.id.split("-")[0] for item in read_manifest(tmp_path / "d.jsonl")} == {"a", "c"}


def test_sample_sizes(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    total = sum(item.duration for item in read_manifest(source))
    sample_manifest(source, tmp_path / "n.jsonl", seed=1, utterances=50)
    assert len(read_manifest(tmp_path / "n.jsonl")) == 50
    done = sample_manifest(source, tmp_path / "h.jsonl", seed=1, hours=0.1)
    hours = sum(item.duration for item in read_manifest(tmp_path / "h.jsonl")) / 3600
    assert 0.1 - 10 / 3600 < hours <= 0.1
    assert done.kept_seconds == pytest.approx(hours * 3600)
    sample_manifest(source, tmp_path / "p.jsonl", seed=1, share=0.25)
    assert len(read_manifest(tmp_path / "p.jsonl")) == 50
    sample_manifest(source, tmp_path / "all.jsonl", seed=1, hours=total / 3600)
    assert (tmp_path / "all.jsonl").read_text() == source.read_text()


def test_a_sample_has_no_preference(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl", 20)
    drawn: Counter[str] = Counter()
    for seed in range(200):
        sample_manifest(source, tmp_path / "b.jsonl", seed=seed, utterances=5)
        drawn.update(item.id for item in read_manifest(tmp_path / "b.jsonl"))
    # 200 draws with probability 1/4: 50 expected, standard deviation 6.1.
    assert len(drawn) == 20
    assert min(drawn.values()) > 25
    assert max(drawn.values()) < 75


def test_more_than_there_is_cannot_be_drawn(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl", 20)
    for settings, reason in (
        ({"utterances": 21}, "holds 20 utterances"),
        ({"hours": 1.0}, "expected at least --hours 1"),
        ({"share": 1.5}, "at most 1"),
        ({"utterances": 0}, "would be empty"),
        ({}, "give one of"),
        ({"utterances": 1, "share": 0.5}, "give one of"),
    ):
        with pytest.raises(UsageError, match=reason):
            sample_manifest(source, tmp_path / "b.jsonl", seed=1, **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "b.jsonl").exists()


def test_shuffle_keeps_every_line_in_another_order(tmp_path: Path) -> None:
    source = manifest(tmp_path / "a.jsonl")
    text = source.read_text().replace("\n", "\n\n", 3)  # empty lines are passed over
    source.write_text(text, encoding="utf-8-sig")
    assert shuffle_manifest(source, tmp_path / "b.jsonl", seed=3) == 200
    before, after = read_manifest(source), read_manifest(tmp_path / "b.jsonl")
    assert before != after
    assert sorted(before, key=lambda item: item.id) == sorted(after, key=lambda item: item.id)


def test_a_channel_survives_surgery(tmp_path: Path) -> None:
    line = {"id": "u", "audio": "a.wav", "duration": 1.0, "channel": 1, "start": 2.5}
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    filter_manifest(tmp_path / "a.jsonl", tmp_path / "b.jsonl", Filter())
    assert json.loads((tmp_path / "b.jsonl").read_text()) == line
    (tmp_path / "a.jsonl").write_text(json.dumps({**line, "channel": -1}) + "\n")
    with pytest.raises(ManifestError, match=r"a\.jsonl:1 \(utt u\): channel -1; expected a number from 0"):
        read_manifest(tmp_path / "a.jsonl")


def test_a_field_too_large_for_a_float_meets_no_condition(tmp_path: Path) -> None:
    line = {"id": "u", "audio": "a.wav", "duration": 1.0, "snr": 10**400}
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(ManifestError, match="none of 1 utterances meets the conditions"):
        filter_manifest(tmp_path / "a.jsonl", tmp_path / "b.jsonl", Filter(where=[Condition.parse("snr>=1")]))
