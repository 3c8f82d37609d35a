"""`asr serve` as OpenAI's client and curl see it, over a real socket."""

import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import soundfile
from clients import Server, babble, eventually, metric, post

from asr.data.audio import audio_info
from asr.transcription.formats import SubtitleRules, render
from asr.transcription.transcriber import Transcriber
from asr.transcription.transcript import gather_segments
from asr.writing.tagger import read_tagger


def test_openai_client_gets_the_text_of_the_file_alone(
    client: openai.OpenAI, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    with speech(1).open("rb") as file:
        answer = client.audio.transcriptions.create(model="whisper-1", file=file)
    assert answer.text == babbling.transcribe(speech(1)).text
    assert answer.text


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_openai_client_gets_plain_formats(
    client: openai.OpenAI, babbling: Transcriber, speech: Callable[..., Path], form: str
) -> None:
    answer = client.audio.transcriptions.create(model="m", file=speech(1), response_format=form)  # type: ignore[call-overload]
    words = babbling.transcribe(speech(1)).words
    transcription = gather_segments(words, duration=audio_info(speech(1)).duration)
    wanted = transcription.text + "\n" if form == "text" else render(transcription, form)
    assert answer == wanted


def test_openai_client_gets_words_with_times(
    client: openai.OpenAI, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    answer = client.audio.transcriptions.create(
        model="m", file=speech(2), response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    words = babbling.transcribe(speech(2)).words
    assert answer.words is not None
    assert [(word.word, word.start, word.end) for word in answer.words] == [
        (word.text, word.start, word.end) for word in words
    ]
    assert answer.segments is not None
    assert " ".join(segment.text for segment in answer.segments) == answer.text
    assert answer.duration == pytest.approx(2.0)


def test_openai_client_gets_the_text_as_it_comes(
    start_server: Callable[..., Server], babbling: Transcriber, tmp_path: Path
) -> None:
    client = openai.OpenAI(base_url=f"{start_server().url}/v1", api_key="unused", max_retries=0)
    samples = np.concatenate([babble(number, seconds=12) * loud for number in range(4) for loud in (1, 0)])
    soundfile.write(tmp_path / "long.wav", samples, 16000)
    events = list(client.audio.transcriptions.create(model="m", file=tmp_path / "long.wav", stream=True))
    assert [event.type for event in events[:-1]] == ["transcript.text.delta"] * (len(events) - 1)
    assert len(events) > 2
    assert events[-1].type == "transcript.text.done"
    text = babbling.transcribe(tmp_path / "long.wav").text
    assert events[-1].text == text == "".join(event.delta for event in events[:-1])  # type: ignore[union-attr]


def test_errors_of_a_stream_are_events(server: Server, tmp_path: Path) -> None:
    answer = post(server, b"no sound at all", stream="true")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert json.loads(answer.text.removeprefix("data: "))["error"]["code"] == "invalid_audio"


def test_a_client_that_goes_away_ends_its_stream(server: Server, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", babble(3, seconds=19.5), 16000)
    url, files = f"{server.url}/v1/audio/transcriptions", {"file": (tmp_path / "long.wav").open("rb")}
    with httpx.stream("POST", url, files=files, data={"stream": "true"}) as answer:
        assert answer.status_code == 200
    assert eventually(lambda: metric(server, "asr_requests_in_flight") == 0)
    assert eventually(lambda: not list(server.uploads.iterdir()))


def test_cues_follow_the_rules_of_a_request(
    client: openai.OpenAI, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    words = babbling.transcribe(speech(1)).words
    transcription = gather_segments(words, duration=audio_info(speech(1)).duration)
    rules = {"line_length": 5, "lines": 1, "cue_gap": 0.01, "longest_cue": 0.5, "shortest_cue": 0.2}
    answer = client.audio.transcriptions.create(
        model="m", file=speech(1), response_format="srt", extra_body=rules
    )
    wanted = SubtitleRules(line_length=5, lines=1, gap=0.01, longest=0.5, shortest=0.2)
    assert str(answer) == render(transcription, "srt", subtitles=wanted) != render(transcription, "srt")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"line_length": "0", "response_format": "srt"}, "line_length"),
        ({"cue_gap": "soon", "response_format": "srt"}, "cue_gap"),
        ({"longest_cue": "0.5", "response_format": "vtt"}, "longest_cue"),
        ({"lines": "3", "response_format": "json"}, "lines"),
    ],
)
def test_rules_that_cannot_be_are_refused(
    server: Server, speech: Callable[..., Path], fields: dict[str, str], param: str
) -> None:
    answer = post(server, speech(1).read_bytes(), **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_with_a_tagger_texts_are_readable_unless_they_are_to_be_verbatim(
    start_server: Callable[..., Server], babbling: Transcriber, speech: Callable[..., Path], tiny_tagger: Path
) -> None:
    server = start_server("--tagger", tiny_tagger)
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)
    writing = Transcriber(babbling.emitter, babbling.decoder, read_tagger(tiny_tagger))
    wanted = writing.transcription(speech(2))
    recognised = babbling.transcribe(speech(2)).text
    assert wanted.verbatim == recognised != wanted.text
    answer = client.audio.transcriptions.create(
        model="m", file=speech(2), response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert answer.text == wanted.text
    assert answer.words is not None
    assert [word.word for word in answer.words] == [word.text for word in wanted.words]
    assert (answer.model_extra or {})["verbatim"] == recognised
    assert [spoken["word"] for spoken in (answer.words[0].model_extra or {})["spoken"]]
    plain = client.audio.transcriptions.create(
        model="m", file=speech(2), response_format="text", extra_body={"text": "verbatim"}
    )
    assert str(plain) == recognised + "\n"
    assert post(server, speech(2).read_bytes(), text="pretty").json()["error"]["param"] == "text"


def test_openai_client_lists_the_model(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["babbler"]
    assert client.models.retrieve("babbler").id == "babbler"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("whisper-1")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_transcribes(server: Server, babbling: Transcriber, speech: Callable[..., Path]) -> None:
    done = subprocess.run(
        ["curl", "-sS", "-F", f"file=@{speech(3)}", "-F", "model=x", f"{server.url}/v1/audio/transcriptions"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"text": babbling.transcribe(speech(3)).text}


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_compressed_files_are_read(server: Server, speech: Callable[..., Path], ending: str) -> None:
    answer = post(server, speech(4, ending=ending).read_bytes(), name=f"speech.{ending}")
    assert answer.status_code == 200
    assert answer.json()["text"]


def test_a_recording_longer_than_a_window_is_transcribed_to_its_end(
    server: Server, speech: Callable[..., Path]
) -> None:
    # Opus-like compression keeps 19 s below the upload limit of this server.
    answer = post(server, speech(5, seconds=19, ending="flac").read_bytes(), response_format="verbose_json")
    assert answer.json()["duration"] == pytest.approx(19, abs=0.01)
    assert answer.json()["segments"][-1]["end"] > 17


def test_many_clients_at_once_each_get_their_own_text(
    server: Server, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    files = [speech(number, seconds=1 + number / 8) for number in range(16)]
    wanted = [babbling.transcribe(file).text for file in files]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda file: post(server, file.read_bytes()).json()["text"], files))
    assert answers == wanted
    assert len(set(wanted)) > 8
    batches = metric(server, "asr_batch_size_count")
    assert batches < metric(server, "asr_batch_size_sum")


def test_ignored_fields_give_a_notice(server: Server, speech: Callable[..., Path]) -> None:
    answer = post(
        server, speech(1).read_bytes(), language="de", temperature="0.5", response_format="verbose_json"
    )
    assert "language is ignored" in answer.headers["x-asr-notice"]
    assert len(answer.json()["notices"]) == 2
    assert "x-asr-notice" not in post(server, speech(1).read_bytes(), temperature="0").headers


def test_alternatives_come_with_verbose_json_alone(server: Server, speech: Callable[..., Path]) -> None:
    content = speech(1).read_bytes()
    answer = post(server, content, n_best="3", response_format="verbose_json").json()
    (stretch,) = answer.pop("alternatives")
    assert [one["text"] for one in stretch["texts"]] == [answer["text"]]  # greedy decoding has one
    assert answer == post(server, content, response_format="verbose_json").json()
    assert answer == post(server, content, n_best="1", response_format="verbose_json").json()
    for wrong, form in (("2", "json"), ("0", "verbose_json"), ("21", "verbose_json"), ("x", "verbose_json")):
        refused = post(server, content, n_best=wrong, response_format=form)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "n_best")
    twice = post(server, content, n="2", n_best="2", response_format="verbose_json")
    assert (twice.status_code, twice.json()["error"]["param"]) == (400, "n")
    misspelt = post(server, content, n="x", response_format="verbose_json")
    assert (misspelt.status_code, misspelt.json()["error"]["param"]) == (400, "n")
    assert misspelt.json()["error"]["message"].startswith("n 'x'")


def test_channels_are_told_apart_in_every_answer(
    client: openai.OpenAI, server: Server, babbling: Transcriber, tmp_path: Path
) -> None:
    one, two = babble(1, seconds=2.0), babble(2, seconds=2.0)
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([one, two], axis=1), 16000)
    expected = babbling.transcription(path, channels="separate")
    assert {word.channel for word in expected.words} == {0, 1}
    apart = {"channels": "separate"}
    verbose = client.audio.transcriptions.create(
        model="m", file=path, response_format="verbose_json", extra_body=apart
    )
    assert verbose.segments is not None
    assert [(one.model_dump()["channel"], one.text) for one in verbose.segments] == [
        (one.channel, one.text) for one in expected.segments
    ]
    content = path.read_bytes()
    lines = "\n".join(expected.lines)
    assert post(server, content, **apart).json() == {"text": lines}
    assert post(server, content, **apart, response_format="text").text == lines + "\n"
    assert post(server, content, **apart, response_format="vtt").text == render(expected, "vtt")
    only = post(server, content, channels="2").json()["text"]
    assert only == babbling.transcribe(two.astype(np.float32)).text
    assert post(server, content, channels="mix").json() == post(server, content).json()


def wav(tmp_path: Path, seconds: float) -> bytes:
    soundfile.write(tmp_path / "a.wav", babble(0, seconds=seconds), 16000)
    return (tmp_path / "a.wav").read_bytes()


def test_bad_files_are_refused_and_named(server: Server, tmp_path: Path) -> None:
    good = wav(tmp_path, 1)
    cases = {
        "empty": (b"", 400, "empty_file"),
        "no audio": (b"this is no sound" * 100, 400, "invalid_audio"),
        "cut short": (good[: len(good) // 2], 400, "invalid_audio"),
        "too short": (wav(tmp_path, 0.01), 400, "invalid_audio"),
    }
    for name, (content, status, code) in cases.items():
        answer = post(server, content, name=f"{name}.wav")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, "file"), name
        assert error["type"] == "invalid_request_error"
        assert str(server.uploads) not in error["message"]


def test_openai_client_raises_its_own_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="0 bytes") as caught:
        client.audio.transcriptions.create(model="m", file=("a.wav", b""))
    assert caught.value.code == "empty_file"


def test_bad_options_are_refused(server: Server, speech: Callable[..., Path]) -> None:
    content = speech(1).read_bytes()
    for fields, param in (
        ({"response_format": "docx"}, "response_format"),
        ({"timestamp_granularities[]": "letter", "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ({"temperature": "abc"}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"temperature": "1.1"}, "temperature"),
        ({"temperature": "-1"}, "temperature"),
        ({"stream": "maybe"}, "stream"),
        ({"language": "12"}, "language"),
        ({"language": "english please"}, "language"),
        ({"include[]": "everything"}, "include"),
        ({"chunking_strategy": "[]"}, "chunking_strategy"),
        ({"n_best": "1.0"}, "n_best"),
        ({"channels": "3"}, "channels"),
        ({"channels": "auto", "stream": "true"}, "stream"),
        ({"temperature": ["0", "0"]}, "temperature"),
    ):  # fmt: skip
        answer = post(server, content, **fields)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), fields
    answer = post(server, content, temperature="abc", stream="maybe", response_format="docx")
    for name in ("temperature 'abc'", "stream 'maybe'", "response_format 'docx'"):
        assert name in answer.json()["error"]["message"]


def test_fields_of_openai_s_kinds_are_taken(server: Server, speech: Callable[..., Path]) -> None:
    content = speech(1).read_bytes()
    fields = {
        "temperature": ".5", "stream": "False", "language": "pt-BR", "prompt": "", "include[]": "logprobs",
        "chunking_strategy": '{"type": "server_vad"}', "n_best": "", "colour": "blue",
    }  # fmt: skip
    answer = post(server, content, **fields)
    assert answer.status_code == 200
    named = {
        notice.split()[0] for notice in answer.headers["x-asr-notice"].split("; ") if " is ignored" in notice
    }
    assert named == {"temperature", "language", "include", "chunking_strategy", "colour"}
    plain = post(server, content, temperature="0", stream="false", chunking_strategy="auto", model="babbler")
    assert "x-asr-notice" not in plain.headers
    asked = httpx.post(
        f"{server.url}/v1/audio/transcriptions?response_format=srt", files={"file": content}, timeout=60
    )
    assert "response_format in the address is ignored" in asked.headers["x-asr-notice"]


def test_requests_without_a_form_or_a_file_are_refused(server: Server) -> None:
    path = "/v1/audio/transcriptions"
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    with httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.post(path, content=b"RIFF").status_code == 415
        assert client.post(path, json={"file": "a"}).status_code == 415
        assert client.post(path, files={"other": b"x"}).json()["error"]["param"] == "file"
        assert client.post(path, content=b"no boundary at all", headers=broken).status_code == 400
        assert client.get(path).status_code == 405
        assert client.get("/nothing").json()["error"]["type"] == "invalid_request_error"


def test_an_upload_beyond_the_limit_is_refused_with_413(server: Server) -> None:
    answer = post(server, bytes(1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_too_large")


def test_the_limit_holds_for_bodies_that_do_not_say_their_length(server: Server) -> None:
    def body() -> "object":
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(32):
            yield bytes(64 * 1024)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", content=body(), headers=headers, timeout=60)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_too_large")


def test_a_recording_beyond_the_duration_limit_is_refused_with_413(
    server: Server, speech: Callable[..., Path]
) -> None:
    answer = post(server, speech(6, seconds=25, ending="ogg").read_bytes(), name="a.ogg")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "audio_too_long")


def test_no_upload_is_left_behind(server: Server) -> None:
    assert eventually(lambda: not list(server.uploads.iterdir()))
