#!/usr/bin/env python3
"""One recogniser over a manifest, in a process of its own; benchmark_transcription.py runs it for each.

    python scripts/benchmarks/transcription_systems.py bfloat16 data/an4/test.jsonl --model best.pt

Prints one JSON object: seconds of audio, seconds to read everything into memory and through, to the first
word since the process began, and the peak of its memory. Systems: auto (ours as it comes), float32, bfloat16, onnx and
onnx-int8 (exported; --model is the .onnx file), pocketsphinx (the English model of its wheel), faster-whisper
(`pip install faster-whisper`; --model is the folder of its weights, in 8 bits), wav2vec2 (torchaudio's base, random
weights: the cost of a transformer encoder, not its accuracy). Word error rates are of the normaliser `english`.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()

SYSTEMS = ("auto", "float32", "bfloat16", "onnx", "onnx-int8", "pocketsphinx", "faster-whisper", "wav2vec2")

# Utterances -> texts; called with one for the first word, then with all.
Recognise = Callable[[Sequence[Any]], list[str]]


def ours(system: str, model: Path, threads: int, *, tuned: bool) -> Recognise:
    """Files to text, as `asr transcribe` does it; greedy, or with what `asr lm tune` found best."""
    from asr.decoding.options import DecodingOptions, tuned_options
    from asr.model.pretrained import find_model
    from asr.transcription.loading import load
    from asr.transcription.pipeline_config import PipelineConfig

    model = find_model(model)
    options = tuned_options(model) if tuned else DecodingOptions()
    precision = "auto" if system.startswith("onnx") else system
    transcriber = load(model, decoding=options, device="cpu", precision=precision, threads=threads)  # type: ignore[arg-type]
    config = PipelineConfig(threads=threads)

    def recognise(utterances: Sequence[Any]) -> list[str]:
        outcomes = transcriber.transcribe_utterances(utterances, pipeline=config)
        texts = {outcome.recording.name: outcome.result().text for outcome in outcomes}
        return [texts[item.id] for item in utterances]

    return recognise


def pocketsphinx() -> Recognise:
    """PocketSphinx with its own English acoustic model, dictionary and trigram, one utterance at a time."""
    import numpy as np
    import pocketsphinx

    from asr.data.audio import read_audio

    decoder = pocketsphinx.Decoder(samprate=16000, loglevel="FATAL")

    def recognise(utterances: Sequence[Any]) -> list[str]:
        texts = []
        for item in utterances:
            waveform = read_audio(item.audio, sample_rate=16000, start=item.start, duration=item.duration)
            decoder.start_utt()
            decoder.process_raw((waveform * 32767).astype(np.int16).tobytes(), full_utt=True)
            decoder.end_utt()
            hypothesis = decoder.hyp()
            texts.append(hypothesis.hypstr if hypothesis else "")
        return texts

    return recognise


def faster_whisper(weights: Path, threads: int) -> Recognise:
    """Whisper by CTranslate2, with its own defaults: a beam of 5, one utterance at a time."""
    from faster_whisper import WhisperModel

    from asr.data.audio import read_audio

    model = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=threads)

    def recognise(utterances: Sequence[Any]) -> list[str]:
        texts = []
        for item in utterances:
            waveform = read_audio(item.audio, sample_rate=16000, start=item.start, duration=item.duration)
            segments, _ = model.transcribe(waveform, language="en")
            texts.append(" ".join(segment.text for segment in segments))
        return texts

    return recognise


def wav2vec2(threads: int, seconds_per_batch: float = 60.0) -> Recognise:
    """torchaudio's wav2vec2 base with random weights, batches by length, greedy."""
    import torch
    import torchaudio

    from asr.data.audio import read_audio
    from asr.data.padding import pad_waveforms

    torch.set_num_threads(threads)
    model = torchaudio.models.wav2vec2_base(aux_num_out=32).eval()

    def recognise(utterances: Sequence[Any]) -> list[str]:
        ordered = sorted(utterances, key=lambda item: -item.duration)
        while ordered:
            size = max(1, int(seconds_per_batch / ordered[0].duration))
            batch, ordered = ordered[:size], ordered[size:]
            read = [
                read_audio(item.audio, sample_rate=16000, start=item.start, duration=item.duration)
                for item in batch
            ]
            waveforms, lengths = map(torch.from_numpy, pad_waveforms(read))
            with torch.inference_mode():
                logits, _ = model(waveforms, lengths)
                logits.argmax(dim=2)
        return [""] * len(utterances)

    return recognise


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--tuned", action="store_true", help="decode as tuned")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    from asr.data.manifest import read_manifest

    utterances = read_manifest(arguments.manifest)
    if arguments.system == "pocketsphinx":
        recognise = pocketsphinx()
    elif arguments.system == "faster-whisper":
        recognise = faster_whisper(arguments.model, arguments.threads)
    elif arguments.system == "wav2vec2":
        recognise = wav2vec2(arguments.threads)
    else:
        recognise = ours(arguments.system, arguments.model, arguments.threads, tuned=arguments.tuned)
    recognise(utterances[:1])
    first = time.perf_counter() - BEGAN
    spent, texts = [], []
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        texts = recognise(utterances)
        spent.append(time.perf_counter() - began)
    errors = None
    if any(texts) and all(item.text for item in utterances):
        import jiwer

        from asr.evaluation.normalisation.normalisers import find_normaliser

        spell = find_normaliser("english").apply
        references = [spell(str(item.text)) for item in utterances]
        errors = jiwer.process_words(references, [spell(text) for text in texts]).wer
    print(
        json.dumps(
            {
                "audio": sum(item.duration for item in utterances),
                "seconds": sorted(spent)[len(spent) // 2],
                "first_word": first,
                "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "wer": errors,
            }
        )
    )


if __name__ == "__main__":
    main()
