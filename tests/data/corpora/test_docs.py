import re
from itertools import pairwise
from pathlib import Path

from asr.data.corpora import find, names

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "corpora.md").read_text(encoding="utf-8")


def test_the_page_has_a_command_for_every_corpus() -> None:
    for name in names():
        assert re.search(rf"`{name} ", PAGE), name


def test_every_command_of_the_page_names_a_corpus_subsets_and_transcripts_that_exist() -> None:
    commands = [
        line
        for row in PAGE.splitlines()
        if row.startswith("|")
        for line in re.findall(r"`([a-z0-9-]+ [^`]+)`", row)
    ]
    commands = [words for line in commands if (words := line.split())[0] in names()]
    assert len(commands) >= len(names())
    for words in commands:
        corpus = find(words[0])
        options = [*pairwise(words)]
        assert ("--download" in words) <= bool(corpus.downloads), words
        assert {value for key, value in options if key == "--subset"} <= set(corpus.downloads), words
        assert {value for key, value in options if key == "--transcript"} <= set(corpus.transcripts), words


def test_every_config_of_the_page_exists() -> None:
    for config in re.findall(r"configs/\w+\.yaml", PAGE):
        assert (ROOT / config).exists(), config
