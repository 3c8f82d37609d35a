#!/usr/bin/env python3
"""An hour in one file: memory, speed, errors and cue times beside the same speech utterance by utterance.

    python scripts/benchmarks/benchmark_long_recording.py data/an4/dev.jsonl --model runs/an4/checkpoints/best.pt --out runs/hour

Builds the recording from a manifest: utterances in random order, again and again (each time with other noise),
with pauses of random length, all under white noise. Transcribes it with `asr transcribe` in a process of its
own, then each utterance by itself, cut out of the same noisy recording. Cue times are compared with forced
alignments of the references in those cuts. The subtitles are read back by pysubs2.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
import soundfile

from asr.cli.console import setup_logging, table
from asr.data.audio import read_utterance
from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.decoding.options import DecodingOptions
from asr.transcription.loading import load

RATE = 16000


class Spoken(NamedTuple):
    """A reference word, when the forced alignment has it, and its utterance's extent: seconds of the recording."""

    text: str
    start: float
    end: float
    utterance: tuple[float, float]

    def may_be(self, word: dict) -> bool:
        """Whether a recognised word lies in this word's utterance: else an error put it elsewhere."""
        return word["start"] < self.utterance[1] and word["end"] > self.utterance[0]


def build(
    manifest: Path, path: Path, *, minutes: float, pauses: Sequence[float], snr: float, seed: int
) -> list[Utterance]:
    """Write the recording; where in it each utterance lies."""
    utterances = [item for item in read_manifest(manifest) if item.text]
    generator = np.random.default_rng(seed)
    placed: list[Utterance] = []
    at = 0
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:

        def write(speech: np.ndarray, level: float) -> None:
            nonlocal at
            noise = level * generator.standard_normal(len(speech)).astype(np.float32)
            file.write(np.clip(speech + noise, -1, 1))
            at += len(speech)

        level = 1e-3
        while at < minutes * 60 * RATE:
            for index in generator.permutation(len(utterances)):
                item = utterances[index]
                waveform = read_utterance(item, sample_rate=RATE)
                level = float(np.sqrt(np.mean(waveform**2))) * 10 ** (-snr / 20)
                write(np.zeros(int(generator.uniform(pauses[0], pauses[1]) * RATE), np.float32), level)
                placed.append(
                    Utterance(
                        f"{len(placed):05d}", path, len(waveform) / RATE, start=at / RATE, text=item.text
                    )
                )
                write(waveform, level)
                if at >= minutes * 60 * RATE:
                    break
        write(np.zeros(RATE, np.float32), level)
    return placed


def measured_run(command: Sequence[str]) -> tuple[float, float]:
    """Run a command; wall-clock seconds and peak resident megabytes."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {status}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def cue_differences(
    srt: Path, hypothesis: Sequence[dict], spoken: Sequence[Spoken]
) -> tuple[list[float], list[float]]:
    """Seconds between cues and the alignment: of starts, and of ends that were not drawn out.

    Of words that were recognised, in the utterance they were said in.
    """
    import pysubs2

    cues = pysubs2.load(str(srt), encoding="utf-8")
    assert all(one.end <= other.start for one, other in itertools.pairwise(cues)), "cues overlap"
    assert all(cue.start < cue.end for cue in cues), "an empty cue"
    aligned = jiwer.process_words(
        " ".join(word.text for word in spoken), " ".join(word["text"] for word in hypothesis)
    )
    truth = {
        chunk.hyp_start_idx + offset: spoken[chunk.ref_start_idx + offset]
        for chunk in aligned.alignments[0]
        if chunk.type == "equal"
        for offset in range(chunk.hyp_end_idx - chunk.hyp_start_idx)
        if spoken[chunk.ref_start_idx + offset].may_be(hypothesis[chunk.hyp_start_idx + offset])
    }
    starts, ends, at = [], [], 0
    for cue in cues:
        last = at + len(cue.plaintext.split()) - 1
        if at in truth:
            starts.append(abs(cue.start / 1000 - truth[at].start))
        # A cue of the shortest duration was drawn out on purpose; one that is cut by the next one ends early.
        if last in truth and abs(cue.end / 1000 - hypothesis[last]["end"]) < 1e-3:
            ends.append(abs(cue.end / 1000 - truth[last].end))
        at = last + 1
    assert at == len(hypothesis), f"{at} words in the cues, {len(hypothesis)} in the transcript"
    return starts, ends


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, help="utterances with transcripts")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pauses", type=float, nargs=2, default=(0.5, 3.0), metavar="S", help="from, to")
    parser.add_argument("--snr", type=float, default=30.0, help="decibels; default: 30")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--options", default="--decoding greedy", help="more options of `asr transcribe`")
    arguments = parser.parse_args()
    setup_logging()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "recording.wav"
    placed = build(
        arguments.manifest,
        path,
        minutes=arguments.minutes,
        pauses=arguments.pauses,
        snr=arguments.snr,
        seed=arguments.seed,
    )
    write_manifest(arguments.out / "utterances.jsonl", placed)
    duration = soundfile.info(path).duration
    base = [
        sys.executable,
        "-m",
        "asr",
        "transcribe",
        "--model",
        str(arguments.model),
        *arguments.options.split(),
    ]
    whole_s, whole_mb = measured_run(
        [*base, str(path), "--output-dir", str(arguments.out / "whole"), "--format", "json,srt"]
    )
    parts_s, parts_mb = measured_run(
        [*base, str(arguments.out / "utterances.jsonl"), "--output-dir", str(arguments.out / "parts")]
    )
    record = json.loads((arguments.out / "whole" / "recording.json").read_text())
    words = [word for segment in record["segments"] for word in segment["words"]]
    parts = [item.text or "" for item in read_manifest(arguments.out / "parts" / "transcripts.jsonl")]
    references = [item.text or "" for item in placed]
    reference = " ".join(references)
    whole_wer = jiwer.process_words(reference, record["text"]).wer
    parts_wer = jiwer.process_words(reference, " ".join(parts)).wer

    transcriber = load(arguments.model, decoding=DecodingOptions(), device="cpu")
    spoken: list[Spoken] = []
    for item in placed:
        aligned = transcriber.align(transcriber.read_utterance(item), item.text or "", prices=None).words
        extent = (item.start, item.start + item.duration)
        spoken += [
            Spoken(word.text, item.start + word.start, item.start + word.end, extent) for word in aligned
        ]
    starts, ends = cue_differences(arguments.out / "whole" / "recording.srt", words, spoken)

    print(
        f"{duration / 60:.1f} minutes, {len(placed)} utterances, {len(reference.split())} words; pauses "
        f"{arguments.pauses[0]:g} to {arguments.pauses[1]:g} s, SNR {arguments.snr:g} dB, seed {arguments.seed}; "
        f"{arguments.options}"
    )
    print(
        table(
            [
                ("", "one file", "by utterance"),
                ("WER", f"{100 * whole_wer:.2f} %", f"{100 * parts_wer:.2f} %"),
                (
                    "times real time, from the command",
                    f"{duration / whole_s:.0f}",
                    f"{duration / parts_s:.0f}",
                ),
                ("peak memory, MB", f"{whole_mb:.0f}", f"{parts_mb:.0f}"),
            ]
        )
    )
    for name, values in (("starts", starts), ("ends", ends)):
        if values:
            near = sum(value <= 0.2 for value in values)
            print(
                f"cue {name}: {near} of {len(values)} within 0.2 s of the alignment; median "
                f"{statistics.median(values):.3f} s, greatest {max(values):.3f} s"
            )
    print("subtitles read back by pysubs2: none overlaps, none is empty, every word is there")


if __name__ == "__main__":
    main()
