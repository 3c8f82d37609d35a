"""The worked examples of CONTRIBUTING.md do what it says of them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from asr.data.corpora.preparation import prepare
from asr.data.manifest import read_manifest
from asr.decoding.hypothesis import Word
from asr.errors import CorpusError
from asr.transcription.transcript import gather_segments

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(heading: str) -> dict[str, Any]:
    """What the first block of Python below a heading defines."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    [code] = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_corpus_is_prepared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus = example("Add a corpus")["CORPUS"]
    folder = tmp_path / "tea"
    (folder / "wav").mkdir(parents=True)
    for name in ("t-1", "a-1"):
        soundfile.write(folder / "wav" / f"{name}.wav", np.full(8000, 0.1), 16000)
    (folder / "orders.tsv").write_text("t-1\ttom\ta pot of tea\na-1\tann\tno milk\n", encoding="utf-8")
    written = {item.split: read_manifest(item.manifest) for item in prepare(corpus, folder, tmp_path / "out")}
    assert {split: [(one.text, one.speaker) for one in found] for split, found in written.items()} == {
        "test": [("a pot of tea", "tom")],
        "train": [("no milk", "ann")],
    }
    assert "states" not in caplog.text
    (folder / "orders.tsv").write_text("t-1\ttom\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"orders.tsv:1: 2 columns; expected id, speaker, transcript"):
        prepare(corpus, folder, tmp_path / "again")


def test_the_cell_says_alone_what_it_says_in_a_batch_and_follows_its_equations() -> None:
    torch.manual_seed(0)
    layer = example("Add a cell")["MinimalGatedLayer"](6, 8)
    inputs, lengths = torch.randn(2, 7, 6), torch.tensor([7, 4])
    outputs = layer(inputs, lengths)
    assert outputs.shape == (2, 7, layer.size)
    alone = layer(inputs[1:, :4], lengths[1:])
    torch.testing.assert_close(outputs[1:, :4], alone)
    # The first two steps of the forward direction, by the docstring.
    (w_f, w_n), (b_f, b_n) = layer.inputs[0].weight.chunk(2), layer.inputs[0].bias.chunk(2)
    u_f, u_n = layer.gates[0].weight, layer.news[0].weight
    hidden = torch.zeros(8)
    for x in inputs[0, :2]:
        forget = torch.sigmoid(w_f @ x + b_f + u_f @ hidden)
        new = torch.tanh(w_n @ x + b_n + u_n @ (forget * hidden))
        hidden = (1 - forget) * hidden + forget * new
    torch.testing.assert_close(outputs[0, 1, :8], hidden)
    # Cut into pieces, with the state handed on, it is the whole.
    first, state = layer.run(inputs[:, :3], None)
    second, _ = layer.run(inputs[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), layer.run(inputs, None)[0])


def test_the_format_writes_a_line_a_segment() -> None:
    word = Word("tea", 61.5, 62.0, 0.9)
    transcription = gather_segments([word], duration=63.0)
    assert example("Add an output format")["as_lrc"](transcription, name="a") == "[01:01.50]tea\n"
