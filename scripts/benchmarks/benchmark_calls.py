#!/usr/bin/env python3
"""Calls of two speakers, one on each channel: errors of each channel beside the speaker alone.

    python scripts/benchmarks/benchmark_calls.py data/english/heldout.jsonl --speakers 4088 8226 --out runs/calls

Builds ten calls of up to a minute and a half from a manifest: turns that overlap by up to 2 s or leave up to 1 s between them, noise in
both channels, and each speaker in the other's channel as well, fainter and, where asked, later. Scores every channel of the calls, for
each value of --channels, and each speaker alone under the same noise.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from asr.cli.console import setup_logging, table
from asr.data.audio import read_utterance
from asr.data.manifest import Utterance, read_manifest
from asr.evaluation.scoring import ErrorCounts, score_utterance
from asr.transcription.channels import Channels
from asr.transcription.loading import load
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.transcriber import Transcriber

RATE = 16000
LONGEST = 90  # seconds of a call


def place_turns(
    spoken: Sequence[Iterator[Utterance]], first: int, generator: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """The turns of one call: `(N, 2)` samples without leaks and noise, and the text of each channel."""
    samples = np.zeros((LONGEST * RATE, 2))
    texts: list[list[str]] = [[], []]
    ends, last, who = [0, 0], RATE // 2, first
    while True:
        utterance = next(spoken[who])
        waveform = read_utterance(utterance, sample_rate=RATE).astype(np.float64)
        loudness = 10 ** ((-26 + generator.uniform(-3, 3)) / 20)
        start = last
        if any(ends):
            start = max(ends[who] + int(0.3 * RATE), last + int(generator.uniform(-2.0, 1.0) * RATE))
        if start + len(waveform) > len(samples):
            break
        samples[start : start + len(waveform), who] += waveform * loudness / np.sqrt((waveform**2).mean())
        ends[who] = last = start + len(waveform)
        texts[who].append(utterance.text or "")
        if generator.random() < 0.8:
            who = 1 - who
    return samples[: max(ends) + RATE // 2], [" ".join(text) for text in texts]


def build(
    manifest: Path,
    out: Path,
    *,
    speakers: Sequence[str],
    leak: float,
    delay: float,
    noise: float,
    calls: int,
    seed: int,
) -> tuple[list[Utterance], list[Utterance]]:
    """Write the calls, and each speaker alone; the channels of the calls, and the same alone."""
    generator = np.random.default_rng(seed)
    listed = read_manifest(manifest)
    spoken = [iter([one for one in listed if one.speaker == speaker]) for speaker in speakers]
    channels, alone = [], []
    for number in range(calls):
        clean, texts = place_turns(spoken, number % 2, generator)
        whisper = 10 ** (noise / 20) * generator.standard_normal(clean.shape)
        leaking = 10 ** (leak / 20) * np.roll(clean[:, ::-1], round(delay * RATE), axis=0)
        path = out / f"call{number}.wav"
        soundfile.write(path, clean + leaking + whisper, RATE, subtype="PCM_16")
        for channel, text in enumerate(texts):
            own = out / f"alone{number}-{channel + 1}.wav"
            soundfile.write(own, (clean + whisper)[:, channel], RATE, subtype="PCM_16")
            name, duration = f"call{number}-{channel + 1}", len(clean) / RATE
            channels.append(Utterance(name, path, duration, text=text, channel=channel))
            alone.append(Utterance(name, own, duration, text=text))
    return channels, alone


def errors(
    transcriber: Transcriber, utterances: Sequence[Utterance], channels: Channels
) -> list[ErrorCounts]:
    """Word errors of the first channels, and of the second ones."""
    texts = {one.id: one.text or "" for one in utterances}
    counts = [ErrorCounts(), ErrorCounts()]
    for outcome in transcriber.transcribe_utterances(utterances, pipeline=PipelineConfig(channels=channels)):
        name = outcome.recording.name
        counts[int(name[-1]) - 1] += score_utterance(name, texts[name], outcome.result().text).words
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, help="utterances with transcripts and speakers")
    parser.add_argument("--speakers", nargs=2, required=True, metavar="S")
    parser.add_argument("--model", type=Path, help="default: the English model in the package")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--leak", type=float, default=-20.0, help="decibels; default: -20")
    parser.add_argument("--delay", type=float, default=0.0, help="of what leaks, in seconds; default: 0")
    parser.add_argument("--noise", type=float, default=-60.0, help="decibels below full scale; default: -60")
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    setup_logging()
    arguments.out.mkdir(parents=True, exist_ok=True)
    made, alone = build(
        arguments.manifest,
        arguments.out,
        speakers=arguments.speakers,
        leak=arguments.leak,
        delay=arguments.delay,
        noise=arguments.noise,
        calls=arguments.calls,
        seed=arguments.seed,
    )
    transcriber = load(arguments.model, verbatim=True)
    rows = [("", *arguments.speakers, "both", "errors", "words")]
    for name, counts in (
        ("each speaker alone", errors(transcriber, alone, "mix")),
        ("--channels separate", errors(transcriber, made, "separate")),
        ("--channels mix, leaks left in", errors(transcriber, made, "mix")),
    ):
        both = counts[0] + counts[1]
        rates = (f"{100 * one.rate:.2f} %" for one in (*counts, both))
        rows.append((name, *rates, str(both.errors), str(both.reference_length)))
    minutes = sum(one.duration for one in made) / 120
    print(
        f"{minutes:.1f} minutes on two channels, leaks of {arguments.leak:g} dB after {arguments.delay:g} s"
    )
    print(table(rows))


if __name__ == "__main__":
    main()
