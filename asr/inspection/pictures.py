"""The pictures of an inspection, as PNG files."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asr.evaluation.pictures import draw_emission
from asr.files import write_atomically
from asr.inspection.augmentation import Variation
from asr.inspection.gradient_flow import Curve
from asr.inspection.utterance import Inspected

_LEAST = 1e-12  # of a logarithmic axis


def draw_flows(path: Path, curves: Sequence[Curve], *, seconds_per_frame: float) -> None:
    """A row of panels a layer, a column before and one after training; a colour a network, the cell dashed."""
    stages = list(dict.fromkeys(curve.stage for curve in curves))
    networks = list(dict.fromkeys(curve.network for curve in curves))
    layers = max(len(curve.flows) for curve in curves)
    figure = _figure(1.0 + 5.0 * len(stages), 1.0 + 2.6 * layers)
    panels = figure.subplots(layers, len(stages), sharex=True, sharey=True, squeeze=False)
    for column, stage in enumerate(stages):
        panels[0, column].set_title(stage)
        for curve in (curve for curve in curves if curve.stage == stage):
            colour = f"C{networks.index(curve.network)}"
            for flow in curve.flows:
                axes = panels[flow.layer - 1, column]
                steps = np.arange(len(flow.hidden))
                axes.semilogy(steps, np.maximum(flow.hidden, _LEAST), color=colour, label=curve.network)
                if flow.memory is not None:
                    axes.semilogy(
                        steps,
                        np.maximum(flow.memory, _LEAST),
                        "--",
                        color=colour,
                        label=f"{curve.network}, cell",
                    )
    for number, row in enumerate(panels, 1):
        row[0].set_ylabel(f"layer {number}\n|d loss / d h|, relative")
        for axes in row:
            axes.grid(alpha=0.3)
            axes.set_ylim(bottom=1e-9)
    for axes in panels[-1]:
        axes.set_xlabel(f"distance in time, frames of {1000 * seconds_per_frame:.0f} ms")
    panels[0, -1].legend(fontsize=8)
    _save(figure, path)


def draw_inspected(path: Path, seen: Inspected, *, title: str) -> None:
    """Waveform, features, emission with the path through it, words with their phones, and saliency of every layer."""
    seconds = len(seen.waveform) / seen.sample_rate
    figure = _figure(min(20.0, max(9.0, 2.2 * seconds)), 11.0)
    sound, features, emission, words, saliency = figure.subplots(
        5, 1, sharex=True, height_ratios=[1, 1.7, 2.4, 0.6, 0.4 + 0.35 * len(seen.saliency)]
    )
    sound.plot(np.arange(len(seen.waveform)) / seen.sample_rate, seen.waveform, linewidth=0.4, color="0.3")
    sound.set(ylabel="waveform", yticks=[], title=title)
    features.imshow(
        seen.features.T,  # (T, F) -> (F, T)
        origin="lower", aspect="auto", extent=(0, seconds, 0, seen.features.shape[1]), cmap="magma",
    )  # fmt: skip
    features.set(ylabel="features", yticks=[])
    _draw_emission(emission, seen)
    for word in seen.words:
        units = word.phones
        words.axvspan(word.start, word.end, ymin=0.5 if units else 0, color="C0", alpha=0.25)
        _label(words, word.start, word.end, 0.75 if units else 0.5, word.text)
        for number, unit in enumerate(units):
            words.axvspan(unit.start, unit.end, ymax=0.5, color="C1", alpha=0.4 if number % 2 else 0.2)
            _label(words, unit.start, unit.end, 0.25, unit.text)
    words.set(ylabel="words", yticks=[], ylim=(0, 1))
    end = len(seen.log_probs) * seen.seconds_per_frame
    for number, row in enumerate(seen.saliency):
        height = len(seen.saliency) - number
        saliency.imshow(
            row[None] / max(1e-30, float(row.max())),
            aspect="auto", extent=(0, end, height - 1, height), cmap="viridis", vmin=0, vmax=1,
        )  # fmt: skip
    count = len(seen.saliency)
    saliency.set_yticks(np.arange(count) + 0.5, [f"layer {count - number}" for number in range(count)])
    saliency.set(ylabel="saliency", ylim=(0, count), xlim=(0, seconds), xlabel="seconds")
    _save(figure, path)


def _label(axes: Any, start: float, end: float, height: float, text: str) -> None:
    """A text in the middle of a stretch."""
    axes.text(
        (start + end) / 2, height, text, ha="center", va="center", fontsize=8, clip_on=True, parse_math=False
    )  # fmt: skip


def draw_variations(path: Path, variations: Sequence[Variation], *, seconds_per_frame: float) -> None:
    """A column an utterance, as it is on top; below, as it is in each epoch."""
    names = list(dict.fromkeys(variation.id for variation in variations))
    columns = [[one for one in variations if one.id == name] for name in names]
    longest = max(len(one.features) for one in variations) * seconds_per_frame
    figure = _figure(1.0 + 4.5 * len(columns), 0.6 + 1.9 * len(columns[0]))
    panels = figure.subplots(len(columns[0]), len(columns), sharex=True, squeeze=False)
    for number, column in enumerate(columns):
        for axes, one in zip(panels[:, number], column, strict=True):
            axes.imshow(
                one.features.T,  # (T, F) -> (F, T)
                origin="lower", aspect="auto", cmap="magma",
                extent=(0, len(one.features) * seconds_per_frame, 0, one.features.shape[1]),
            )  # fmt: skip
            axes.set_title("\n".join(textwrap.wrap(one.title, 52)), fontsize=8, parse_math=False)
            axes.set(yticks=[], xlim=(0, longest), facecolor="0.9")
        panels[-1, number].set_xlabel("seconds")
    _save(figure, path)


def _draw_emission(axes: Any, seen: Inspected) -> None:
    path = seen.path.tolist()
    kept = draw_emission(
        axes, seen.log_probs, seen.symbols, seconds_per_frame=seen.seconds_per_frame, also=path
    )
    centres = (np.arange(len(path)) + 0.5) * seen.seconds_per_frame
    rows = [kept.index(token) for token in path]
    axes.plot(centres, rows, ".-", color="#c0392b", linewidth=0.8, markersize=3)
    axes.set_ylabel("emission and path")


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    with write_atomically(path, mode="wb") as file:
        figure.savefig(file, format="png", dpi=100)
