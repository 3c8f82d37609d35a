"""Build the wheel, install it where the checkout is not, and use it: transcribe, score, align, serve.

python scripts/check_wheel.py

The environment is new, and borrows this Python's packages instead of downloading gigabytes again: those that the wheel's own
metadata asks for, and no others, so that a dependency nobody has declared is missing here as it is at a user's.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from environment import ROOT
from served import served
from synthesis import Synthesizer, Voice

MOST_MEGABYTES = 70.0
MOST_WER = 50  # percent; a machine speaks
TEXT = "the old man went down to the river and looked at the water"

# What makes the packages of others be there or not; read by every Python of the new environment.
BORROWING = """
import json, os, sys
with open({path!r}, encoding="utf-8") as file:
    hidden = set(json.load(file)[os.environ.get("WALK", "core")])

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {{name!r}}: the wheel does not ask for it", name=name)

sys.meta_path.insert(0, Hidden())
"""


def main() -> int:
    """Build, look, install, walk."""
    with tempfile.TemporaryDirectory(prefix="asr-wheel-") as name:
        place = Path(name)
        wheel = build(place)
        look_into(wheel)
        python = install(wheel, place)
        walk(python, place)
    return 0


def build(place: Path) -> Path:
    """The wheel of what git knows: nothing that lies about in the checkout comes in."""
    tracked = output(
        "git", "ls-files", "asr", "pyproject.toml", "README.md", "LICENSE", cwd=ROOT
    ).splitlines()
    for file in tracked:
        if (ROOT / file).is_file():
            (place / "source" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, place / "source" / file)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    output(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", place, place / "source", cwd=place)
    [wheel] = place.glob("*.whl")
    return wheel


def look_into(wheel: Path) -> None:
    """Every file of the package is in the wheel, nothing else is, and it is no larger than it may be."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = {
        file for file in output("git", "ls-files", "asr", cwd=ROOT).splitlines() if (ROOT / file).is_file()
    }
    if names != tracked:
        sys.exit(f"{wheel.name}: lacks {sorted(tracked - names)}, has besides {sorted(names - tracked)}")
    megabytes = wheel.stat().st_size / 1e6
    if megabytes > MOST_MEGABYTES:
        sys.exit(f"{wheel.name}: {megabytes:.1f} MB; expected at most {MOST_MEGABYTES:g}")
    print(f"{wheel.name}: {len(names)} files, {megabytes:.1f} MB", flush=True)


def install(wheel: Path, place: Path) -> Path:
    """A new environment with the wheel in it; returns its Python."""
    home = place / "environment"
    venv.create(home)
    windows = os.name == "nt"
    python = home / ("Scripts/python.exe" if windows else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    output(*pip, wheel, cwd=place)
    site = Path(
        output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip()
    )
    tops = packages_distributions()
    hidden = {}
    for walk_name, extras in (("core", ()), ("serve", ("serve",))):
        asked = closure(wheel, extras)
        hidden[walk_name] = sorted(
            top
            for top, owners in tops.items()
            if top != "asr" and not asked & {canonicalize_name(one) for one in owners}
        )
    (place / "hidden.json").write_text(json.dumps(hidden), encoding="utf-8")
    (site / "sitecustomize.py").write_text(
        BORROWING.format(path=str(place / "hidden.json")), encoding="utf-8"
    )
    # Folders that a .pth names are searched, but their own .pth files, an editable checkout's among them, are not read.
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", encoding="utf-8")
    return python


def closure(wheel: Path, extras: Iterable[str]) -> set[str]:
    """The distributions that a wheel asks for with some extras, and those that they ask for."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    asked: set[tuple[str, str]] = set()
    open_ends = wanted(metadata.get_all("Requires-Dist", []), ("", *extras))
    while open_ends:
        name, extra = open_ends.pop()
        if (name, extra) in asked:
            continue
        asked.add((name, extra))
        with suppress(PackageNotFoundError):  # an optional one that is not here
            open_ends += wanted(distribution(name).requires or [], (extra,))
    return {name for name, _ in asked}


def wanted(lines: Iterable[str], extras: Iterable[str]) -> list[tuple[str, str]]:
    """The distributions, and their extras, of requirements."""
    found: list[tuple[str, str]] = []
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            found += [(canonicalize_name(requirement.name), one) for one in ("", *requirement.extras)]
    return found


def walk(python: Path, place: Path) -> None:
    """What a user does first."""
    folder = place / "user"
    folder.mkdir()
    where = output(python, "-c", "import asr; print(asr.__file__)", cwd=folder).strip()
    if not Path(where).resolve().is_relative_to((place / "environment").resolve()):
        sys.exit(f"asr is imported from {where}, not from the wheel")
    waveform = Synthesizer(sample_rate=16000).speak(TEXT, Voice("en-us", rate=140))
    soundfile.write(folder / "speech.wav", waveform, 16000)
    command = python.with_name("asr.exe" if os.name == "nt" else "asr")

    heard = output(command, "transcribe", "speech.wav", "--text", "verbatim", cwd=folder).strip()
    print(f"transcribe: {heard}", flush=True)
    with (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "reference", "hypothesis"), ("a", TEXT, heard.lower())])
    scored = output(command, "score", "results.csv", "--fail-above", MOST_WER, cwd=folder)
    print(f"score: {scored.splitlines()[1]}", flush=True)

    (folder / "speech.txt").write_text(TEXT, encoding="utf-8")
    aligned = json.loads(output(command, "align", "speech.wav", "speech.txt", cwd=folder))
    words = [word["text"].lower() for segment in aligned["segments"] for word in segment["words"]]
    print(f"align: {len(words)} words", flush=True)
    if words != TEXT.split():
        sys.exit(f"aligned {words}, not the text")

    served = ask_server(command, folder)
    print(f"serve: {served}", flush=True)
    if not served.strip():
        sys.exit("the server has heard nothing")


def ask_server(command: Path, folder: Path) -> str:
    """The text that a server gives for one request."""
    environment = {**clean_environment(), "WALK": "serve"}
    with served(command=[command], folder=folder, environment=environment) as (_, address):
        sound = (folder / "speech.wav").read_bytes()
        body = (
            b'--part\r\nContent-Disposition: form-data; name="model"\r\n\r\nenglish\r\n--part\r\nContent-Disposition: '
            b'form-data; name="file"; filename="speech.wav"\r\n\r\n' + sound + b"\r\n--part--\r\n"
        )
        request = urllib.request.Request(
            f"{address}/v1/audio/transcriptions",
            body,
            {"Content-Type": "multipart/form-data; boundary=part"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(json.load(answer)["text"])


def output(*words: object, cwd: Path) -> str:
    """What a command prints; where it fails, end with what it said."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=clean_environment(),
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """The variables of this process but for those that lead back to the checkout."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}


if __name__ == "__main__":
    sys.exit(main())
