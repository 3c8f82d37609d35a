"""Every reader on a small corpus in its publisher's layout."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_layouts import BUILDERS, Found, sound, text

from asr.data.audio import read_audio
from asr.data.corpora import find, names
from asr.data.corpora.preparation import prepare
from asr.data.manifest import read_manifest
from asr.errors import CorpusError


@pytest.fixture(autouse=True)
def _log_to_pytest() -> None:
    logging.getLogger("asr").propagate = True


def prepared(name: str, source: Path, out: Path, **settings: object) -> Found:
    """split -> id -> transcript of the manifests that were written."""
    written = prepare(find(name), source, out, **settings)  # type: ignore[arg-type]
    return {
        item.split: {utterance.id: utterance.text or "" for utterance in read_manifest(item.manifest)}
        for item in written
    }


def test_every_reader_but_that_of_the_extra_has_a_layout() -> None:
    assert set(names()) - set(BUILDERS) <= {"huggingface"}


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_reader_finds_every_utterance_of_the_published_layout(name: str, tmp_path: Path) -> None:
    wanted = BUILDERS[name](tmp_path / "corpus")
    assert prepared(name, tmp_path / "corpus", tmp_path / "out") == wanted


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_every_utterance_can_be_read_for_as_long_as_its_manifest_says(name: str, tmp_path: Path) -> None:
    BUILDERS[name](tmp_path / "corpus")
    for item in prepare(find(name), tmp_path / "corpus", tmp_path / "out"):
        for utterance in read_manifest(item.manifest):
            waveform = read_audio(
                utterance.audio,
                sample_rate=16000,
                start=utterance.start,
                duration=utterance.duration,
                channel=utterance.channel,
            )
            assert len(waveform) / 16000 == pytest.approx(utterance.duration, abs=0.002)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_licence_and_citation_are_kept_beside_the_manifests(name: str, tmp_path: Path) -> None:
    BUILDERS[name](tmp_path / "corpus")
    prepare(find(name), tmp_path / "corpus", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "corpus.json").read_text(encoding="utf-8"))
    assert record["licence"] == find(name).licence
    assert record["citation"] == find(name).citation
    assert bool(record["licence"]) == bool(record["citation"]) == bool(record["homepage"])


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_missing_audio_is_named_and_no_manifest_is_left(name: str, tmp_path: Path) -> None:
    BUILDERS[name](tmp_path / "corpus")
    prepare(find(name), tmp_path / "corpus", tmp_path / "before")
    utterance = read_manifest(next((tmp_path / "before").glob("*.jsonl")))[0]
    if name in {
        "fsdd",
        "audio-mnist",
        "yesno",
        "timit",
        "folder",
        "vctk",
        "voxforge",
        "aishell",
        "speech-commands",
    }:
        # The audio files are the list of utterances (or gaps are published): break one instead.
        utterance.audio.write_bytes(b"")
    else:
        utterance.audio.unlink()
    with pytest.raises(CorpusError) as caught:
        prepare(find(name), tmp_path / "corpus", tmp_path / "out")
    assert utterance.audio.name in str(caught.value) or utterance.audio.stem in str(caught.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_an_empty_folder_is_an_error_that_says_what_was_expected(name: str, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    with pytest.raises(CorpusError, match=r"corpus.*(expected|again|get them)"):
        prepare(find(name), tmp_path / "corpus", tmp_path / "out")


def test_wrong_counts_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    BUILDERS["librispeech"](tmp_path)
    written = prepare(find("librispeech"), tmp_path, tmp_path / "out", only=["dev-clean"])
    assert [item.split for item in written] == ["dev-clean"]
    assert "2 utterances in dev-clean; the publisher states 2,703" in caplog.text
    assert "0.00 h in dev-clean; the publisher states 5.4 h" in caplog.text


def test_timit_phones_fold_to_48_and_39(tmp_path: Path) -> None:
    BUILDERS["timit"](tmp_path / "corpus")
    phones = {
        kind: prepared("timit", tmp_path / "corpus", tmp_path / kind, transcript=kind)["test"]["mdab0-sx139"]
        for kind in ("phones-61", "phones-48", "phones-39")
    }
    assert phones == {
        "phones-61": "h# sh ix tcl q zh pau",
        "phones-48": "sil sh ix cl zh sil",
        "phones-39": "sil sh ih sil sh sil",
    }


def test_timit_sets_have_61_48_and_39_phones() -> None:
    from asr.data.corpora.timit import CORE_TEST_SPEAKERS, DEV_SPEAKERS
    from asr.data.phones import TIMIT_PHONES, fold_phone

    assert [len({fold_phone(phone, size) for phone in TIMIT_PHONES} - {""}) for size in (61, 48, 39)] == [
        61,
        48,
        39,
    ]
    assert len(CORE_TEST_SPEAKERS) == 24
    assert len(DEV_SPEAKERS) == 50
    assert not CORE_TEST_SPEAKERS & DEV_SPEAKERS


def test_switchboard_reads_each_speaker_from_their_own_channel(tmp_path: Path) -> None:
    BUILDERS["switchboard"](tmp_path / "corpus")
    prepare(find("switchboard"), tmp_path / "corpus", tmp_path / "out")
    manifest = read_manifest(tmp_path / "out" / "train.jsonl")
    assert [(utterance.speaker, utterance.channel) for utterance in manifest] == [
        ("sw02001-A", 0),
        ("sw02001-B", 1),
    ]


@pytest.mark.parametrize(
    ("name", "split", "wanted"),
    [
        ("tedlium3", "train", [(0.1, 0.8, None), (0.9, 1.05, None)]),
        ("voxpopuli", "en-dev", [(1.0, 0.8, None)]),
        ("gigaspeech", "XL", [(0.5, 1.0, None)]),
        ("switchboard", "train", [(0.978, 1.584, 0), (0.5, 0.75, 1)]),
        ("kaldi", "train", [(0.25, 0.75, 1), (0.0, 0.3, None)]),
        ("nemo", "train", [(0.5, 1.0, None), (1.5, 1.25, None)]),
        # Supervisions count from the start of their cut, here 0.5 s.
        ("lhotse", "train", [(0.75, 1.0, 1), (2.0, 0.5, 1)]),
    ],
)
def test_segments_start_and_last_as_published(
    name: str, split: str, wanted: list[tuple[float, float, int | None]], tmp_path: Path
) -> None:
    BUILDERS[name](tmp_path / "corpus")
    prepare(find(name), tmp_path / "corpus", tmp_path / "out")
    manifest = read_manifest(tmp_path / "out" / f"{split}.jsonl")
    assert [
        (round(utterance.start, 3), round(utterance.duration, 3), utterance.channel) for utterance in manifest
    ] == wanted


def test_kaldi_commands_are_not_run(tmp_path: Path) -> None:
    text(tmp_path / "wav.scp", f"a touch {tmp_path}/ran; cat a.wav |")
    text(tmp_path / "text", "a hello")
    with pytest.raises(CorpusError, match=r"wav.scp:1: .* is a command that does more than read a file"):
        prepare(find("kaldi"), tmp_path, tmp_path / "out")
    assert not (tmp_path / "ran").exists()


def test_speakers_and_conditions_are_recorded(tmp_path: Path) -> None:
    wanted = {
        "librispeech": ("84", {"chapter": "121123", "gender": "F"}),
        "speechocean762": ("0001", {"gender": "M", "age": "6"}),
        "common-voice": ("a1b2", {"age": "twenties", "gender": "F", "locale": "cy"}),
        "vctk": ("p225", {"age": "23", "gender": "F", "accent": "English", "region": "Southern  England", "microphone": "mic1"}),
        "mls": ("6892", {"book": "10233", "gender": "F"}),
        "voxforge": ("Aaron", {"gender": "M", "age": "Adult"}),
        "timit": ("fcjf0", {"region": "dr1", "gender": "F"}),
        "aishell": ("S0002", {"gender": "F"}),
        "fluent-speech-commands": ("2BqVo8kVB2Skwgyb", {"action": "activate", "object": "lights", "location": "none"}),
        "nemo": (None, {"lang": "en"}),
        "lhotse": ("B", {"language": "English", "far": True}),
    }  # fmt: skip
    for name, (speaker, extras) in wanted.items():
        BUILDERS[name](tmp_path / name)
        split = {"librispeech": "dev-clean", "mls": "polish-train", "vctk": "mic1", "voxforge": "all"}.get(
            name, "train"
        )
        prepare(find(name), tmp_path / name, tmp_path / f"{name}-out", only=[split])
        first = read_manifest(tmp_path / f"{name}-out" / f"{split}.jsonl")[0]
        assert (first.speaker, dict(first.extras)) == (speaker, extras)


def test_other_columns_of_a_table_become_further_fields(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    sound(tmp_path / "b.wav")
    text(
        tmp_path / "all.tsv",
        "path\tsentence\taccent\tvotes",
        "a.wav\thello\tScottish\t3",
        "b.wav\tbye\t\t0.5",
    )
    prepare(find("folder"), tmp_path / "all.tsv", tmp_path / "out")
    found = {one.id: one.extras for one in read_manifest(tmp_path / "out" / "all.jsonl")}
    assert found == {"a": {"accent": "Scottish", "votes": "3"}, "b": {"votes": "0.5"}}


def test_segments_past_the_end_of_their_file_are_cut_when_short_and_refused_when_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound(tmp_path / "a.wav", 2.0)
    text(tmp_path / "all.csv", "audio,text,start,duration,id", "a.wav,hello,1.0,1.3,x")
    prepare(find("folder"), tmp_path / "all.csv", tmp_path / "out")
    assert read_manifest(tmp_path / "out" / "all.jsonl")[0].duration == pytest.approx(1.0)
    assert "1 segments end up to 0.5 s after their file does" in caplog.text
    text(tmp_path / "all.csv", "audio,text,start,duration,id", "a.wav,hello,1.0,1.7,x")
    with pytest.raises(CorpusError, match=r"all.csv:2 \(utt x\): ends at 2.700 s, .*a.wav lasts 2.000 s"):
        prepare(find("folder"), tmp_path / "all.csv", tmp_path / "out")


def test_each_channel_of_a_call_may_have_its_own_transcript(tmp_path: Path) -> None:
    root = tmp_path / "calls"
    (root / "may").mkdir(parents=True)
    soundfile.write(root / "may" / "a.wav", np.zeros((8000, 2)), 8000)
    soundfile.write(root / "b.wav", np.zeros((8000, 2)), 8000)
    (root / "may" / "a.1.txt").write_text("good morning")
    (root / "may" / "a.2.txt").write_text("hello")
    (root / "b.2.lab").write_text("anybody there")
    prepare(find("folder"), root, tmp_path / "out")
    found = [
        (one.id, one.channel, one.text, one.speaker) for one in read_manifest(tmp_path / "out" / "all.jsonl")
    ]
    assert found == [
        ("b-2", 1, "anybody there", None), ("may-a-1", 0, "good morning", None), ("may-a-2", 1, "hello", None),
    ]  # fmt: skip
