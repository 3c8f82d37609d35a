"""What a manifest holds: hours, speakers, durations, speaking rates; as text and as a picture."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from asr.data.manifest import Utterance
from asr.files import write_atomically


def describe(utterances: Sequence[Utterance]) -> str:
    """One line: utterances, hours, speakers, words, characters."""
    seconds = [utterance.duration for utterance in utterances]
    speakers = {utterance.speaker for utterance in utterances if utterance.speaker is not None}
    texts = [utterance.text or "" for utterance in utterances]
    words = sum(len(text.split()) for text in texts)
    alphabet = "".join(sorted(set("".join(texts))))
    return (
        f"{len(utterances):,} utterances, {sum(seconds) / 3600:.3f} h ({min(seconds):.2f} to {max(seconds):.2f} s), "
        f"{len(speakers) or 'unknown'} speakers, {words:,} words, alphabet {alphabet!r}"
    )


def text_histogram(values: Sequence[float], *, unit: str, bins: int = 10, width: int = 40) -> str:
    """A histogram as lines of text, equal bins from 0 to the largest value."""
    top = max(values) or 1.0
    counts, edges = np.histogram(values, bins=bins, range=(0.0, float(top)))
    lines = []
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        bar = "#" * round(width * count / max(1, counts.max()))
        lines.append(f"  {low:6.1f} to {high:6.1f} {unit}  {count:8,d}  {bar}".rstrip())
    return "\n".join(lines)


def draw_histograms(path: Path, splits: Mapping[str, Sequence[Utterance]]) -> None:
    """Durations and speaking rates of each split, as a PNG, written atomically."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2 * len(splits)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(splits), 2, squeeze=False)
    for (name, utterances), (durations, rates) in zip(splits.items(), panels, strict=True):
        durations.hist([utterance.duration for utterance in utterances], bins=40)
        durations.set(title=f"{name}: duration", xlabel="seconds", ylabel="utterances")
        rates.hist([len(utterance.text or "") / utterance.duration for utterance in utterances], bins=40)
        rates.set(title=f"{name}: speaking rate", xlabel="characters a second", ylabel="utterances")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    with write_atomically(path, mode="wb") as file:
        file.write(buffer.getvalue())
