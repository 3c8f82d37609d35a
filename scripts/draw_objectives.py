#!/usr/bin/env python3
"""Draw what two models with a head of phones make of one recording: what an objective does to blanks and spikes.

python scripts/draw_objectives.py speech.wav CTC=before.pt CTC-CRF=after.pt --out docs/ctc-crf.png
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from asr.cli.console import setup_logging
from asr.data.audio import read_audio
from asr.errors import UsageError
from asr.files import write_atomically
from asr.model.acoustic import log_probs_of
from asr.model.checkpoint import load_checkpoint


def phone_probabilities(
    path: str, audio: Path, begin: float, seconds: float
) -> tuple[np.ndarray, tuple[str, ...], float]:
    """`(T', P)` probabilities of a stretch, the phones' names from column 1, and seconds a frame."""
    model = load_checkpoint(path).model
    if model.phone_head is None:
        raise UsageError(f"{path}: has no head of phones; train with heads.phones")
    waveform = read_audio(audio, sample_rate=model.sample_rate)
    with torch.inference_mode():
        encoding = model.encoder(
            *model.features(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
        )
        log_probs = log_probs_of(model.phone_head, encoding.hidden)[0]
    first, last = (round(time / model.seconds_per_frame) for time in (begin, begin + seconds))
    return log_probs[first:last].exp().numpy(), model.config.phones, model.seconds_per_frame


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("audio", type=Path)
    parser.add_argument("models", metavar="NAME=CKPT", nargs=2)
    parser.add_argument("--begin", type=float, default=0.0, help="seconds; default 0")
    parser.add_argument("--seconds", type=float, default=2.5, help="default 2.5")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    setup_logging()
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, given in zip(figure.subplots(2, 1, sharex=True), arguments.models, strict=True):
        name, _, path = given.partition("=")
        values, phones, step = phone_probabilities(path, arguments.audio, arguments.begin, arguments.seconds)
        times = arguments.begin + (np.arange(len(values)) + 0.5) * step
        axes.fill_between(times, values[:, 0], color="0.87", label="blank")
        for column in range(1, values.shape[1]):
            curve = values[:, column]
            if curve.max() < 0.1:
                continue
            axes.plot(times, curve, linewidth=1.2)
            inner = curve[1:-1]
            for peak in 1 + np.flatnonzero((inner > 0.25) & (inner >= curve[:-2]) & (inner > curve[2:])):
                axes.annotate(
                    phones[column - 1],
                    (times[peak], curve[peak]),
                    xytext=(0, 2),
                    textcoords="offset points",
                    ha="center",
                )
        surest = values.max(axis=1)
        axes.set(
            ylim=(0, 1.15),
            ylabel="probability",
            title=f"{name}: blanks {values[:, 0].mean():.0%} of the probability, the surest unit of a frame has "
            f"{surest.mean():.2f} on average",
        )
        axes.legend(loc="upper right", frameon=False)
    axes.set(xlabel="seconds", xlim=(times[0], times[-1]))
    with write_atomically(arguments.out, mode="wb") as file:
        figure.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    main()
