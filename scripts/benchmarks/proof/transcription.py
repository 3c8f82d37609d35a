"""How fast transcription is, and whether the search hides behind the network."""

import statistics
import time
from collections.abc import Callable

import torch

from asr.data.manifest import Utterance, read_manifest
from asr.data.tokenizer import build_tokenizer
from asr.decoding.options import DecodingOptions
from asr.model.acoustic import AcousticModel
from asr.model.checkpoint import Checkpoint, save_checkpoint
from asr.model.pretrained import default_model
from asr.training.epoch_log import peak_memory
from asr.training.heads import NO_HEAD_DATA, model_shape
from asr.transcription.loading import load
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.transcriber import Transcriber
from benchmark_training import wait
from benchmark_transcription import ready_batches
from proof.experiments import TINY_SIZES, experiment
from proof.section import Place, Section


def prove(place: Place) -> Section:
    """Files to text beside the network alone and the search alone, greedy and by beam."""
    section = Section(
        "Transcription",
        (
            "decoding",
            "network, s",
            "search, s",
            "files to text, s",
            "times real time",
            "longer of the two / all",
            "peak, GiB",
        ),
        notes=[
            "The network is that of the package where it has one (else random weights), the search runs on all CPU threads. With "
            "reading, network and search overlapped, files to text takes hardly more than the longer of the two: a share near 1.",
        ],
    )
    utterances = read_manifest(place.manifest)[: 6 if place.tiny else 400]
    audio = sum(one.duration for one in utterances)
    rounds = 1 if place.tiny else 3
    for name, transcriber in _transcribers(place).items():
        if place.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        config = PipelineConfig(
            seconds_per_batch=10.0 if place.tiny else 600.0, threads=torch.get_num_threads()
        )
        network, search, whole = _seconds(transcriber, utterances, config, rounds=rounds, device=place.device)
        section.rows.append(
            (name, network, search, whole, audio / whole, max(network, search) / whole, peak_memory() / 2**30)
        )
    return section


def _transcribers(place: Place) -> dict[str, Transcriber]:
    device = place.device.type
    model = None if place.tiny else default_model()
    if model is None:
        config = experiment(place.manifest, *TINY_SIZES[0])
        texts = [one.text or "" for one in read_manifest(place.manifest)]
        tokenizer = build_tokenizer(config.tokenizer, texts)
        model = place.folder / "random.pt"
        network = AcousticModel(model_shape(config, NO_HEAD_DATA), vocabulary_size=len(tokenizer))
        save_checkpoint(model, Checkpoint(network.eval(), tokenizer))
        return {
            "greedy": load(model, decoding=DecodingOptions(), device=device),
            "beam": load(model, decoding=DecodingOptions("beam"), device=device),
        }
    return {
        "greedy": load(model, decoding=DecodingOptions(), device=device, verbatim=True),
        "as tuned": load(model, device=device, verbatim=True),
    }


def _seconds(
    transcriber: Transcriber,
    utterances: list[Utterance],
    config: PipelineConfig,
    *,
    rounds: int,
    device: torch.device,
) -> tuple[float, float, float]:
    """Medians of the network on ready waveforms, of the search on ready emissions, and of the whole pipeline."""
    batches = [
        [row[:length].numpy() for row, length in zip(waveforms, lengths.tolist(), strict=True)]
        for waveforms, lengths in ready_batches(transcriber, utterances, config.seconds_per_batch)
    ]
    emissions = [transcriber.emit(batch) for batch in batches]

    def timed(work: Callable[[], object]) -> float:
        found = []
        for _ in range(rounds):
            began = time.perf_counter()
            work()
            wait(device)
            found.append(time.perf_counter() - began)
        return statistics.median(found)

    return (
        timed(lambda: [transcriber.emit(batch) for batch in batches]),
        timed(
            lambda: [transcriber.decoder.decode_batch(found, threads=config.threads) for found in emissions]
        ),
        timed(
            lambda: [one.result() for one in transcriber.transcribe_utterances(utterances, pipeline=config)]
        ),
    )
