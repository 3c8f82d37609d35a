"""Downloads against a local server that misbehaves in every way a real one does."""

import hashlib
import http.server
import logging
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from corpus_layouts import BUILDERS

from asr.data.corpora import downloads, find
from asr.data.corpora.corpus import Corpus
from asr.data.corpora.downloads import Download, fetch_all, plan
from asr.data.corpora.preparation import prepare
from asr.errors import CorpusError, UsageError

CONTENT = np.random.default_rng(7).bytes(3_000_000)


class Server:
    """Serves files by name; `behaviour` names what is wrong with each, and `requests` what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.behaviour: dict[str, str] = {}
        self.requests: list[tuple[str, str | None]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/{name}"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        name = request.path.lstrip("/")
        asked = request.headers.get("Range")
        self.requests.append((name, asked))
        behaviour = self.behaviour.get(name, "")
        if behaviour in {"404", "500"}:
            request.send_error(int(behaviour))
            return
        content = self.files[name.split("/")[-1]]
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and behaviour != "no ranges" else 0
        if start >= len(content) > 0 and asked:
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        end = len(content)
        if behaviour in {"stops once", "stops always"}:
            end = start + (len(content) - start) // 2
            self.behaviour[name] = "" if behaviour == "stops once" else behaviour
        request.wfile.write(content[start:end])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(downloads, "_PAUSE", 0.0)
    logging.getLogger("asr").propagate = True
    running = Server()
    running.files["a.bin"] = CONTENT
    yield running
    running.http.shutdown()
    running.http.server_close()


def download(server: Server, *names: str, checksum: str | None = None, size: int | None = None) -> Download:
    content = server.files[names[0].split("/")[-1]]
    return Download(
        urls=tuple(server.url(name) for name in names),
        checksum=checksum or f"sha256:{hashlib.sha256(content).hexdigest()}",
        size=len(content) if size is None else size,
    )


def test_a_file_is_fetched_whole(server: Server, tmp_path: Path) -> None:
    (path,) = fetch_all([download(server, "a.bin")], tmp_path)
    assert path.read_bytes() == CONTENT
    assert [item.name for item in tmp_path.iterdir()] == ["a.bin"]


def test_md5_is_checked_where_that_is_what_is_published(server: Server, tmp_path: Path) -> None:
    digest = hashlib.md5(CONTENT).hexdigest()
    (path,) = fetch_all([download(server, "a.bin", checksum=f"md5:{digest}")], tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_file_already_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    fetch_all([download(server, "a.bin")], tmp_path)
    server.requests.clear()
    fetch_all([download(server, "a.bin")], tmp_path)
    assert server.requests == []


def test_a_server_that_stops_half_way_is_asked_for_the_rest(server: Server, tmp_path: Path) -> None:
    server.behaviour["a.bin"] = "stops once"
    (path,) = fetch_all([download(server, "a.bin")], tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.requests == [("a.bin", None), ("a.bin", "bytes=1500000-")]


def test_an_interrupted_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:2_000_000])
    (path,) = fetch_all([download(server, "a.bin")], tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.requests == [("a.bin", "bytes=2000000-")]


def test_a_server_that_ignores_ranges_sends_it_all_again(server: Server, tmp_path: Path) -> None:
    server.behaviour["a.bin"] = "no ranges"
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:2_000_000])
    (path,) = fetch_all([download(server, "a.bin")], tmp_path)
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_whole_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    (path,) = fetch_all([download(server, "a.bin")], tmp_path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", ["404", "500", "stops always"])
def test_a_mirror_is_asked_when_the_publisher_fails(behaviour: str, server: Server, tmp_path: Path) -> None:
    server.behaviour["first/a.bin"] = behaviour
    (path,) = fetch_all([download(server, "first/a.bin", "second/a.bin")], tmp_path)
    assert path.read_bytes() == CONTENT
    asked = [name for name, _ in server.requests]
    assert asked.count("first/a.bin") == (1 if behaviour == "404" else 3)
    assert asked[-1] == "second/a.bin"


@pytest.mark.parametrize(
    ("behaviour", "reason"), [("404", "404 Not Found"), ("500", "500 Internal Server Error")]
)
def test_no_answer_names_file_addresses_and_what_to_do(
    behaviour: str, reason: str, server: Server, tmp_path: Path
) -> None:
    server.behaviour["a.bin"] = behaviour
    with pytest.raises(CorpusError) as caught:
        fetch_all([download(server, "a.bin")], tmp_path)
    message = str(caught.value)
    assert f"{server.url('a.bin')}: {reason}" in message
    assert f"put it at {tmp_path / 'a.bin'}" in message
    assert not list(tmp_path.iterdir())


def test_a_server_that_always_stops_leaves_only_the_part_to_go_on_from(
    server: Server, tmp_path: Path
) -> None:
    server.behaviour["a.bin"] = "stops always"
    with pytest.raises(
        CorpusError, match=r"the server stopped after .* of 3000000 bytes.*run the command again"
    ):
        fetch_all([download(server, "a.bin")], tmp_path)
    (part,) = tmp_path.iterdir()
    assert part.name == "a.bin.part"
    assert CONTENT.startswith(part.read_bytes())


def test_a_wrong_checksum_removes_the_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"a\.bin from http.*: checksum differs .* it was removed, try again"
    ):
        fetch_all([download(server, "a.bin", checksum=f"sha256:{'0' * 64}")], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrong_file_in_place_is_named_and_kept(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(CorpusError, match=r"a\.bin: checksum differs .* delete the file"):
        fetch_all([download(server, "a.bin")], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"


def test_several_files_are_fetched_at_once(server: Server, tmp_path: Path) -> None:
    names = [f"{number}.bin" for number in range(5)]
    server.files.update({name: CONTENT[: 1000 * (number + 1)] for number, name in enumerate(names)})
    paths = fetch_all([download(server, name) for name in names], tmp_path)
    assert [path.read_bytes() for path in paths] == [server.files[name] for name in names]


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "free_space", lambda folder: 3 * 2**30)
    with pytest.raises(
        CorpusError, match=r"3\.0 GiB free; fetching and unpacking a\.bin needs about 4\.0 GiB"
    ):
        fetch_all([download(server, "a.bin", size=2**31)], tmp_path)
    assert server.requests == []


def test_the_plan_says_what_is_there_in_part_and_missing(server: Server, tmp_path: Path) -> None:
    server.files.update({"b.bin": CONTENT[:100], "c.bin": CONTENT[:200]})
    (tmp_path / "a.bin").write_bytes(CONTENT)
    (tmp_path / "b.bin.part").write_bytes(CONTENT[:30])
    plans = plan([download(server, name) for name in ("a.bin", "b.bin", "c.bin")], tmp_path)
    assert [(item.state, item.remaining) for item in plans] == [
        ("there", 0),
        ("partial", 70),
        ("missing", 200),
    ]
    assert server.requests == []


class Bar:
    """What a progress bar is told."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.n = 0

    def update(self, count: int) -> None:
        self.n += count


@pytest.mark.parametrize("behaviour", ["", "stops once", "no ranges"])
@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_progress_ends_at_the_size_of_the_file(
    size: int | None, behaviour: str, server: Server, tmp_path: Path
) -> None:
    server.behaviour["a.bin"] = behaviour
    asked = Download(urls=(server.url("a.bin"),), checksum=download(server, "a.bin").checksum, size=size)
    bar = Bar(size)
    downloads.fetch(asked, tmp_path, bar=bar)
    assert (bar.n, bar.total) == (len(CONTENT), len(CONTENT))


def served_corpus(server: Server, tmp_path: Path) -> Corpus:
    """AN4's layout as an archive on the server, and a corpus that fetches it."""
    BUILDERS["an4"](tmp_path / "build")
    with tarfile.open(tmp_path / "an4.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "build" / "an4", "an4")
    server.files["an4.tar.gz"] = (tmp_path / "an4.tar.gz").read_bytes()
    return type(find("an4"))(
        name="an4", title="AN4", downloads={"all": (download(server, "an4.tar.gz"),)}, licence="free"
    )


def test_prepare_downloads_unpacks_and_reads(server: Server, tmp_path: Path) -> None:
    corpus = served_corpus(server, tmp_path)
    out = tmp_path / "out"
    written = prepare(corpus, None, out)
    assert {item.split: item.utterances for item in written} == {"train": 4, "dev": 2, "test": 2}
    server.requests.clear()
    assert prepare(corpus, None, out) == written
    assert server.requests == []


def test_a_failed_download_leaves_no_manifest(server: Server, tmp_path: Path) -> None:
    corpus = served_corpus(server, tmp_path)
    server.behaviour["an4.tar.gz"] = "404"
    with pytest.raises(CorpusError):
        prepare(corpus, None, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["downloads"]


def test_a_corpus_in_parts_asks_which(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="comes in parts; choose with --subset, one or more of train-clean-5"
    ):
        prepare(find("librispeech"), None, tmp_path)
    with pytest.raises(UsageError, match="no subset 'dev'; known are train-clean-5"):
        prepare(find("librispeech"), None, tmp_path, subsets=["dev"])


def test_a_corpus_without_download_says_where_it_is_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"timit cannot be downloaded .* https://catalog\.ldc\.upenn\.edu/LDC93S1"
    ):
        prepare(find("timit"), None, tmp_path)
