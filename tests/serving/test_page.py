"""The page in Chromium: a file, the microphone, corrections, downloads."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from clients import Server, babble, eventually

from asr.decoding.options import DecodingOptions
from asr.transcription.formats import render
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.transcriber import Transcriber

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra dev")

SECONDS = 180_000  # milliseconds that anything may take


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium, whose microphone hears five seconds of babble, over and over."""
    microphone = tmp_path_factory.mktemp("microphone") / "speech.wav"
    soundfile.write(microphone, babble(3, seconds=5), 16000)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
            ],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """The page, open; nothing may come from elsewhere, and nothing may go wrong in it."""
    yield from open_page(browser, server)


def open_page(browser: Any, server: Server, **options: Any) -> Iterator[Any]:
    context = browser.new_context(accept_downloads=True, **options)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    addresses: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(server.url)
    yield page
    context.close()
    host = server.url.partition("://")[2]
    strangers = [
        address for address in addresses if not re.match(rf"(blob:)?(http|ws)://{re.escape(host)}/", address)
    ]
    assert not strangers
    assert not [error for error in errors if "401" not in error]


def until(page: Any, expression: str) -> None:
    """Wait until it is true; the page's policy keeps Playwright from waiting in the page itself."""
    assert eventually(lambda: bool(page.evaluate(expression)), seconds=SECONDS / 1000), expression


def loaded(page: Any) -> None:
    page.wait_for_selector("html[data-loaded]", state="attached")


def use_file(page: Any, path: Path) -> None:
    loaded(page)
    page.set_input_files("#file", path)
    page.wait_for_selector("html[data-ready]", state="attached")


def words(page: Any) -> list[str]:
    return [text.strip() for text in page.locator("#transcript .word").all_inner_texts()]


def download(page: Any, form: str) -> str:
    with page.expect_download() as waiting:
        page.click(f"[data-format={form}]")
    return str(Path(waiting.value.path()).read_text("utf-8"))


def test_a_file_is_transcribed_heard_corrected_and_downloaded(
    page: Any, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    path = speech(0, seconds=6)
    expected = babbling.transcribe(path).words
    use_file(page, path)
    assert page.inner_text("#model") == "babbler"
    assert words(page) == [word.text for word in expected]
    kinds = {
        "sure": lambda confidence: confidence >= 0.9,
        "likely": lambda confidence: 0.6 <= confidence < 0.9,
        "doubtful": lambda confidence: confidence < 0.6,
    }
    for kind, belongs in kinds.items():
        shown = page.locator(f"#transcript .word.{kind}").count()
        assert shown == sum(belongs(word.confidence) for word in expected)

    # A click on a word plays that word.
    page.locator("#transcript .word").nth(1).click()
    until(page, "document.getElementById('audio').currentTime > 0")
    until(page, "document.getElementById('audio').paused")
    stopped = page.evaluate("document.getElementById('audio').currentTime")
    assert expected[1].start < stopped < 5  # of 6 seconds

    # The cursor follows the sound.
    page.evaluate(f"document.getElementById('audio').currentTime = {expected[2].start + 0.01}")
    page.click("#play")
    page.wait_for_selector("#transcript .word.now", state="attached")
    page.click("#play")

    # Corrections are in every download.
    page.locator("#transcript .word").nth(0).dblclick()
    page.keyboard.type("Hello & goodbye")
    page.keyboard.press("Enter")
    page.locator("#transcript .word").nth(1).dblclick()
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    corrected = ["Hello & goodbye", *(word.text for word in expected[2:])]
    assert words(page) == corrected
    assert page.locator("#transcript .word.edited").count() == 1
    assert " ".join(download(page, "txt").split()) == " ".join(corrected)
    assert json.loads(download(page, "json"))["text"] == " ".join(corrected)
    assert download(page, "vtt").startswith("WEBVTT\n\n00:00:00")
    assert "Hello &amp; goodbye" in download(page, "vtt")
    first, *_ = re.findall(r"1\n(\S+) --> (\S+)\n(.*)", download(page, "srt"))
    assert first[2].startswith("Hello & goodbye")
    usual = download(page, "srt")
    page.click(".rules summary")
    page.fill("[data-rule=line]", "16")
    page.fill("[data-rule=lines]", "1")
    page.fill("[data-rule=longest]", "0")  # which cannot be
    cues = [cue.splitlines()[2:] for cue in download(page, "srt").strip().split("\n\n")]
    assert len(cues) > usual.count(" --> ")
    assert all(len(cue) == 1 and len(cue[0]) <= 16 for cue in cues)
    assert " ".join(line for cue in cues for line in cue).split() == " ".join(corrected).split()


def test_the_microphone_gives_words_while_one_speaks(page: Any) -> None:
    loaded(page)
    page.click("#speak")
    page.wait_for_selector("#transcript .word.open")
    assert page.inner_text("#speak") == "Stop"
    until(page, "document.getElementById('clock').textContent > '0:04'")
    page.click("#speak")
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.locator("#transcript .word.open").count() == 0
    assert len(words(page)) > 1
    # What was said can be heard.
    page.locator("#transcript .word").nth(0).click()
    until(page, "document.getElementById('audio').currentTime > 0")
    assert "".join(words(page)) in download(page, "txt").replace(" ", "").replace("\n", "")


def test_names_and_phrases_are_asked_for_with_the_next_recording(
    page: Any, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    path = speech(4, seconds=3)
    plain = babbling.transcribe(path).text
    asked = {
        "#hot-words": ("cab=40", DecodingOptions("beam", hot_words={"CAB": 40.0})),
        "#phrases": ("A B\nBB, C", DecodingOptions("beam", phrases=("A B", "BB", "C"))),
    }
    loaded(page)
    page.click("#words summary")
    for field, (text, options) in asked.items():
        page.fill(field, text)
        page.evaluate("delete document.documentElement.dataset.ready")
        use_file(page, path)
        assert " ".join(words(page)) == babbling.with_options(options).transcribe(path).text != plain
        page.fill(field, "")
    page.evaluate(
        "() => { const send = XMLHttpRequest.prototype.send;"
        " XMLHttpRequest.prototype.send = function (form) { window.sent = form.get('text'); send.call(this, form); }; }"
    )
    page.select_option("#text", "verbatim")
    page.evaluate("delete document.documentElement.dataset.ready")
    use_file(page, path)
    assert " ".join(words(page)) == plain
    assert page.evaluate("window.sent") == "verbatim"


def test_channels_are_told_apart_and_other_words_can_be_taken(
    page: Any, babbling: Transcriber, tmp_path: Path
) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([babble(1, seconds=2.0), babble(2, seconds=2.0)], axis=1), 16000)
    beam = babbling.with_options(DecodingOptions("beam", hot_words={"CAB": 4.0}))
    expected = beam.transcription(path, channels="separate", pipeline=PipelineConfig(n_best=2))
    loaded(page)
    page.click("#words summary")
    page.fill("#hot-words", "cab=4")
    page.select_option("#channels", "separate")
    page.check("#others")
    use_file(page, path)
    shown = [word.text for word in expected.words]
    assert words(page) == shown
    named = page.locator("#transcript time b").all_inner_texts()
    assert named == [
        f"Channel {segment.channel + 1}" for segment in expected.segments if segment.channel is not None
    ]
    assert set(named) == {"Channel 1", "Channel 2"}
    assert download(page, "txt") == render(expected, "txt")
    assert set(re.findall("<v Channel ([12])>", download(page, "vtt"))) == {"1", "2"}
    assert {one["channel"] for one in json.loads(download(page, "json"))["segments"]} == {0, 1}

    # What else may have been said is there for the word that is chosen, and takes its place with a click.
    sets = {
        (one.channel, word.start, word.end): [choice.text for choice in word.choices[1:]]
        for one in expected.alternatives
        for word in one.words
        if word.choices[0].text
    }
    others = [sets[word.channel, word.start, word.end] for word in expected.words]
    place, choice = next((at, texts[0]) for at, texts in enumerate(others) if texts and texts[0])
    page.locator("#transcript .word").nth(place).click()
    offered = page.locator("#choices button").all_inner_texts()
    assert [text.rpartition(" ")[0].rpartition(" ")[0] or "no word" for text in offered] == [
        text or "no word" for text in others[place]
    ]
    page.locator("#choices button").nth(0).click()
    shown[place] = choice
    assert words(page) == shown
    assert not page.locator("#choices").is_visible()
    assert page.locator("#transcript .word.edited").count() == 1


def test_a_name_that_cannot_be_is_refused_in_words(
    browser: Any, server: Server, speech: Callable[..., Path]
) -> None:
    pages = open_page(browser, server)
    page = next(pages)
    loaded(page)
    page.click("#words summary")
    page.fill("#hot-words", "cab=much")
    page.set_input_files("#file", speech(4, seconds=3))
    page.wait_for_selector("#problem:not([hidden])")
    assert "weight 'much' of 'cab'; expected a number" in page.inner_text("#problem")
    page.click("#speak")
    until(page, "document.getElementById('status').textContent === ''")
    page.wait_for_selector("#problem:not([hidden])")
    page.context.close()


def test_a_file_that_is_no_sound_is_refused_in_words(browser: Any, server: Server, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("no sound at all")
    pages = open_page(browser, server)
    page = next(pages)
    loaded(page)
    page.set_input_files("#file", tmp_path / "letter.txt")
    page.wait_for_selector("#problem:not([hidden])")
    assert "letter.txt: not audio" in page.inner_text("#problem")
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (420, "dark")])
def test_nothing_sticks_out(
    browser: Any, server: Server, speech: Callable[..., Path], width: int, scheme: str
) -> None:
    pages = open_page(browser, server, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = next(pages)
    use_file(page, speech(1, seconds=6))
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert list(pages) == []


def test_the_keyboard_reaches_every_word(page: Any, speech: Callable[..., Path]) -> None:
    use_file(page, speech(0))
    page.locator("#transcript .word").nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    assert words(page)[1] == "typed"
    page.locator("#transcript .word").nth(0).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("dropped")
    page.keyboard.press("Escape")
    assert words(page)[0] != "dropped"


def test_the_page_asks_for_the_token(
    browser: Any, start_server: Callable[..., Server], speech: Callable[..., Path]
) -> None:
    guarded = start_server(ASR_TOKEN="a-long-secret")
    pages = open_page(browser, guarded)
    page = next(pages)
    page.fill("#token", "wrong-secret")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('token-dialog').open")
    page.fill("#token", "a-long-secret")
    page.keyboard.press("Enter")
    use_file(page, speech(0))
    assert words(page)
    assert list(pages) == []
