"""Hot words, phrases and prompts of single requests, against a real server."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from pathlib import Path
from typing import Any

import openai
import pytest
from clients import Server, babble, post, receive_all
from websockets.sync.client import connect

from asr.decoding.options import DecodingOptions
from asr.serving.errors import RequestError
from asr.serving.request_words import decoder_for, prompt_words, read_words
from asr.transcription.transcriber import Transcriber


def wanted(babbling: Transcriber, path: Path, **options: Any) -> str:
    return babbling.with_options(DecodingOptions("beam", **options)).transcribe(path).text


def test_64_requests_at_the_same_time_have_each_its_own_words(
    server: Server, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    path = speech(4, seconds=3)
    plain = babbling.transcribe(path).text
    asked: list[dict[str, Any]] = [
        {},
        {"hot_words": "cab=40"},
        {"hot_words": "BAC=40, C"},
        {"hot_words": ["ABBA=40", "C=1"]},
        {"phrases": "A B,CAB\nC"},
        {"phrases": "BB"},
    ]
    expected = [
        plain,
        wanted(babbling, path, hot_words={"CAB": 40.0}),
        wanted(babbling, path, hot_words={"BAC": 40.0, "C": 5.0}),
        wanted(babbling, path, hot_words={"ABBA": 40.0, "C": 1.0}),
        wanted(babbling, path, phrases=("A B", "CAB", "C")),
        wanted(babbling, path, phrases=("BB",)),
    ]
    for word, text in zip(("CAB", "BAC", "ABBA"), expected[1:], strict=False):
        assert word in text.split()
        assert word not in plain.split()
    for letters in islice(product("CBA", repeat=5), 64 - len(asked)):
        word = "".join(letters)
        asked.append({"hot_words": f"{word}=60"})
        expected.append(wanted(babbling, path, hot_words={word: 60.0}))
    assert len(set(expected)) > 40
    content = path.read_bytes()
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda fields: post(server, content, **fields), asked))
    assert [answer.json()["text"] for answer in answers] == expected
    assert post(server, content).json()["text"] == plain


def test_openais_client_sends_a_prompt_and_asks_for_several_texts(
    client: openai.OpenAI, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    path = speech(4, seconds=3)
    answer = client.audio.transcriptions.create(
        model="m", file=path, prompt="so says CAB", response_format="verbose_json", extra_body={"n": 3}
    )
    beam = babbling.with_options(DecodingOptions("beam", hot_words={"CAB": 5.0}))
    [expected] = beam.alternatives(path, 3)
    assert answer.text == expected.texts[0].text != babbling.transcribe(path).text
    [found] = answer.model_dump()["alternatives"]
    assert [one["text"] for one in found["texts"]] == [one.text for one in expected.texts]
    assert [[choice["text"] for choice in word["choices"]] for word in found["words"]] == [
        [choice.text for choice in word.choices] for word in expected.words
    ]


@pytest.mark.parametrize(
    ("fields", "param", "complaint"),
    [
        ({"hot_words": "CAB=much"}, "hot_words", "weight 'much' of 'CAB'; expected a number"),
        ({"hot_words": "CAB=nan"}, "hot_words", "'CAB=nan'; expected PHRASE or PHRASE=WEIGHT"),
        ({"hot_words": "=3"}, "hot_words", "'=3'; expected PHRASE or PHRASE=WEIGHT"),
        ({"hot_words": "Zoe"}, "hot_words", "hot word 'Zoe': the model cannot spell 'Z', 'e', 'o'"),
        ({"hot_words": "A " * 200}, "hot_words", "has 399 characters; expected at most 200"),
        ({"hot_words": "\n".join(map(str, range(501)))}, "hot_words", "hot_words: 501; expected at most 500"),
        ({"phrases": "Zoe"}, "phrases", "phrase 'Zoe': the model cannot spell"),
        ({"phrases": ", [unk]"}, "phrases", "phrases: none in it"),
        ({"phrases": "A", "hot_words": "B"}, "hot_words", "hot_words beside phrases"),
    ],
)
def test_words_that_cannot_be_are_refused(
    server: Server, speech: Callable[..., Path], fields: dict[str, str], param: str, complaint: str
) -> None:
    content = speech(4, seconds=3).read_bytes()
    for streams in ("false", "true"):
        answer = post(server, content, stream=streams, **fields)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert complaint in answer.json()["error"]["message"]


def test_a_prompt_favours_its_names_and_says_what_it_leaves_out(
    server: Server, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    path = speech(4, seconds=3)
    answer = post(server, path.read_bytes(), prompt="a call with Cab, and Zoe.")
    assert answer.json()["text"] == wanted(babbling, path, hot_words={"CAB": 5.0})
    assert "Zoe left out: no pronunciation" in answer.headers["X-Asr-Notice"]
    answer = post(server, path.read_bytes(), prompt="a call with nobody")
    assert answer.json()["text"] == babbling.transcribe(path).text
    assert "X-Asr-Notice" not in answer.headers


def test_names_of_a_prompt_are_capitalised_within_a_sentence(babbling: Transcriber) -> None:
    decoder = babbling.decoder
    prompt = "Dear Ms O’Neill: The meeting with Jan Kowalski. I think I am in Rio!"
    assert prompt_words(prompt, decoder) == ["Ms", "O'Neill", "Jan", "Kowalski", "Rio"]
    assert prompt_words("ALL OF THIS IS LOUD", decoder) == []


@pytest.mark.parametrize("value", [7, ["A", 1], {"A": 2}])
def test_words_are_texts(value: Any) -> None:
    with pytest.raises(RequestError, match="expected a text, or a list of texts") as raised:
        read_words({"hot_words": value})
    assert raised.value.param == "hot_words"


def test_a_server_of_phrases_takes_other_phrases_and_no_hot_words(babbling: Transcriber) -> None:
    closed = babbling.with_options(DecodingOptions("beam", phrases=("A", "B")))
    decoder, notices = decoder_for(closed, read_words({"phrases": "C A", "prompt": "in Rio"}))
    assert decoder.options.phrases == ("C A",)
    assert notices == ["prompt is ignored: phrases alone may be said"]
    with pytest.raises(RequestError, match="was started with --phrases"):
        decoder_for(closed, read_words({"hot_words": "C"}))
    assert decoder_for(closed, read_words({"prompt": "in Rio"}))[0] is closed.decoder


@pytest.mark.parametrize("given", [{"hot_words": ["CAB=40"]}, {"phrases": "A B, CAB"}])
def test_live_speech_takes_the_same_words(
    server: Server, babbling: Transcriber, given: dict[str, Any]
) -> None:
    samples = (32767 * babble(4, seconds=3)).astype("<i2").tobytes()
    texts = []
    for start in (given, {}):
        with connect(server.live) as live:
            live.send(json.dumps({"type": "start", "sample_rate": 16000, "pause": 5, **start}))
            live.send(samples)
            live.send(json.dumps({"type": "finish"}))
            messages, code = receive_all(live)
        assert code == 1000
        assert "notices" not in messages[0]
        texts.append(" ".join(one["text"] for one in messages if one["type"] == "final"))
    found, plain = texts
    assert found != plain
    assert ("CAB" in found.split()) > ("CAB" in plain.split()) or not set(found.split()) - {"A", "B", "CAB"}


def test_live_speech_refuses_words_that_cannot_be(server: Server) -> None:
    with connect(server.live) as live:
        live.send(json.dumps({"type": "start", "hot_words": "CAB=much"}))
        [message], code = receive_all(live)
    assert (code, message["error"]["param"]) == (1008, "hot_words")
    assert "weight 'much'" in message["error"]["message"]
