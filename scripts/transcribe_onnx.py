#!/usr/bin/env python3
"""Transcribe with a model of `asr export`, with numpy, soundfile and onnxruntime alone.

    asr export best.pt model.onnx
    python transcribe_onnx.py model.onnx speech.wav

An example to copy from: how the model is fed, and how its output becomes text.
"""

import json
import sys

import numpy as np
import onnxruntime
import soundfile


def main() -> None:
    model, *files = sys.argv[1:]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    vocabulary = json.loads(metadata["vocabulary"])
    rate = int(metadata["sample_rate"])
    for file in files:
        samples, file_rate = soundfile.read(file, dtype="float32", always_2d=True)
        if file_rate != rate:
            sys.exit(f"{file}: {file_rate} Hz; the model wants {rate} Hz: resample it first")
        waveform = samples.mean(axis=1)[None]  # (1, N)
        lengths = np.array([waveform.shape[1]], dtype=np.int64)
        log_probs, frames = session.run(["log_probs", "frames"], {"waveforms": waveform, "lengths": lengths})
        best = log_probs[0, : frames[0]].argmax(axis=1)
        # CTC: repeats are merged, then blanks (token 0) removed.
        begins = np.concatenate([[True], best[1:] != best[:-1]])
        print("".join(vocabulary[token] for token in best[begins] if token != 0))


if __name__ == "__main__":
    main()
