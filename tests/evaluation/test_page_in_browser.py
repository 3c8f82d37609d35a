"""The page in Chromium: it unpacks, filters, sorts, obeys the keyboard, and nothing sticks out."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from asr.evaluation.report import build_report
from asr.evaluation.report_folder import write_report
from asr.evaluation.transcript import TranscriptPair

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

WORD = "supercalifragilistic"
PAIRS = [
    TranscriptPair("long", f"{WORD} " * 2000, f"{WORD} " * 1500, speaker="a"),
    TranscriptPair("hebrew", "שלום עולם זה מבחן", "שלום זה מבחן טוב", speaker="b"),
    TranscriptPair("word", "x" * 400, "y" * 400, speaker="b"),
    TranscriptPair("silent", "", "thank you", speaker="c"),
    *(
        TranscriptPair(f"u-{number:03d}", "a b c", "a b c", speaker="d", duration=1.0 + number)
        for number in range(100)
    ),
]
# Runs in the page once it is ready, and writes what it finds into the title, where --dump-dom shows it.
PROBE = """
<script>
(async () => {
  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  while (!document.documentElement.dataset.ready) await wait(20);
  const get = (id) => document.getElementById(id), ids = () => [...document.querySelectorAll("#list .id")].map((node) => node.textContent);
  const key = (name) => (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  const set = (id, value) => { get(id).value = value; get(id).dispatchEvent(new Event("change")); };
  const found = { wide: document.scrollingElement.scrollWidth - innerWidth, shown: ids().length, first: ids()[0] };
  found.rtl = [...document.querySelectorAll("#list .words")].filter((node) => node.dir === "rtl").length;
  found.worst = document.querySelectorAll("#worst-list article").length;
  found.inserted = document.querySelector("#list ins.i")?.textContent ?? "";
  key("n"); found.secondPage = ids().length;
  key("p"); key("j"); key("j"); found.focused = document.activeElement.querySelector(".id").textContent;
  key("k"); found.focusedBack = document.activeElement.querySelector(".id").textContent;
  document.activeElement.blur(); key("/"); found.searching = document.activeElement.id;
  set("kind", "invented"); found.invented = ids().join();
  set("kind", "all"); set("sort", "duration"); found.longest = ids()[0];
  set("field", "speaker"); set("value", "1"); found.speaker = ids().sort().join();
  document.querySelector("button[data-confusion]").click(); await wait(50); found.confusion = ids().join();
  document.title = "FOUND " + JSON.stringify(found);
})();
</script></body>
"""


def browse(page: Path, profile: Path, *, width: int) -> dict[str, str]:
    """What the probe found, as text."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", f"--window-size={width},800", "--virtual-time-budget=10000",
            "--dump-dom", page.as_uri(),
        ],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip
    title = re.search(r"<title>FOUND (.*?)</title>", done.stdout.decode())
    assert title is not None, done.stderr.decode()[-2000:]
    return dict(re.findall(r'"(\w+)":"?(.*?)"?[,}](?="|$)', title[1]))


@pytest.mark.parametrize("width", [1280, 500])
def test_page_works_in_a_browser(tmp_path: Path, width: int) -> None:
    page = write_report(tmp_path, build_report(PAIRS, title="t", settings={}, resamples=50))
    page.write_text(page.read_text("utf-8").replace("</body>", PROBE), "utf-8")
    found = browse(page, tmp_path / "profile", width=width)
    assert int(found["wide"]) <= 0
    assert (found["shown"], found["secondPage"]) == ("50", "50")
    assert found["first"] == "long"
    assert found["worst"] == "4"
    assert found["rtl"] == "1"
    assert found["inserted"]
    # The first is focused by turning the page.
    assert (found["focused"], found["focusedBack"]) == ("silent", "hebrew")
    assert found["searching"] == "search"
    assert found["invented"] == "silent"
    assert found["longest"] == "u-099"
    assert found["speaker"] == "hebrew,word"
    assert found["confusion"] == "word"
