#!/usr/bin/env python3
"""How fast transcription is, beside the same network's bare forward pass, in one run.

    python scripts/benchmarks/benchmark_transcription.py data/an4/test.jsonl --model runs/an4/checkpoints/best.pt

Measures, in turn and repeatedly: files to text through the whole pipeline, the network alone on ready
tensors, the features alone; each in float32 and bfloat16; how far the two precisions' log-probabilities
are apart; and the time from starting the command to the first transcript of a 5 s file. Then, each in a
process of its own: ours in float32 and bfloat16 and exported to ONNX, PocketSphinx, faster-whisper where `--whisper` names its weights, and torchaudio's
wav2vec2 base with random weights, the cost of a modern encoder (`pip install '.[export,benchmarks]'`).

    python scripts/benchmarks/benchmark_transcription.py ... --only systems
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch

from asr.cli.console import setup_logging, table
from asr.data.audio import read_audio
from asr.data.manifest import Utterance, read_manifest
from asr.data.padding import pad_waveforms
from asr.decoding.options import DecodingOptions
from asr.model.precision import Precision, autocast
from asr.transcription.loading import load
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.transcriber import Transcriber
from transcription_systems import SYSTEMS


def timed(action: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def ready_batches(
    transcriber: Transcriber, utterances: list[Utterance], seconds_per_batch: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The batches that transcription makes, as tensors."""
    batches: list[list[np.ndarray]] = []
    waiting: list[np.ndarray] = []
    for utterance in sorted(utterances, key=lambda utterance: -utterance.duration):
        waveform = read_audio(
            utterance.audio,
            sample_rate=transcriber.sample_rate,
            start=utterance.start,
            duration=utterance.duration,
        )
        if waiting and len(waiting[0]) * (len(waiting) + 1) > seconds_per_batch * transcriber.sample_rate:
            batches.append(waiting)
            waiting = []
        waiting.append(waveform)
    padded = map(pad_waveforms, [*batches, waiting])
    return [(torch.from_numpy(waveforms), torch.from_numpy(lengths)) for waveforms, lengths in padded]


def first_transcript(model: Path, precision: str) -> float:
    """Seconds from starting `asr transcribe` on a 5 s file to its end, the better of three."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "five.wav"
        soundfile.write(path, 0.05 * np.random.default_rng(0).standard_normal(5 * 16000), 16000)
        command = [
            sys.executable,
            "-m",
            "asr",
            "transcribe",
            str(path),
            "--model",
            str(model),
            "--precision",
            precision,
        ]
        return min(timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(3))


def compare_systems(manifest: Path, model: Path, *, rounds: int, tuned: bool, whisper: Path | None) -> str:
    """A table of recognisers side by side, each in a process of its own."""
    script = Path(__file__).with_name("transcription_systems.py")
    rows: list[tuple[object, ...]] = [
        ("system", "times real time", "of PocketSphinx", "peak memory, MB", "first word, s", "WER")
    ]
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        measured = {}
        for system in SYSTEMS:
            path = model
            if system == "faster-whisper":
                if whisper is None:
                    continue
                path = whisper
            if system.startswith("onnx"):
                path = Path(folder) / f"{system}.onnx"
                export = [sys.executable, "-m", "asr", "export", str(model), str(path)]
                export += ["--int8"] * system.endswith("int8")
                if subprocess.run(export, check=False).returncode != 0:
                    continue
            command = [sys.executable, str(script), system, str(manifest), "--model", str(path)]
            command += ["--threads", str(threads), "--rounds", str(rounds)]
            command += ["--tuned"] * tuned
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode == 0:
                measured[system] = json.loads(done.stdout.splitlines()[-1])
    speeds = {system: found["audio"] / found["seconds"] for system, found in measured.items()}
    for system in SYSTEMS:
        if system not in measured:
            rows.append((system, "could not be run", "", "", "", ""))
            continue
        found = measured[system]
        rows.append(
            (
                system,
                f"{speeds[system]:.1f}",
                f"{speeds[system] / speeds['pocketsphinx']:.1f}" if "pocketsphinx" in speeds else "",
                f"{found['peak_megabytes']:.0f}",
                f"{found['first_word']:.2f}",
                "" if found["wer"] is None else f"{100 * found['wer']:.2f} %",
            )
        )
    return table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seconds-per-batch", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--tuned", action="store_true", help="systems: decode as `asr lm tune` found best (ONNX stays greedy)"
    )
    parser.add_argument(
        "--whisper",
        type=Path,
        metavar="DIR",
        help="systems: weights for faster-whisper, left out without them",
    )
    parser.add_argument("--only", choices=["pipeline", "systems"], help="one of the two parts")
    arguments = parser.parse_args()
    setup_logging()
    if arguments.only != "systems":
        benchmark_pipeline(arguments)
    if arguments.only != "pipeline":
        print(
            compare_systems(
                arguments.manifest,
                arguments.model,
                rounds=arguments.rounds,
                tuned=arguments.tuned,
                whisper=arguments.whisper,
            )
        )


def benchmark_pipeline(arguments: argparse.Namespace) -> None:
    """Our own pipeline against the bare network, in turn."""
    utterances = read_manifest(arguments.manifest)
    audio = sum(utterance.duration for utterance in utterances)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    transcribers = {
        precision: load(arguments.model, decoding=DecodingOptions(), device="cpu", precision=precision)
        for precision in precisions
    }
    batches = ready_batches(transcribers["float32"], utterances, arguments.seconds_per_batch)

    def bare(precision: Precision) -> None:
        model = transcribers[precision].model
        with torch.inference_mode(), autocast(torch.device("cpu"), precision):
            for waveforms, lengths in batches:
                model(waveforms, lengths)

    def features(precision: Precision) -> None:
        with torch.inference_mode():
            for waveforms, lengths in batches:
                transcribers[precision].model.features(waveforms, lengths)

    def pipeline(precision: Precision) -> None:
        config = PipelineConfig(seconds_per_batch=arguments.seconds_per_batch)
        for outcome in transcribers[precision].transcribe_utterances(utterances, pipeline=config):
            outcome.result()

    times: dict[tuple[str, str], list[float]] = {}
    for round_number in range(arguments.rounds + 1):
        for precision in precisions:
            for name, action in (("pipeline", pipeline), ("bare", bare), ("features", features)):
                spent = timed(lambda action=action, precision=precision: action(precision))  # type: ignore[misc]
                if round_number:
                    times.setdefault((name, precision), []).append(audio / spent)
    rows: list[tuple[object, ...]] = [("times real time, median", *precisions)]
    for name, label in (
        ("pipeline", "files to text"),
        ("bare", "network on ready tensors"),
        ("features", "features alone"),
    ):
        rows.append(
            (label, *(f"{statistics.median(times[name, precision]):.0f}" for precision in precisions))
        )
    ratios = {
        precision: [
            a / b for a, b in zip(times["pipeline", precision], times["bare", precision], strict=True)
        ]
        for precision in precisions
    }
    rows.append(
        (
            "files to text / network",
            *(f"{statistics.median(ratios[precision]):.3f}" for precision in precisions),
        )
    )
    rows.append(
        (
            "first transcript of 5 s, s",
            *(f"{first_transcript(arguments.model, precision):.2f}" for precision in precisions),
        )
    )
    differences = []
    changed = 0
    for waveforms, lengths in batches:
        emitted = {}
        for precision in precisions:
            with torch.inference_mode(), autocast(torch.device("cpu"), precision):
                emitted[precision] = transcribers[precision].model(waveforms, lengths)
        for row, length in enumerate(emitted["float32"].lengths.tolist()):
            one, other = (emitted[precision].log_probs[row, :length] for precision in precisions)
            differences.append(float((one.exp() - other.exp()).abs().max()))
            changed += int((one.argmax(dim=1) != other.argmax(dim=1)).sum())
    frames = sum(int(transcribers["float32"].model.emission_lengths(lengths).sum()) for _, lengths in batches)
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    print(f"{arguments.manifest}: {len(utterances)} utterances, {audio / 3600:.3f} h; {arguments.model}")
    print(table(rows))
    print(
        f"bfloat16 against float32: probabilities differ by at most {max(differences):.3f} (median of utterances "
        f"{statistics.median(differences):.4f}); {changed} frames of {frames} change their best token"
    )


if __name__ == "__main__":
    main()
