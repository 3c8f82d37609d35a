"""Files that people wrote: text with a byte order mark, JSON and YAML that Python's parsers choke on."""

import json
from pathlib import Path
from typing import Any

import pytest

from asr.config import OptimizerConfig
from asr.data.editing import read_ids
from asr.data.pronunciation import read_pronunciations
from asr.decoding.hotwords import read_hot_words
from asr.decoding.lexicon import read_lexicon
from asr.decoding.phrase_list import read_phrases
from asr.errors import ConfigError, DecodingError, TranscriptError
from asr.files import read_text
from asr.language_model.counting import read_sentences
from asr.options import parse_dict, parse_options, read_yaml
from asr.plain_values import finite_number, parse_json, parse_number


@pytest.mark.parametrize(
    ("read", "content", "words"),
    [
        (read_lexicon, "GO\r\n", ["GO"]),
        (read_hot_words, "GO\t2\r\nA\x85B", ["GO", "A B"]),
        (lambda path: read_phrases(str(path)), "GO\r\nA\u2028B", ["GO", "A B"]),
        (lambda path: [word for words in read_sentences(path) for word in words], "GO\r\n", ["GO"]),
        (read_ids, "GO\r\n", ["GO"]),
        (read_ids, "A\u2028B\n", ["A\u2028B"]),
        (read_pronunciations, "GO  G OW\r\n", ["GO"]),
    ],
)
def test_a_byte_order_mark_is_no_word_and_only_a_line_feed_ends_a_line(
    read: Any, content: str, words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert list(read(tmp_path / "words.txt")) == words


def test_the_line_of_a_mistake_is_counted_by_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("GO  G\u2028OW\x85\nSTOP\n", encoding="utf-8")
    with pytest.raises(TranscriptError, match=r"words\.txt:2: 'STOP'; expected a word and its phones"):
        read_pronunciations(tmp_path / "words.txt")


@pytest.mark.parametrize("name", ["none", "a\0b", "\ud800", ".", "latin"])
def test_text_that_cannot_be_read_is_an_error_of_its_own(name: str, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(DecodingError, match="the lexicon"):
        read_text(tmp_path / name, what="the lexicon", error=DecodingError)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "{"])
def test_all_that_is_no_json_is_one_error(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        parse_json(text)


def test_only_what_a_float_holds_is_a_number() -> None:
    assert [finite_number(value) for value in (1, 0.5, True, None, "1", 10**400, float("nan"))] == [
        1.0, 0.5, None, None, None, None, None
    ]  # fmt: skip
    assert [parse_number(value) for value in ("1e3", "inf", "nan", "", None, 10**400)] == [1000.0] + 5 * [
        None
    ]


@pytest.mark.parametrize(
    "text",
    [
        "name: 2024-02-30",
        "name: !!bool x",
        "name: !!timestamp x",
        "name: !!int x",
        "[" * 5000,
        "name: " + "9" * 5000,
        "learning_rate: 2024-01-01",
        "learning_rate: &a {x: *a}",
        "learning_rate: " + "9" * 400,
    ],
)
def test_a_configuration_that_yaml_or_json_choke_on_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    for parse in (parse_dict, lambda kind, values: parse_options(kind, values, [])):
        with pytest.raises(ConfigError):
            parse(OptimizerConfig, read_yaml(tmp_path / "c.yaml"))
