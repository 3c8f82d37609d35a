"""Train the models of phones' sounds that `asr align` finds boundaries with: Gaussian mixtures, three states a phone.

python scripts/train_phone_models.py data/english/librispeech/train-clean-5.jsonl asr/model/pretrained/english.hmm --utterances 350

The network says which phones there are and about when; from there the models and the boundaries are found in turns, the
mixtures growing (Viterbi training, Rabiner 1989).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from asr.alignment.cepstra import Cepstra
from asr.alignment.phone_models import HOP, STATES, PhoneModels, write_phone_models
from asr.alignment.text_path import align_text
from asr.data.manifest import Utterance, read_manifest
from asr.data.pronunciation import read_all_pronunciations
from asr.decoding.options import DecodingOptions, tuned_options
from asr.errors import UsageError
from asr.model.pretrained import default_model
from asr.transcription.loading import load
from asr.transcription.transcriber import Transcriber
from commands import finish

_GAUSSIANS = (1, 1, 2, 2, 4, 8, 8)  # of a state, round by round
_ROUNDS_OF_MIXTURE = 4
_FLOOR = 0.05  # of a variance, against that of all frames


class Spoken(NamedTuple):
    """An utterance: its `(T, D)` features, its phones, whether a pause may be before each, and about which frame each is."""

    features: np.ndarray
    phones: list[int]
    pauses: list[bool]
    centres: np.ndarray


def main() -> None:
    """Train, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", metavar="MANIFEST", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path, help="such as best.hmm, beside best.pt")
    parser.add_argument("--model", metavar="CKPT", type=Path, default=default_model())
    parser.add_argument(
        "--utterances",
        type=int,
        default=350,
        metavar="N",
        help="evenly from the manifest; default %(default)s",
    )
    parser.add_argument("--longest", type=float, default=16.0, metavar="S", help="default %(default)g")
    arguments = parser.parse_args()
    if arguments.model is None:
        raise UsageError("no model; name one with --model")
    transcriber = load(arguments.model, decoding=DecodingOptions())
    utterances = [one for one in read_manifest(arguments.manifest) if one.duration <= arguments.longest]
    utterances = utterances[:: max(1, len(utterances) // arguments.utterances)][: arguments.utterances]
    spoken = read_spoken(utterances, transcriber, tuned_options(arguments.model).pronunciations)
    models = train(spoken, transcriber.emitter.info.phones)
    write_phone_models(arguments.out, models)
    hours = sum(len(one.features) for one in spoken) * HOP / 3600
    print(f"{arguments.out}: {len(models.phones)} phones from {len(spoken)} utterances, {hours:.2f} h")


def read_spoken(
    utterances: Sequence[Utterance], transcriber: Transcriber, dictionary: str | None
) -> list[Spoken]:
    """The utterances whose words are all in the dictionary, as the network hears them."""
    ids = {phone: number for number, phone in enumerate(transcriber.emitter.info.phones)}
    if not ids or dictionary is None:
        raise UsageError("needs a model that hears phones, and pronunciations in its tuned options")
    pronunciations = read_all_pronunciations(dictionary)
    spoken = []
    for utterance in tqdm(utterances, desc="network", disable=not sys.stderr.isatty()):
        words = [
            [[ids[phone] for phone in way] for way in pronunciations.get(word, ()) if ids.keys() >= set(way)]
            for word in (utterance.text or "").split()
        ]
        if not words or not all(words):
            continue
        waveform = transcriber.read_utterance(utterance)
        log_probs = transcriber.emit_utterance(utterance).phones
        assert log_probs is not None
        path = align_text(log_probs, [[[phone + 1 for phone in way] for way in ways] for ways in words])
        placed = [word for word in path.words if word is not None]
        phones = [phone for ways, word in zip(words, placed, strict=True) for phone in ways[word.way]]
        pauses = [at == 0 for word in placed for at in range(len(word.spans))]
        spans = np.concatenate([word.spans for word in placed])
        centres = np.round(spans.mean(axis=1) * transcriber.seconds_per_frame / HOP).astype(np.int64)
        features = Cepstra(transcriber.sample_rate)
        features.feed(waveform)
        spoken.append(Spoken(features.finish(), phones, pauses, centres))
    if not spoken:
        raise UsageError("no utterance whose words are all in the dictionary; nothing to learn from")
    return spoken


def train(spoken: Sequence[Spoken], phones: Sequence[str]) -> PhoneModels:
    """Models of the phones; the first ones from what is about the peaks."""
    states = STATES * (len(phones) + 1)
    features = np.concatenate([one.features for one in spoken]).astype(np.float64)
    labels = np.concatenate([first_labels(one, states) for one in spoken])
    stay = np.full(states, 0.6)
    for gaussians in tqdm(_GAUSSIANS, desc="rounds", disable=not sys.stderr.isatty()):
        models = PhoneModels(tuple(phones), *mixtures(features, labels, states, gaussians), stay)
        found = [
            models.path(one.features, one.phones, pauses=one.pauses, centres=one.centres) for one in spoken
        ]
        paths = [path[1] for path in found if path is not None]
        kept = np.repeat([path is not None for path in found], [len(one.features) for one in spoken])
        labels = np.full(len(features), -1)
        labels[kept] = np.concatenate(paths)
        stay = durations(paths, states)
    return PhoneModels(tuple(phones), *mixtures(features, labels, states, gaussians), stay)


def first_labels(one: Spoken, states: int) -> np.ndarray:
    """`(T,)` the state of each frame, to begin with: a phone goes halfway to its neighbours, no further than 80 ms; silence beyond."""
    frames, reach = len(one.features), 8
    labels = np.full(frames, states - 2)
    halfway = (one.centres[1:] + one.centres[:-1]) / 2
    first = (
        np.maximum(np.concatenate([[-np.inf], halfway]), one.centres - reach).astype(int).clip(0, frames - 1)
    )
    last = np.minimum(np.concatenate([halfway, [np.inf]]), one.centres + reach).astype(int).clip(1, frames)
    for phone, begin, end in zip(one.phones, first.tolist(), last.tolist(), strict=True):
        time = np.arange(begin, max(end, begin + 1))
        labels[time] = STATES * phone + (time - begin) * STATES // len(time)
    return labels


def mixtures(
    features: np.ndarray, labels: np.ndarray, states: int, gaussians: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, variances and log weights of each state, from the `(T, D)` frames that are labelled with it (expectation maximisation)."""
    floor = _FLOOR * features.var(axis=0)
    shape = (states, gaussians, features.shape[1])
    means, variances = np.zeros(shape), np.ones(shape)
    weights = np.full((states, gaussians), 1 / gaussians)
    for state in range(states):
        own = features[labels == state]
        if len(own) < 20 * gaussians:  # a phone that is hardly heard
            means[state] = own.mean(axis=0) if len(own) else 0.0
            variances[state] = features.var(axis=0)
            continue
        spread = np.random.default_rng(state).normal(size=shape[1:]) if gaussians > 1 else np.zeros(shape[1:])
        mean = own.mean(axis=0) + 0.5 * spread * own.std(axis=0)
        variance, weight = np.repeat(own.var(axis=0)[None] + floor, gaussians, axis=0), weights[state]
        for _ in range(_ROUNDS_OF_MIXTURE if gaussians > 1 else 1):
            scores = np.log(weight) - 0.5 * (
                np.square(own) @ (1 / variance).T
                - 2 * own @ (mean / variance).T
                + (np.square(mean) / variance + np.log(variance)).sum(axis=1)
            )
            share = np.exp(scores - scores.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            count = share.sum(axis=0) + 1e-3
            mean = share.T @ own / count[:, None]
            variance = np.maximum(share.T @ np.square(own) / count[:, None] - np.square(mean), floor)
            weight = count / count.sum()
        means[state], variances[state], weights[state] = mean, variance, weight
    return means, variances, np.log(weights)


def durations(paths: Sequence[np.ndarray], states: int) -> np.ndarray:
    """`(states,)` the share of a state's frames that it stays in."""
    frames, visits = np.ones(states), np.full(states, 0.5)
    for path in paths:
        np.add.at(frames, path, 1)
        np.add.at(visits, path[np.concatenate([[True], path[1:] != path[:-1]])], 1)
    return np.clip(1 - visits / frames, 0.05, 0.98)


if __name__ == "__main__":
    sys.exit(finish(main))
