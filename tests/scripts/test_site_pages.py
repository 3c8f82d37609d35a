"""What the site has besides docs/."""

import re
from pathlib import Path

import pytest

from asr.cli import VERBS

pytest.importorskip("mkdocs")

import site_pages


def within_site(text: str, *, source: str, here: str) -> str:
    return site_pages._LINK.sub(lambda link: site_pages._within_site(link, source=source, here=here), text)


def test_the_commands_are_all_verbs_and_their_parts_as_their_help_says() -> None:
    text = site_pages.commands()
    assert set(re.findall(r"^### asr ([\w-]+)$", text, flags=re.MULTILINE)) == set(VERBS)
    part = text.split("\n#### asr lm tune\n")[1].split("\n#### ")[0]
    assert "usage: asr lm tune" in part
    assert "--blank-penalties LOW HIGH STEPS" in part
    assert "--model.hidden_size" in text.split("\n### asr train\n")[1].split("\n### ")[0]


def test_the_configuration_has_a_row_for_every_key() -> None:
    text = site_pages.configuration()
    assert "| `training.epochs` | integer | `60` | passes over the training data. |" in text
    assert "| `data.augmentation.noise.snr` | [number, number] | `[5.0, 25.0]` |" in text


def test_links_to_pages_outside_docs_become_links_within_the_site() -> None:
    link = "[a](../../RESULTS.md#machines)"
    assert within_site(link, source="docs/results/an4.md", here="results/an4.md") == "[a](index.md#machines)"
    link = "[b](docs/results/an4.md#letters)"
    assert within_site(link, source="RESULTS.md", here="results/index.md") == "[b](an4.md#letters)"


def test_a_file_that_is_no_page_is_named_and_what_is_not_there_stays_a_broken_link() -> None:
    text = (
        "[`asr/errors.py`](../asr/errors.py) [c](../asr/no-such.py) ![d](page.png) [e](https://example.org)"
    )
    assert within_site(text, source="docs/scale.md", here="scale.md") == (
        "`asr/errors.py` [c](../asr/no-such.py) ![d](page.png) [e](https://example.org)"
    )


def test_every_document_outside_docs_is_there() -> None:
    for name in site_pages.OUTSIDE:
        assert (Path(site_pages.ROOT) / name).exists()
