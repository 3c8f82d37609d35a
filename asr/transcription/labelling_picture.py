"""Confidence against error, and what is kept, as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asr.files import write_atomically
from asr.transcription.labelling import Choice, Evidence, Labelled, expected_errors


def draw_labels(path: Path, labelled: Sequence[Labelled], evidence: Evidence, choice: Choice) -> None:
    """Draw a PNG: transcribed utterances with the curve fitted to them; how many are kept at which rate of errors.

    Args:
        path: the file.
        labelled: what nobody has transcribed.
        evidence: of transcribed speech.
        choice: what is kept.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    sure, wrong, words = evidence.some(evidence.words > 0)
    model = choice.model
    left.scatter(
        sure,
        np.minimum(wrong / words, 1.5),
        s=4 + 1.5 * words,
        alpha=0.35,
        label="an utterance, its size its words",
    )
    left.step(model.confidences, model.rates, color="C1", where="mid", label="expected")
    left.axvline(choice.threshold, color="C3", linestyle="--", label=f"kept from {choice.threshold:.3f} on")
    left.set(xlabel="confidence", ylabel="word errors a word", ylim=(-0.02, 1.52), title="transcribed speech")
    left.legend(fontsize=8)
    _, expected = expected_errors(labelled, model)
    by_confidence = sorted((one for one in labelled if one.words), key=lambda one: -one.confidence)
    words_kept = np.cumsum([one.words for one in by_confidence])
    right.plot(words_kept / words_kept[-1], expected, color="C0")
    right.plot([choice.words / words_kept[-1]], [choice.expected], "o", color="C3")
    right.annotate(
        f"{choice.kept:,} utterances, {choice.expected:.1%}",
        (choice.words / words_kept[-1], choice.expected),
        textcoords="offset points", xytext=(6, -12), fontsize=9,
    )  # fmt: skip
    right.set(
        xlabel="share of the words that is kept",
        ylabel="expected word errors a word",
        title="speech without transcripts",
    )
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    right.xaxis.set_major_formatter(PercentFormatter(1.0))
    with write_atomically(path, mode="wb") as file:
        figure.savefig(file, format="png", dpi=110)
