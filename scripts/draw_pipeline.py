#!/usr/bin/env python3
"""Draw how one recording becomes text: waveform, log-mel features, emission, words.

python scripts/draw_pipeline.py speech.wav --model runs/an4/checkpoints/best.pt --out docs/waveform-to-text.png
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from asr.cli.console import setup_logging
from asr.data.audio import read_audio
from asr.decoding.options import DecodingOptions
from asr.transcription.loading import load


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("audio", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    setup_logging()
    transcriber = load(arguments.model, decoding=DecodingOptions(), device="cpu", precision="float32")
    waveform = read_audio(arguments.audio, sample_rate=transcriber.sample_rate)
    duration = len(waveform) / transcriber.sample_rate
    with torch.inference_mode():
        features, _ = transcriber.model.features(
            torch.from_numpy(waveform)[None], torch.tensor([len(waveform)])
        )
    (emission,) = transcriber.emit([waveform])
    log_probs = emission.letters  # (T', V)
    hypothesis = transcriber.decoder(emission)
    probabilities = np.exp(log_probs)
    centres = (np.arange(len(log_probs)) + 0.5) * transcriber.model.seconds_per_frame

    figure = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    sound, mel, emission, words = figure.subplots(4, 1, sharex=True, height_ratios=[1, 1.6, 1.6, 0.5])

    sound.plot(np.arange(len(waveform)) / transcriber.sample_rate, waveform, linewidth=0.4, color="0.3")
    sound.set(ylabel="waveform", yticks=[])
    mel.imshow(
        features[0].T.numpy(), origin="lower", aspect="auto", extent=(0, duration, 0, features.shape[2])
    )
    mel.set(ylabel="log-mel features\n(torchaudio)", yticks=[])

    emission.fill_between(centres, probabilities[:, 0], color="0.88", label="blank")
    for token in range(1, probabilities.shape[1]):
        curve = probabilities[:, token]
        if curve.max() < 0.2:
            continue
        emission.plot(centres, curve, linewidth=1.2)
        symbol = transcriber.tokenizer.vocabulary[token].replace(" ", "␣")
        peaks = np.flatnonzero((curve > 0.2) & (curve >= np.roll(curve, 1)) & (curve > np.roll(curve, -1)))
        for peak in peaks:
            emission.annotate(
                symbol, (centres[peak], curve[peak]), xytext=(0, 2), textcoords="offset points", ha="center"
            )
    emission.set(ylabel="emission\n(BiLSTM + CTC)", ylim=(0, 1.2), yticks=[0, 1])
    emission.legend(loc="upper right", frameon=False)

    for word in hypothesis.words:
        words.axvspan(word.start, word.end, color="C0", alpha=0.25)
        words.text((word.start + word.end) / 2, 0.5, word.text, ha="center", va="center", weight="bold")
    words.set(ylabel="text", yticks=[], ylim=(0, 1), xlim=(0, duration), xlabel="seconds")
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
