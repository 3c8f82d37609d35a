"""Words of one request: how often commands are heard with and without phrases, and what hot words cost a request.

  python scripts/benchmarks/benchmark_request_words.py speech.flac

Commands and other sentences are spoken by flite (`apt install flite`), with white noise; the recording is sent to a server of this
machine with no words, with twenty hot words, and with two phrases; then by many clients at once, with no words and with a list of each one's own.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np

import asr
from asr.data.audio import read_audio
from asr.transcription.transcriber import Transcriber

sys.path.insert(0, str(Path(__file__).parents[1]))
from flite import VOICES, speak
from served import served

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
    parser.add_argument("--clients", type=int, default=64, help="at once; default: %(default)s")
    parser.add_argument("--only", choices=["commands", "requests"], help="one of the two parts")
    arguments = parser.parse_args()
    if arguments.only != "requests":
        hear_commands(asr.load())
    if arguments.only != "commands":
        with served() as (_, address):
            time_requests(address, arguments.recording, arguments.requests)
            time_together(address, arguments.recording, arguments.clients)


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


def ask(address: str, recording: Path, fields: dict[str, str]) -> float:
    """Seconds until the answer is there."""
    begin = time.perf_counter()
    files = {"file": (recording.name, recording.read_bytes())}
    httpx.post(f"{address}/v1/audio/transcriptions", files=files, data=fields, timeout=600).raise_for_status()
    return time.perf_counter() - begin


def time_requests(address: str, recording: Path, count: int) -> None:
    """Median and least seconds of a request of each kind, and of the first."""
    kinds = {
        "no words": {},
        "hot words": {"hot_words": ",".join(NAMES)},
        "phrases": {"phrases": "lights on,lights off"},
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(count + 1):
        for kind, fields in kinds.items():
            seconds[kind].append(ask(address, recording, fields))
    print("kind\tfirst\tmedian\tleast")
    for kind, (first, *others) in seconds.items():
        print(kind, *(f"{one:.2f}" for one in (first, statistics.median(others), min(others))), sep="\t")


def time_together(address: str, recording: Path, clients: int) -> None:
    """Seconds until all of many clients have their answers, without words and with five of each one's own, by turns."""
    draw = random.Random(0)
    own = [{"hot_words": ",".join(draw.sample(NAMES, 5))} for _ in range(clients)]
    none: list[dict[str, str]] = [{}] * clients
    print(f"{clients} at once\tno words\town words\tratio")
    for turn in range(1, 4):
        seconds = []
        for fields in (none, own):
            begin = time.perf_counter()
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(lambda one: ask(address, recording, one), fields))
            seconds.append(time.perf_counter() - begin)
        print(
            turn, *(f"{one:.2f}" for one in seconds), f"{seconds[1] / seconds[0]:.3f}", sep="\t", flush=True
        )


if __name__ == "__main__":
    main()
