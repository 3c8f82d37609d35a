import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data" / "corpora"))

from corpus_layouts import BUILDERS

from asr.cli import main
from asr.data.corpora import find, names


def test_the_table_and_the_licence_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    assert main(["prepare", "librispeech", str(tmp_path / "corpus"), str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].split() == ["split", "utterances", "hours", "published", "manifest"]
    assert printed.out.splitlines()[1].split()[:4] == ["dev-clean", "2", "0.000", "2,703;"]
    assert "licence: CC BY 4.0" in printed.err
    assert "cite: Vassil Panayotov" in printed.err
    assert "warning: " in printed.err
    assert "2 utterances in dev-clean; the publisher states 2,703" in printed.err


def test_only_and_transcript_choose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BUILDERS["timit"](tmp_path / "corpus")
    words = ["prepare", "timit", str(tmp_path / "corpus"), str(tmp_path / "out")]
    assert main([*words, "--only", "dev", "--transcript", "phones-39"]) == 0
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["corpus.json", "dev.jsonl"]
    assert '"text": "sil sh ih sil sh sil"' in (tmp_path / "out" / "dev.jsonl").read_text(encoding="utf-8")


def test_a_failure_is_exit_1_and_a_mistake_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BUILDERS["librispeech"](tmp_path / "corpus")
    source, out = str(tmp_path / "corpus"), str(tmp_path / "out")
    broken = next((tmp_path / "corpus").rglob("*.flac"))
    broken.write_bytes(b"")
    assert main(["prepare", "librispeech", source, out]) == 1
    assert f"{broken}: the file has 0 bytes" in capsys.readouterr().err
    assert main(["prepare", "librispeech", source, out, "--skip-broken"]) == 0
    assert "skipped: " in capsys.readouterr().err
    assert main(["prepare", "librispeech", source, out, "--only", "dev-other"]) == 2
    assert main(["prepare", "librispeech", source, out, "--subset", "dev-clean"]) == 2
    assert "--only to choose splits" in capsys.readouterr().err
    assert main(["prepare", "librispeech", "--download", out]) == 2
    assert "choose with --subset" in capsys.readouterr().err


def test_dry_run_shows_sizes_and_touches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "prepare",
        "librispeech",
        "--download",
        "--subset",
        "dev-clean",
        "--subset",
        "train-clean-100",
        "--dry-run",
    ]
    assert main([*words, str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[:3] == ["dev-clean.tar.gz", "322", "MiB"]
    assert printed[2].split()[:5] == ["train-clean-100.tar.gz", "5.9", "GiB", "missing", "5.9"]
    assert printed[3].startswith("to fetch 6.3 GiB; with everything unpacked about 12.5 GiB of disk, ")
    assert not (tmp_path / "out").exists()
    assert main(["prepare", "cmu-arctic", "--download", "--subset", "bdl", "--dry-run", str(tmp_path)]) == 0
    assert "the publisher does not say how large 1 of the files are" in capsys.readouterr().out


def test_list_names_every_corpus_with_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", "--list"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    for name in names():
        assert f"{name}: {find(name).title}" in printed


@pytest.mark.parametrize("name", names())
def test_a_corpus_can_be_fetched_with_a_checksum_or_says_where_it_is(name: str) -> None:
    corpus = find(name)
    shape = not corpus.licence
    assert corpus.name == name
    assert shape or corpus.homepage.startswith("http")
    for downloads in corpus.downloads.values():
        for download in downloads:
            kind, _, digest = download.checksum.partition(":")
            assert len(digest) == {"sha256": 64, "md5": 32}[kind]
            int(digest, 16)
            assert all(url.startswith("http") and url.endswith(download.name) for url in download.urls)
