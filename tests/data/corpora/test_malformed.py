"""Broken archives and corpora: the message names the file and what to do, and nothing half-done is left."""

import gzip
import io
import json
import logging
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus_layouts import BUILDERS, sound, text

from asr.data.corpora import find
from asr.data.corpora.archives import unpack
from asr.data.corpora.corpus import Corpus, Entry
from asr.data.corpora.json_lines import read_json_array
from asr.data.corpora.preparation import prepare
from asr.data.manifest import read_manifest
from asr.errors import CorpusError, UsageError


@pytest.fixture(autouse=True)
def _log_to_pytest() -> None:
    logging.getLogger("asr").propagate = True


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    return member


@pytest.mark.parametrize(
    "members",
    [
        [(tarfile.TarInfo("../evil.txt"), b"x")],
        [(tarfile.TarInfo("a/../../evil.txt"), b"x")],
        [(link("an4", "/etc"), b"")],
        [(link("an4", "../.."), b""), (tarfile.TarInfo("an4/evil.txt"), b"x")],
    ],
    ids=["parent", "hidden-parent", "absolute-link", "link-then-through-it"],
)
def test_a_tar_that_points_outside_is_refused_whole(members: list, tmp_path: Path) -> None:
    archive = tar(tmp_path / "evil.tar.gz", (tarfile.TarInfo("good.txt"), b"x"), *members)
    with pytest.raises(CorpusError, match=r"evil\.tar\.gz: unsafe archive: .* nothing was unpacked"):
        unpack(archive, tmp_path / "inner" / "out")
    assert not list((tmp_path / "inner" / "out").iterdir())
    assert not list(tmp_path.rglob("evil.txt"))


def test_an_absolute_path_in_a_tar_stays_inside(tmp_path: Path) -> None:
    unpack(tar(tmp_path / "a.tar", (tarfile.TarInfo("/abs/file.txt"), b"x")), tmp_path / "out")
    assert (tmp_path / "out" / "abs" / "file.txt").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/tmp/evil-absolute.txt"])
def test_a_zip_that_points_outside_is_refused_whole(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("good.txt", "x")
        archive.writestr(name, "x")
    with pytest.raises(CorpusError, match=r"evil\.zip: unsafe archive: .*outside the target folder"):
        unpack(tmp_path / "evil.zip", tmp_path / "inner" / "out")
    assert not list((tmp_path / "inner" / "out").iterdir())


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.999])
@pytest.mark.parametrize("suffix", ["tar.gz", "tar.bz2", "zip"])
def test_a_truncated_archive_is_named_and_leaves_nothing(suffix: str, kept: float, tmp_path: Path) -> None:
    BUILDERS["an4"](tmp_path / "build")
    whole = tmp_path / f"whole.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in (tmp_path / "build").rglob("*.*"):
                archive.write(path, path.relative_to(tmp_path / "build"))
    else:
        with tarfile.open(whole, f"w:{suffix.split('.')[1]}") as archive:
            archive.add(tmp_path / "build" / "an4", "an4")
    content = whole.read_bytes()
    broken = tmp_path / f"an4.{suffix}"
    broken.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(
        CorpusError, match=rf"an4\.{suffix}: not an archive, or a broken one .*fetch it again"
    ):
        prepare(find("an4"), broken, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert prepare(find("an4"), whole, tmp_path / "out")


def test_archives_of_one_corpus_are_unpacked_into_one_folder(tmp_path: Path) -> None:
    first = tar(tmp_path / "1.tar.gz", (tarfile.TarInfo("LibriSpeech/dev-clean/a.txt"), b"a"))
    second = tar(tmp_path / "2.tar.gz", (tarfile.TarInfo("LibriSpeech/test-clean/b.txt"), b"b"))
    unpack(first, tmp_path / "out")
    unpack(second, tmp_path / "out")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.txt"))
    assert found == ["LibriSpeech/dev-clean/a.txt", "LibriSpeech/test-clean/b.txt"]


def test_archives_within_the_archive_are_unpacked_too(tmp_path: Path) -> None:
    BUILDERS["aishell"](tmp_path / "build")
    wav = tmp_path / "build" / "data_aishell" / "wav"
    for split in ("train", "dev", "test"):
        (speaker,) = (wav / split).iterdir()
        with tarfile.open(wav / f"{speaker.name}.tar.gz", "w:gz") as archive:
            archive.add(speaker, f"{split}/{speaker.name}")
        for file in speaker.iterdir():
            file.unlink()
        speaker.rmdir()
        (wav / split).rmdir()
    with tarfile.open(tmp_path / "data_aishell.tgz", "w:gz") as archive:
        archive.add(tmp_path / "build" / "data_aishell", "data_aishell")
    written = prepare(find("aishell"), tmp_path / "data_aishell.tgz", tmp_path / "out")
    assert {item.split: item.utterances for item in written} == {"train": 1, "dev": 1, "test": 1}
    with pytest.raises(CorpusError, match=r"S0\d+\.tar\.gz: still packed"):
        prepare(find("aishell"), tmp_path / "build", tmp_path / "out2")


@pytest.mark.parametrize(
    ("corpus", "file"),
    [
        ("an4", "an4/etc/an4_train.transcription"),
        ("librispeech", "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"),
        ("speechocean762", "speechocean762/train/text"),
        ("common-voice", "cv-corpus-17.0-2024-03-15/cy/train.tsv"),
        ("ljspeech", "LJSpeech-1.1/metadata.csv"),
        ("mls", "mls_polish_opus/train/transcripts.txt"),
        ("tedlium3", "TEDLIUM_release-3/data/stm/AaronHuey_2010X.stm"),
        ("gigaspeech", "GigaSpeech/GigaSpeech.json"),
        ("nemo", "train_manifest.json"),
        ("fleurs", "cy_gb/train.tsv"),
        ("fluent-speech-commands", "fluent_speech_commands_dataset/data/train_data.csv"),
    ],
)
def test_bad_encoding_names_the_file(corpus: str, file: str, tmp_path: Path) -> None:
    BUILDERS[corpus](tmp_path / "corpus")
    path = tmp_path / "corpus" / file
    content = path.read_bytes()
    path.write_bytes(content[:12] + b"\xe9" + content[12:])
    with pytest.raises(CorpusError, match=rf"{path.name}(:\d+)?: .*(UTF-8|expected|no array)"):
        prepare(find(corpus), tmp_path / "corpus", tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_the_line_of_bad_encoding_is_named(tmp_path: Path) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    path = tmp_path / "corpus/LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    path.write_bytes(path.read_bytes() + b"84-121123-0002 CAF\xc9\n")
    with pytest.raises(
        CorpusError, match=r"84-121123\.trans\.txt:3: not UTF-8 \(byte 19 of the line\); convert it"
    ):
        prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out")


def test_a_missing_transcript_is_named(tmp_path: Path) -> None:
    BUILDERS["an4"](tmp_path / "corpus")
    path = tmp_path / "corpus/an4/etc/an4_test.transcription"
    text(path, *path.read_text(encoding="utf-8").splitlines()[1:])
    with pytest.raises(
        CorpusError, match=r"an4_test\.fileids:1: no transcript of an251-fcaw-b in .*an4_test\.tran"
    ):
        prepare(find("an4"), tmp_path / "corpus", tmp_path / "out")


def test_an_id_without_words_is_named(tmp_path: Path) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    path = tmp_path / "corpus/LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    text(path, "84-121123-0000", "84-121123-0001 IT WAS A SCENE")
    with pytest.raises(
        CorpusError, match=r"trans\.txt:1: no transcript of 84-121123-0000; expected its words"
    ):
        prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out")


@pytest.mark.parametrize(
    ("corpus", "file"),
    [
        ("an4", "an4/wav/an4_clstk/fash/an259-fash-b.sph"),
        ("librispeech", "LibriSpeech/dev-clean/84/121123/84-121123-0002.flac"),
        ("ljspeech", "LJSpeech-1.1/wavs/LJ001-0009.wav"),
        ("folder", "c.wav"),
    ],
)
def test_audio_without_transcript_is_named(corpus: str, file: str, tmp_path: Path) -> None:
    BUILDERS[corpus](tmp_path / "corpus")
    sound(tmp_path / "corpus" / file)
    with pytest.raises(
        CorpusError, match=rf"{Path(file).name}: no transcript of it in .*; add the transcript, move"
    ):
        prepare(find(corpus), tmp_path / "corpus", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.jsonl"))


@pytest.mark.parametrize("corpus", ["vctk", "aishell", "voxforge"])
def test_audio_published_without_transcript_is_counted_and_left_out(
    corpus: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    BUILDERS[corpus](tmp_path / "corpus")
    prepare(find(corpus), tmp_path / "corpus", tmp_path / "out")
    assert "no transcript of it in" in caplog.text
    assert "left out" in caplog.text


def test_doubled_ids_name_both_lines(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    sound(tmp_path / "b.wav")
    text(tmp_path / "all.csv", "audio,text,id", "a.wav,hello,x", "b.wav,good morning,y", "b.wav,good day,x")
    with pytest.raises(
        CorpusError, match=r"all\.csv:4: utterance id 'x' again, after .*all\.csv:2; ids in a split"
    ):
        prepare(find("folder"), tmp_path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_doubled_ids_in_a_transcript_file_name_both_lines(tmp_path: Path) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    path = tmp_path / "corpus/LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    text(path, "84-121123-0000 GO", "84-121123-0000 DO", "84-121123-0001 IT")
    with pytest.raises(
        CorpusError, match=r"trans\.txt:2: 84-121123-0000 again, after line 1; expected each id once"
    ):
        prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out")


def test_the_same_id_in_two_splits_is_no_error(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text(tmp_path / "all.csv", "audio,text,id,split", "a.wav,hello,x,small", "a.wav,hello,x,large")
    assert len(prepare(find("folder"), tmp_path, tmp_path / "out")) == 2


@pytest.mark.parametrize("split", ["../evil", "a/b", ".hidden"])
def test_a_split_cannot_name_a_file_elsewhere(split: str, tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text(tmp_path / "all.csv", "audio,text,split", f"a.wav,hello,{split}")
    with pytest.raises(CorpusError, match="cannot name a file"):
        prepare(find("folder"), tmp_path, tmp_path / "out" / "inner")
    assert not list(tmp_path.rglob("*.jsonl"))


def test_broken_audio_is_skipped_and_named_when_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    broken = tmp_path / "corpus/LibriSpeech/dev-clean/84/121123/84-121123-0000.flac"
    broken.write_bytes(b"")
    with pytest.raises(
        CorpusError, match=r"84-121123\.trans\.txt:1: .*84-121123-0000\.flac: the file has 0 bytes"
    ):
        prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out")
    prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out", skip_broken=True)
    assert [item.id for item in read_manifest(tmp_path / "out" / "dev-clean.jsonl")] == ["84-121123-0001"]
    assert "skipped: " in caplog.text


def test_an_interruption_leaves_earlier_manifests_and_no_half_of_new_ones(tmp_path: Path) -> None:
    class Interrupted(Corpus):
        def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
            for number in range(5000):
                yield Entry("train", str(number), root / "a.wav", "HELLO", "here")
            raise KeyboardInterrupt

    sound(tmp_path / "a.wav")
    out = tmp_path / "out"
    text(out / "train.jsonl", "an earlier manifest")
    with pytest.raises(KeyboardInterrupt):
        prepare(Interrupted(name="x", title="x"), tmp_path, out)
    assert [path.name for path in out.iterdir()] == ["train.jsonl"]
    assert (out / "train.jsonl").read_text(encoding="utf-8") == "an earlier manifest\n"


def test_an_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    with pytest.raises(UsageError, match="no split test-clean; there are dev-clean, train-clean-5"):
        prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out", only=["test-clean"])
    with pytest.raises(UsageError, match="librispeech has no transcript 'raw'; known are published"):
        prepare(find("librispeech"), tmp_path / "corpus", tmp_path / "out", transcript="raw")


def test_utterances_without_words_are_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    BUILDERS["switchboard"](tmp_path / "corpus")
    side = tmp_path / "corpus/swb_ms98_transcriptions/20/2001/sw2001B-ms98-a-trans.text"
    text(side, "sw2001B-ms98-a-0001 0.5 1.0 okay", "sw2001B-ms98-a-0002 1.0 2.0 [laughter]")
    prepare(find("switchboard"), tmp_path / "corpus", tmp_path / "out")
    assert len(read_manifest(tmp_path / "out" / "train.jsonl")) == 2
    assert "sw2001B-ms98-a-trans.text:2 (utt sw02001-B_000100-000200): no words" in caplog.text


def test_a_long_json_array_is_read_piece_by_piece_and_whole(tmp_path: Path) -> None:
    records = ", ".join(f'{{"aid": "{number}", "text": "{"]{" * 50}"}}' for number in range(30_000))
    text(tmp_path / "long.json", f'{{"dataset": "x", "audios": [{records}], "other": [1]}}')
    assert [int(item["aid"]) for item in read_json_array(tmp_path / "long.json", "audios")] == [
        *range(30_000)
    ]
    content = (tmp_path / "long.json").read_bytes()
    (tmp_path / "long.json").write_bytes(content[: len(content) // 2])
    with pytest.raises(CorpusError, match=r"long\.json: cut short or not JSON .*fetch the file again"):
        list(read_json_array(tmp_path / "long.json", "audios"))


def untold(folder: Path, *, told: int, silent: int) -> None:
    """A folder of recordings, some of them without transcript."""
    for number in range(told):
        sound(folder / f"told{number}.wav")
        text(folder / f"told{number}.txt", "hello")
    for number in range(silent):
        sound(folder / f"silent{number:02}.wav")


def test_all_that_cannot_be_used_is_reported_together(tmp_path: Path) -> None:
    untold(tmp_path / "corpus", told=3, silent=12)
    (tmp_path / "corpus" / "told1.wav").write_bytes(b"no sound")
    (tmp_path / "corpus" / "told2.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CorpusError) as raised:
        prepare(find("folder"), tmp_path / "corpus", tmp_path / "out")
    heading, *named, last = str(raised.value).splitlines()
    assert heading == "14 utterances cannot be used; nothing was written:"
    assert [line.split(": no transcript")[0] for line in named] == [
        f"  {tmp_path / 'corpus'}/silent{number:02}.wav" for number in range(10)
    ]
    assert last == "  and 4 more"
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*.jsonl"))


def test_skip_broken_leaves_them_out_and_says_how_many(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    untold(tmp_path / "corpus", told=3, silent=12)
    (tmp_path / "corpus" / "told1.wav").write_bytes(b"no sound")
    (tmp_path / "corpus" / "told2.txt").write_bytes(b"caf\xe9")
    prepare(find("folder"), tmp_path / "corpus", tmp_path / "out", skip_broken=True)
    assert [item.id for item in read_manifest(tmp_path / "out" / "all.jsonl")] == ["told0"]
    assert "skipped 14 utterances in all" in caplog.text
    assert caplog.text.count("skipped: ") == 10


def test_rows_that_are_none_are_reported_together(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text(
        tmp_path / "t.csv",
        "audio,text,channel,start",
        "a.wav,yes,,",
        ",no,,",
        "a.wav,no,left,",
        "a.wav,no,,soon",
    )
    with pytest.raises(CorpusError) as raised:
        prepare(find("folder"), tmp_path, tmp_path / "out")
    assert [line.split(": ", 1)[1].split(";")[0] for line in str(raised.value).splitlines()[1:]] == [
        "no audio file named",
        "channel 'left'",
        "got 'soon'",
    ]


def lhotse_pair(folder: Path) -> None:
    """What `lhotse prepare` leaves of a corpus: recordings, and supervisions of which one ends late."""
    sound(folder / "meeting.wav", 2.0)
    recordings = [
        {"id": name, "sources": [{"type": "file", "channels": [0], "source": f"{name}.wav"}],
         "sampling_rate": 16000, "num_samples": 32000, "duration": 2.0, "channel_ids": [0]}
        for name in ("meeting", "empty")
    ]  # fmt: skip
    supervisions = [
        {"id": "m-1", "recording_id": "meeting", "start": 0.25, "duration": 0.5, "channel": 0, "text": "good morning",
         "speaker": "B", "language": "English"},
        {"id": "m-2", "recording_id": "meeting", "start": 1.0, "duration": 1.04, "channel": 0, "text": "hello"},
    ]  # fmt: skip
    kinds = {"recordings": recordings, "supervisions": supervisions}
    for kind, records in kinds.items():
        with gzip.open(folder / f"ami_{kind}_dev.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("given", ["", "ami_recordings_dev.jsonl.gz", "ami_supervisions_dev.jsonl.gz"])
def test_lhotse_recordings_and_supervisions_are_joined(
    given: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lhotse_pair(tmp_path)
    (item,) = prepare(find("lhotse"), tmp_path / given, tmp_path / "out")
    first, second = read_manifest(item.manifest)
    assert (item.split, first.id, first.text, first.speaker) == ("dev", "m-1", "good morning", "B")
    assert (first.start, first.duration, first.extras) == (0.25, 0.5, {"language": "English"})
    assert (second.start, second.duration) == (1.0, 1.0)
    assert "1 segments end up to 0.5 s after their file does, and were cut there" in caplog.text
    assert "nothing is said of empty in ami_supervisions_dev.jsonl.gz" in caplog.text


def test_lhotse_manifests_that_do_not_fit_are_named(tmp_path: Path) -> None:
    lhotse_pair(tmp_path)
    with gzip.open(tmp_path / "ami_supervisions_dev.jsonl.gz", "at", encoding="utf-8") as file:
        for name in ("x", "y"):
            file.write(json.dumps({"id": name, "recording_id": name, "start": 0.0, "duration": 1.0}) + "\n")
    with pytest.raises(
        CorpusError, match=r"2 utterances cannot be used(.|\n)*recording x is not in(.|\n)*recording y"
    ):
        prepare(find("lhotse"), tmp_path, tmp_path / "out")
    prepare(find("lhotse"), tmp_path, tmp_path / "out", skip_broken=True)
    assert len(read_manifest(tmp_path / "out" / "dev.jsonl")) == 2
    (tmp_path / "ami_supervisions_dev.jsonl.gz").unlink()
    with pytest.raises(
        CorpusError, match=r"ami_recordings_dev.jsonl.gz: no \*supervisions\* of the split 'dev'"
    ):
        prepare(find("lhotse"), tmp_path, tmp_path / "out")


def test_utterances_of_a_kaldi_folder_and_lines_of_nemos_that_are_none_can_be_left_out(
    tmp_path: Path,
) -> None:
    sound(tmp_path / "a.wav")
    text(tmp_path / "train" / "wav.scp", "a ../a.wav", "b ../a.wav", "c ../a.wav")
    text(tmp_path / "train" / "text", "a hello")
    with pytest.raises(
        CorpusError, match=r"2 utterances cannot be used(.|\n)*transcript of b in(.|\n)*of c in"
    ):
        prepare(find("kaldi"), tmp_path / "train", tmp_path / "kaldi")
    (item,) = prepare(find("kaldi"), tmp_path / "train", tmp_path / "kaldi", skip_broken=True)
    assert item.utterances == 1
    lines = ['{"audio_filepath": "a.wav", "text": "hello"}', '{"text": "no"}']
    lines.append('{"audio_filepath": "a.wav", "text_filepath": "gone.txt"}')
    text(tmp_path / "train_manifest.json", *lines)
    with pytest.raises(CorpusError, match=r"json:2: no audio_filepath(.|\n)*gone.txt: no such file"):
        prepare(find("nemo"), tmp_path / "train_manifest.json", tmp_path / "nemo")
    (item,) = prepare(find("nemo"), tmp_path / "train_manifest.json", tmp_path / "nemo", skip_broken=True)
    assert item.utterances == 1


@pytest.mark.parametrize(
    ("corpus", "name", "content", "message"),
    [
        ("folder", "t.csv", "audio,text,start\na.wav,yes,inf\n", "t.csv:2: got 'inf'; expected seconds"),
        ("folder", "t.csv", "audio,text,duration\na.wav,yes,-1\n", "t.csv:2: got '-1'; expected seconds"),
        ("folder", "t.csv", "audio,text,channel\na.wav,yes,²\n", "channel '²'; expected a number from 0"),
        ("folder", "t.csv", "audio,text\n.,yes\n", "t.csv:2: audio is '.'; expected the path of a file"),
        ("folder", "t.csv", 'audio,"text\n', "t.csv:1: not a table"),
        ("nemo", "m.json", '{"audio_filepath": "/", "text": "a"}', "audio is '/'; expected the path"),
        ("nemo", "m.json", '{"audio_filepath": "a\\u0000", "text": "a"}', "expected the path of a file"),
        ("nemo", "m.json", '{"audio_filepath": "a.wav", "text": "\\ud800"}', "expected a string of Unicode"),
        (
            "nemo",
            "m.json",
            '{"audio_filepath": "a.wav", "text_filepath": "\\u0000"}',
            "no file can be called",
        ),
        (
            "nemo",
            "m.json",
            '{"audio_filepath": "a.wav", "text": "a", "offset": Infinity}',
            "got inf; expected sec",
        ),
        ("nemo", "m.json", '{"audio_filepath": "a.wav", "duration": 1' + "0" * 400 + "}", "expected seconds"),
        ("nemo", "m.json", "[" * 100_000, "m.json:1: not JSON .nested too deeply"),
        ("nemo", "m.json", "9" * 5000, "m.json:1: not JSON .a number of too many digits"),
        ("kaldi", "segments", "u r nan 1\n", "segments:1: got 'nan'; expected seconds"),
        ("kaldi", "segments", "u r 0 inf\n", "segments:1: got 'inf'; expected seconds"),
        ("kaldi", "segments", "u r 2 1\n", "segments:1: from 2 s to 1 s; expected START before END"),
        (
            "kaldi",
            "wav.scp",
            'r sph2pipe "a.sph |\n',
            "wav.scp:1: .*No closing quotation; correct the command",
        ),
        ("kaldi", "wav.scp", "r sph2pipe a.sph -c |\n", "wav.scp:1: channel ''; expected sph2pipe's -c 1"),
        ("lhotse", "cuts.jsonl", {"channel": []}, "cuts.jsonl:1: no or odd list index"),
        ("lhotse", "cuts.jsonl", {"text": 5}, "cuts.jsonl:1: text is 5; expected a string"),
        ("lhotse", "cuts.jsonl", {"start": float("nan")}, "cuts.jsonl:1: got nan; expected seconds"),
        ("lhotse", "cuts.jsonl", {"start": 10**400}, "cuts.jsonl:1: no or odd int too large"),
        ("lhotse", "cuts.jsonl", {"duration": 10**400}, "cuts.jsonl:1: got 1000.*; expected seconds"),
    ],
)
def test_values_that_are_none_are_named(
    corpus: str, name: str, content: str | dict, message: str, tmp_path: Path
) -> None:
    sound(tmp_path / "a.wav")
    if corpus == "kaldi":
        text(tmp_path / "wav.scp", "r a.wav")
        text(tmp_path / "text", "u yes")
    if isinstance(content, dict):
        supervision = {"id": "u", "start": 0.0, "duration": 0.5, "channel": 0, "text": "a", **content}
        source = {"type": "file", "channels": [0], "source": "a.wav"}
        content = json.dumps(
            {"start": 0.0, "recording": {"sources": [source]}, "supervisions": [supervision]}
        )
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        prepare(find(corpus), tmp_path, tmp_path / "out")
