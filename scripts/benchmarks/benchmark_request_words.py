"""Words of one request: how often commands are heard with and without phrases, and what hot words cost a request.

  python scripts/benchmarks/benchmark_request_words.py speech.flac

Commands and other sentences are spoken by flite (`apt install flite`), with white noise; the recording is sent to a server of this
machine with no words, with twenty hot words, and with two phrases.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np

import asr
from asr.data.audio import read_audio
from asr.transcription.transcriber import Transcriber

sys.path.insert(0, str(Path(__file__).parents[1]))
from flite import VOICES, speak

COMMANDS = (
    "lights on", "lights off", "volume up", "volume down", "stop", "play", "yes", "no", "go back", "open the door",
    "call home", "next song",
)  # fmt: skip
OTHERS = (
    "the weather is fine today", "how long is the river", "she gave him the old book", "seven times eight", "nobody knows",
    "maybe tomorrow",
)  # fmt: skip
NAMES = (
    "Kaminski", "Zyntriqix", "Okonkwo", "Bacata", "Szymanowski", "Ngugi", "Dlamini", "Ivanchenko", "Quetzal", "Yamamoto",
    "Xanthos", "Grzegorz", "Oyelaran", "Thibodeaux", "Wojcik", "Abernathy", "Zubizarreta", "Lindqvist", "Papadopoulos",
    "Featherstone",
)  # fmt: skip


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recording", type=Path, help="of about 5 s")
    parser.add_argument("--requests", type=int, default=15, help="of each kind; default: %(default)s")
    arguments = parser.parse_args()
    hear_commands(asr.load())
    time_requests(arguments.recording, arguments.requests)


def hear_commands(transcriber: Transcriber) -> None:
    """Commands that are right, and other sentences that are taken for one, at each ratio of signal to noise."""
    closed = transcriber.with_options(replace(transcriber.options, phrases=COMMANDS))
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        spoken = []
        for voice in VOICES:
            for text in (*COMMANDS, *OTHERS):
                path = Path(folder) / f"{voice}-{text}.flac"
                speak(text, path, voice=voice)
                waveform = read_audio(path, sample_rate=transcriber.sample_rate)
                spoken.append((text, np.pad(waveform, transcriber.sample_rate // 2)))
    print("SNR\tany words\tphrases\tothers taken for commands")
    for snr in (None, 10, 0):
        right, taken = [0, 0], 0
        for text, clean in spoken:
            loud = 0.0 if snr is None else np.sqrt((clean**2).mean()) * 10 ** (-snr / 20)
            noisy = (clean + loud * generator.standard_normal(len(clean))).astype(np.float32)
            [emission] = transcriber.emit([noisy])
            found = [one.decoder(emission).text for one in (transcriber, closed)]
            if text in COMMANDS:
                right = [count + (heard == text.upper()) for count, heard in zip(right, found, strict=True)]
            else:
                taken += bool(found[1])
        print(snr, *right, taken, sep="\t", flush=True)


def time_requests(recording: Path, count: int) -> None:
    """Median and least seconds of a request of each kind, and of the first."""
    command = [sys.executable, "-m", "asr", "serve", "--port", "0"]
    kinds = {
        "no words": {},
        "hot words": {"hot_words": ",".join(NAMES)},
        "phrases": {"phrases": "lights on,lights off"},
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "log"
        with said.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(command, stderr=log)
        try:
            while (found := re.search(r"at (http://\S+?)[; ]", said.read_text(encoding="utf-8"))) is None:
                if process.poll() is not None:
                    raise SystemExit(said.read_text(encoding="utf-8"))
                time.sleep(0.2)
            for _ in range(count + 1):
                for kind, fields in kinds.items():
                    begin = time.perf_counter()
                    files = {"file": (recording.name, recording.read_bytes())}
                    answer = httpx.post(
                        f"{found[1]}/v1/audio/transcriptions", files=files, data=fields, timeout=600
                    )
                    answer.raise_for_status()
                    seconds[kind].append(time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait()
    print("kind\tfirst\tmedian\tleast")
    for kind, (first, *others) in seconds.items():
        print(kind, *(f"{one:.2f}" for one in (first, statistics.median(others), min(others))), sep="\t")


if __name__ == "__main__":
    main()
