"""Draw the page of `asr serve` as docs/page.png: a recording transcribed, in Chromium.

python scripts/draw_page.py --model RUN/checkpoints/best.pt speech.wav [docs/page.png] [--dark]

Needs the extras serve and dev, and Chromium.
"""

import argparse
import shutil
from pathlib import Path

from served import served


def main() -> None:
    """Serve, open, transcribe, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recording", type=Path)
    parser.add_argument("picture", type=Path, nargs="?", default=Path("docs/page.png"))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1000)
    arguments = parser.parse_args()
    with served("--model", arguments.model) as (_, address):
        draw(address, arguments)


def draw(url: str, arguments: argparse.Namespace) -> None:
    """The page with the recording in it, stopped in the middle."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
            timeout=300_000,
        )
        page = browser.new_page(
            viewport={"width": arguments.width, "height": 760},
            color_scheme="dark" if arguments.dark else "light",
        )
        page.set_default_timeout(300_000)
        page.goto(url)
        page.wait_for_selector("html[data-loaded]", state="attached")
        page.set_input_files("#file", arguments.recording)
        page.wait_for_selector("html[data-ready]", state="attached")
        while not page.evaluate("document.getElementById('audio').duration > 0"):
            page.wait_for_timeout(50)
        middle = (
            "document.getElementById('audio').currentTime = document.getElementById('audio').duration * 0.4"
        )
        page.evaluate(middle)
        page.click("#play")
        page.wait_for_selector(".word.now", state="attached")
        page.click("#play")
        arguments.picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=arguments.picture, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
