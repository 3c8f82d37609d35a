"""Models of the Hugging Face Hub, against a stand-in on this machine that speaks as much of its interface as is needed."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import asr
from asr.cli import main
from asr.companions import Companion
from asr.decoding.options import DecodingOptions, read_options, tuned_options, write_options
from asr.errors import AsrError, CheckpointError, UsageError
from asr.model.hub import pull_model
from asr.model.pretrained import find_model

constants = pytest.importorskip("huggingface_hub.constants")


class Hub(ThreadingHTTPServer):
    """Repositories by name, each a list of commits of files; private ones look as if they were not there."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories: dict[str, list[dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.status = 0  # what everything is answered with, if not 0


class Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, code: str, status: int = 404) -> None:
        self.reply(b"{}", status, X_Error_Code=code, X_Error_Message=code)

    def say(self, record: Any) -> None:
        self.reply(json.dumps(record).encode(), Content_Type="application/json")

    def do_GET(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        is_api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if is_api else parts[:2])
        hub = self.server
        if hub.status:
            return self.refuse("Trouble", hub.status)
        commits = hub.repositories.get(name)
        if commits is None or (name in hub.private and "Authorization" not in self.headers):
            return self.refuse("RepoNotFound", 401 if commits else 404)
        where = parts[5] if is_api and len(parts) > 5 else parts[3] if not is_api else "main"
        number = {"main": len(commits) - 1, **{sha(n): n for n in range(len(commits))}}.get(where)
        if number is None:
            return self.refuse("RevisionNotFound")
        files = commits[number]
        if is_api and len(parts) > 4 and parts[4] == "tree":
            return self.say(
                [
                    {"type": "file", "path": file, "size": len(data), "oid": sha(data)}
                    for file, data in files.items()
                ]
            )
        if is_api:
            siblings = [{"rfilename": file} for file in files]
            return self.say(
                {"id": name, "modelId": name, "sha": sha(number), "siblings": siblings, "private": False}
            )
        file = "/".join(parts[4:])
        if file not in files:
            return self.refuse("EntryNotFound")
        self.reply(
            files[file], ETag=f'"{sha(files[file])}"', X_Repo_Commit=sha(number), Accept_Ranges="bytes"
        )

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hub, path = self.server, unquote(urlsplit(self.path).path)
        if hub.status:
            return self.refuse("Trouble", hub.status)
        if path == "/api/repos/create":
            record = json.loads(body)
            name = (
                f"{record['organization']}/{record['name']}" if record.get("organization") else record["name"]
            )
            hub.repositories.setdefault(name, [])
            if record.get("private") or record.get("visibility") == "private":
                hub.private.add(name)
            return self.say({"url": f"http://{self.headers['Host']}/{name}"})
        name = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            asked = json.loads(body)["files"]
            return self.say(
                {
                    "files": [
                        {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked
                    ]
                }
            )
        if "/commit/" in path:
            lines = [json.loads(line) for line in body.splitlines()]
            files = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            commits = hub.repositories[name]
            commits.append({**(commits[-1] if commits else {}), **files})
            oid = sha(len(commits) - 1)
            return self.say(
                {
                    "commitUrl": f"http://{self.headers['Host']}/{name}/commit/{oid}",
                    "commitOid": oid,
                    "success": True,
                }
            )
        return self.say({"errors": [], "warnings": []})  # of the card


def sha(content: int | bytes) -> str:
    """40 hexadecimal digits, as of a commit or a file."""
    return hashlib.sha1(content if isinstance(content, bytes) else f"commit {content}".encode()).hexdigest()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    # What HF_ENDPOINT, HF_HUB_CACHE and HF_TOKEN set when huggingface_hub is imported.
    for name, value in {
        "ENDPOINT": address,
        "HUGGINGFACE_CO_URL_TEMPLATE": address + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "hub-cache"),
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def model(tiny_checkpoint: Path, tiny_tagger: Path, tmp_path: Path) -> Path:
    """A model with a tagger beside it, and a language model in another folder that its decoding names."""
    tiny_checkpoint.with_suffix(".tagger").write_bytes(tiny_tagger.read_bytes())
    (tmp_path / "text.txt").write_text("AB C\nAB CAB\n", encoding="utf-8")
    (tmp_path / "lms").mkdir()
    assert (
        main(["lm", "train", str(tmp_path / "text.txt"), str(tmp_path / "lms" / "mine.arpa"), "--order", "2"])
        == 0
    )
    options = DecodingOptions("beam", lm=str(tmp_path / "lms" / "mine.arpa"), lm_weight=0.7)
    write_options(Companion.DECODING.path(tiny_checkpoint), options, measured={"wer": 0.1})
    return tiny_checkpoint


def test_what_was_pushed_comes_back_with_all_that_it_takes(
    hub: Hub, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["model", "push", str(model), "hf:me/tiny"]) == 0
    assert capsys.readouterr().out.strip() == f"{constants.ENDPOINT}/me/tiny/commit/{sha(0)}"
    files = hub.repositories["me/tiny"][-1]
    assert set(files) == {"README.md", "model.pt", "model.decoding.json", "model.tagger", "mine.arpa"}
    assert "asr transcribe speech.wav --model hf:me/tiny" in files["README.md"].decode()
    assert files["model.pt"] == model.read_bytes()

    assert main(["model", "pull", "hf:me/tiny", str(tmp_path / "mine")]) == 0
    pulled = Path(capsys.readouterr().out.strip())
    assert pulled == tmp_path / "mine" / "model.pt"
    assert read_options(Companion.DECODING.path(pulled)).lm_weight == 0.7
    assert Path(str(tuned_options(pulled).lm)) == tmp_path / "mine" / "mine.arpa"


def test_a_model_of_the_hub_is_named_wherever_a_model_is(
    hub: Hub, model: Path, tone: Any, capsys: Any
) -> None:
    assert main(["model", "push", str(model), "hf:me/tiny", "--message", "first"]) == 0
    capsys.readouterr()
    assert main(["transcribe", str(tone("a.wav")), "--model", "hf:me/tiny", "--text", "verbatim"]) == 0
    assert main(["transcribe", str(tone("a.wav")), "--model", str(model), "--text", "verbatim"]) == 0
    there, here = capsys.readouterr().out.splitlines()
    assert there == here
    assert asr.load("hf:me/tiny").decoder.options.lm_weight == 0.7
    assert find_model(f"hf:me/tiny@{sha(0)}").read_bytes() == model.read_bytes()
    # What is in the cache needs no network.
    hub.status = 500
    assert find_model(f"hf:me/tiny@{sha(0)}").is_file()


def test_a_private_repository_opens_to_who_has_a_token(
    hub: Hub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["model", "push", str(model), "hf:me/secret", "--private"]) == 0
    assert hub.private == {"me/secret"}
    assert pull_model("hf:me/secret").is_file()
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(model.parent / "another-cache"))
    with pytest.raises(
        CheckpointError, match=r"hf:me/secret: no such repository, or a private one; .*hf auth login"
    ):
        pull_model("hf:me/secret")


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("hf:me/nothing", 0, "hf:me/nothing: no such repository, or a private one"),
        ("hf:me/tiny@v9", 0, "hf:me/tiny@v9: the repository has no such revision"),
        ("hf:me/empty", 0, "hf:me/empty: no model.pt in this repository"),
        ("hf:tiny", 0, "hf:tiny: expected hf:owner/name or hf:owner/name@revision"),
        ("hf:me/tiny/x", 0, "expected hf:owner/name"),
        ("hf:me/-tiny..", 0, "hf:me/-tiny..: "),
        ("hf:me/tiny", 503, "hf:me/tiny: "),
    ],
)
def test_what_cannot_be_fetched_is_said_in_a_line(
    source: str, status: int, message: str, hub: Hub, tmp_path: Path
) -> None:
    hub.repositories |= {"me/empty": [{"README.md": b"nothing"}], "me/tiny": [{"model.pt": b"x"}]}
    hub.status = status
    with pytest.raises(AsrError) as raised:
        pull_model(source, tmp_path / "out")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.rglob("*.pt"))


def test_without_a_network_that_is_said(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(CheckpointError, match=r"hf:me/tiny: cannot be reached"):
        pull_model("hf:me/tiny")


def test_pushing_without_the_right_to_write_is_said(
    hub: Hub, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.status = 403
    assert main(["model", "push", str(model), "hf:me/tiny"]) == 1
    assert "the Hub refused with status 403" in capsys.readouterr().err


def test_two_files_of_one_name_are_not_pushed(hub: Hub, model: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.arpa").write_text("A\n", encoding="utf-8")
    options = DecodingOptions(
        "beam", lm=str(tmp_path / "lms" / "mine.arpa"), lexicon=str(tmp_path / "other" / "mine.arpa")
    )
    write_options(Companion.DECODING.path(model), options)
    assert main(["model", "push", str(model), "hf:me/tiny"]) == 2
    assert hub.repositories == {}


def test_without_the_package_its_installation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    with pytest.raises(UsageError, match=r"huggingface_hub is not installed; `pip install"):
        pull_model("hf:me/tiny")
