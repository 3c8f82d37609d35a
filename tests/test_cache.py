"""What is made once and kept: found again, made anew when its sources or the file itself have changed, never needed."""

import logging
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from asr import cache
from asr.cli import main
from asr.errors import AsrError
from asr.mapped_arrays import MappedArrays, map_arrays, write_arrays

MAGIC = b"a test, of two\x00\x01"


def write(path: Path, content: MappedArrays) -> None:
    write_arrays(path, MAGIC, content)


def read(path: Path) -> MappedArrays:
    return map_arrays(path, MAGIC, what="table", error=AsrError, remedy="remove it")


def squares_of(source: Path) -> MappedArrays:
    numbers = np.array(source.read_text(encoding="utf-8").split(), np.int64)
    return MappedArrays({"count": len(numbers)}, b"squares", {"square": numbers**2, "none": numbers[:0]})


def squares(source: Path, *, version: int = 1) -> tuple[list[int], bool]:
    """The squares of a file's numbers, and whether they had to be worked out."""
    worked = []

    def make() -> MappedArrays:
        worked.append(1)
        return squares_of(source)

    found = cache.made_once("squares", [source], parts=[version], make=make, write=write, read=read)
    assert found.text == b"squares"
    return found.arrays["square"].tolist(), bool(worked)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ASR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1)
    cache._warn_once.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("3 4")
    return path


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("squares-*"))


def test_it_is_made_once_and_then_mapped(source):
    assert squares(source) == ([9, 16], True)
    assert squares(source) == ([9, 16], False)


def test_other_content_another_name_of_the_same_or_another_version(source, folder):
    squares(source)
    state = source.stat()
    source.write_text("3 5")  # as long
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert squares(source) == ([9, 25], True)
    assert squares(source.rename(source.with_name("renamed"))) == ([9, 25], False)
    assert squares(source.with_name("renamed"), version=2) == ([9, 25], True)
    assert len(kept(folder)) == 3


@pytest.mark.parametrize(
    "damage", ["nothing left", "cut short", "another format", "broken header", "a folder"]
)
def test_a_broken_file_is_made_anew_and_that_is_said(source, folder, damage, caplog):
    squares(source)
    [path] = kept(folder)
    whole = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    else:
        path.write_bytes(
            {
                "nothing left": b"",
                "cut short": whole[:-65],
                "another format": b"a test, of one\x00\x01" + whole[16:],
                "broken header": whole[:24] + b"{" * 40 + whole[64:],
            }[damage]
        )
    assert squares(source) == ([9, 16], True)
    assert f"{path}" in caplog.text
    assert "making it anew" in caplog.text
    if damage != "a folder":
        assert squares(source) == ([9, 16], False)


def test_where_nothing_can_be_written_it_works_and_says_so_once(source, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert squares(source) == ([9, 16], True)
    assert squares(source) == ([9, 16], True)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert (
        "without a cache the squares is made at every start; ASR_CACHE_DIR names another folder"
        in warnings[0]
    )


def test_a_missing_source_is_an_error_of_ours(tmp_path):
    with pytest.raises(AsrError, match=r"nowhere\.txt: cannot read: No such file"):
        squares(tmp_path / "nowhere.txt")


def test_what_is_made_in_no_time_is_not_kept(source, folder, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1 << 20)
    assert squares(source) == ([9, 16], True)
    assert not folder.exists()


def _make_at_once(source: Path, ready, results) -> None:
    def make() -> MappedArrays:
        ready.wait()  # both are in the middle of it
        return squares_of(source)

    cache.WORTH_KEEPING = 1
    found = cache.made_once("squares", [source], make=make, write=write, read=read)
    results.put(found.arrays["square"].tolist())


def test_two_processes_that_make_it_at_once_both_have_it(source, folder):
    context = multiprocessing.get_context("fork")
    ready, results = context.Barrier(2), context.Queue()
    both = [context.Process(target=_make_at_once, args=(source, ready, results)) for _ in range(2)]
    for process in both:
        process.start()
    assert [results.get(timeout=60) for _ in both] == [[9, 16]] * 2
    for process in both:
        process.join()
    [path] = kept(folder)
    assert read(path).arrays["square"].tolist() == [9, 16]
    assert [found.name for found in folder.iterdir()] == [path.name]  # nothing half-written stays


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_that_is_taken_for_whole(source, folder):
    folder.mkdir()
    (folder / ".squares-0.abc.part").write_bytes(MAGIC + b"half")
    assert squares(source) == ([9, 16], True)


def test_files_that_were_not_used_for_long_are_removed(source, folder):
    squares(source, version=1)
    squares(source, version=2)
    long_ago = time.time() - 100 * 24 * 3600
    for path in kept(folder):
        os.utime(path, (long_ago, long_ago))
    assert squares(source, version=2) == ([9, 16], False)  # used again
    squares(source, version=3)
    assert len(kept(folder)) == 2


def test_mapped_arrays_can_be_changed_without_changing_the_file(source, folder):
    squares(source)
    [path] = kept(folder)
    changed = read(path).arrays["square"]
    changed[0] = -1
    assert read(path).arrays["square"].tolist() == [9, 16]


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/var/mine"}, "/var/mine/asr"),
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/asr"),
        ("darwin", {"HOME": "/Users/me"}, "/Users/me/Library/Caches/asr"),
        ("win32", {"LOCALAPPDATA": "/C/Local"}, "/C/Local/asr"),
        ("linux", {"ASR_CACHE_DIR": "/big", "XDG_CACHE_HOME": "/var/mine"}, "/big"),
    ],
)
def test_the_folder_is_where_the_platform_keeps_such_things(platform, environment, expected, monkeypatch):
    for name in ("ASR_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.cache_folder().as_posix() == expected


def test_the_command_lists_and_empties_it(source, folder, capsys):
    squares(source)
    assert main(["cache"]) == 0
    assert kept(folder)[0].name in capsys.readouterr().out
    assert main(["cache", "--empty"]) == 0
    assert "1 files removed" in capsys.readouterr().out
    assert main(["cache"]) == 0
    assert capsys.readouterr().out == f"{folder}: 0 files, 0.0 MB\n"
    assert squares(source) == ([9, 16], True)
