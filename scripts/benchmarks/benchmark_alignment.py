"""How near aligned boundaries are to the true ones, and whether texts that do not fit are found.

python scripts/benchmarks/benchmark_alignment.py voices                          flite speaks, and says when each phone is spoken
python scripts/benchmarks/benchmark_alignment.py misfits data/english/librispeech/dev-clean-4.jsonl --recordings 100
python scripts/benchmarks/benchmark_alignment.py repeats data/english/heldout.jsonl --recordings 100
python scripts/benchmarks/benchmark_alignment.py calibrate data/english/librispeech/train-clean-5.jsonl --recordings 100 --write asr/model/pretrained/english.hmm

`voices` needs flite. `misfits` joins three utterances of a chapter to a recording and damages its text: the middle sentence taken
away, another one put in, or the middle one swapped for another. `repeats` says one to four words of an utterance twice, writes
them twice, or takes them out of the text. `calibrate` fits the words' confidence to whether they are within
100 ms of where they are with the right text, over right texts, and damaged ones that are believed as well as looked through.
"""

import argparse
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.alignment.aligner import Aligner, Alignment
from asr.alignment.phone_models import read_phone_models, write_phone_models
from asr.data.american_phones import from_arpabet
from asr.data.manifest import Utterance, read_manifest
from asr.decoding.confidence import Calibration, fit_calibration
from asr.decoding.hypothesis import AlignedWord
from asr.decoding.options import DecodingOptions
from asr.errors import AsrError
from asr.transcription.loading import load
from asr.transcription.transcriber import Transcriber
from asr.transcription.transcript import NOT_IN_TEXT, NOT_SPOKEN, REPEATED, REPEATED_IN_TEXT, MisfitKind

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # where commands.py and flite.py are

from commands import finish
from flite import PAUSE, VOICES, phones_of, speak_segments

# From the Harvard sentences (IEEE Recommended Practice for Speech Quality Measurements, 1969).
SENTENCES = """
the birch canoe slid on the smooth planks
glue the sheet to the dark blue background
it's easy to tell the depth of a well
these days a chicken leg is a rare dish
rice is often served in round bowls
the juice of lemons makes fine punch
the box was thrown beside the parked truck
the hogs were fed chopped corn and garbage
four hours of steady work faced us
a large size in stockings is hard to sell
the boy was there when the sun rose
a rod is used to catch pink salmon
the source of the huge river is the clear spring
kick the ball straight and follow through
help the woman get back to her feet
a pot of tea helps to pass the evening
smoky fires lack flame and heat
the soft cushion broke the man's fall
the salt breeze came across from the sea
the girl at the booth sold fifty bonds
the small pup gnawed a hole in the sock
the fish twisted and turned on the bent hook
press the pants and sew a button on the vest
the swan dive was far short of perfect
the beauty of the view stunned the young boy
two blue fish swam in the tank
her purse was full of useless trash
the colt reared and threw the tall rider
it snowed, rained, and hailed the same morning
read verse out loud for pleasure
""".strip().splitlines()
_SCHWA = {"ax": "ə"}  # flite's own, beside CMUdict's phones
_NEAR = 0.1  # seconds
KINDS = ("none", "removed", "added", "swapped")
_PROBABLE = 0.5


class Times(NamedTuple):
    """A name, start and end in seconds."""

    name: str
    start: float
    end: float


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    voices = kinds.add_parser("voices")
    voices.add_argument("--sentences", type=int, default=len(SENTENCES), metavar="N")
    voices.add_argument(
        "--by-peaks",
        action="store_true",
        help="boundaries halfway between CTC's peaks, without models of phones",
    )
    for kind in ("misfits", "repeats", "calibrate"):
        sub = kinds.add_parser(kind)
        sub.add_argument("manifest", metavar="MANIFEST", type=Path)
        sub.add_argument("--recordings", type=int, default=100, metavar="N")
        if kind == "calibrate":
            sub.add_argument("--write", type=Path, metavar="HMM", help="keep the calibration in that file")
    for sub in kinds.choices.values():
        sub.add_argument("--model", metavar="CKPT", type=Path, help="default: the model in the package")
    arguments = parser.parse_args()
    transcriber = load(arguments.model, decoding=DecodingOptions(), device="cpu")
    if arguments.kind == "voices":
        aligner = transcriber.aligner()
        if arguments.by_peaks:
            aligner = aligner.with_phone_models(None)
        print_voices(aligner, SENTENCES[: arguments.sentences])
    elif arguments.kind == "misfits":
        print_misfits(transcriber, joined(read_manifest(arguments.manifest), arguments.recordings))
    elif arguments.kind == "repeats":
        print_repeats(transcriber, read_manifest(arguments.manifest), arguments.recordings)
    else:
        recordings = joined(read_manifest(arguments.manifest), arguments.recordings)
        calibration = calibrate(transcriber, recordings)
        if arguments.write is not None:
            models = read_phone_models(arguments.write)
            write_phone_models(arguments.write, replace(models, calibration=calibration))


def print_voices(aligner: Aligner, sentences: Sequence[str]) -> None:
    """Differences from flite's own times, of words and phones, by voice."""
    words: dict[str, list[float]] = defaultdict(list)
    phones: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for voice in VOICES:
            for number, sentence in enumerate(sentences):
                path = Path(folder) / f"{voice}-{number}.wav"
                true_words, true_phones = true_times(sentence, path, voice=voice)
                found = aligner.align_file(path, sentence)
                words[voice] += differences(true_words, _words(found.words))
                phones[voice] += differences(true_phones, _phones(found.words))
    print(f"{len(sentences)} sentences, {len(VOICES)} voices")
    print(
        "| | boundaries | mean, ms | median, ms | within 25 ms | within 50 ms | within 100 ms |\n|---|---|---|---|---|---|---|"
    )
    for kind, by_voice in (("words", words), ("phones", phones)):
        for voice, values in [
            *by_voice.items(),
            ("all", [*itertools.chain.from_iterable(by_voice.values())]),
        ]:
            print(f"| {kind}, {voice} | {_summary(values)} |")


def _summary(values: Sequence[float]) -> str:
    far = np.abs(values)
    shares = " | ".join(f"{100 * np.mean(far <= limit + 1e-9):.1f} %" for limit in (0.025, 0.05, 0.1))
    return f"{len(far)} | {1000 * far.mean():.1f} | {1000 * np.median(far):.1f} | {shares}"


def true_times(sentence: str, path: Path, *, voice: str) -> tuple[list[Times], list[Times]]:
    """When flite speaks each word and each phone of a sentence, the phones in the model's classes."""
    segments = [segment for segment in speak_segments(sentence, path, voice=voice) if segment.phone != PAUSE]
    said = [(word, phones_of(word)) for word in sentence.split()]
    # In a sentence flite weakens vowels, as of "a", but here adds and drops no phone.
    if sum(len(phones) for _, phones in said) != len(segments):
        raise AsrError(f"flite says {sentence!r} with more or fewer phones than its words; leave it out")
    words, at = [], 0
    for word, phones in said:
        words.append(Times(word, segments[at].start, segments[at + len(phones) - 1].end))
        at += len(phones)
    named = [
        Times(_SCHWA.get(one.phone) or from_arpabet([one.phone.upper()])[0], one.start, one.end)
        for one in segments
    ]
    return words, named


def _words(words: Sequence[AlignedWord]) -> list[Times]:
    return [Times(word.text, word.start, word.end) for word in words]


def _phones(words: Sequence[AlignedWord]) -> list[Times]:
    return [Times(unit.text, unit.start, unit.end) for word in words for unit in word.phones]


def differences(truth: Sequence[Times], found: Sequence[Times]) -> list[float]:
    """Found minus true, of the starts and the ends of what stands in both (fewest edits by name; a name changed counts as in both)."""
    cost = np.zeros((len(truth) + 1, len(found) + 1))
    cost[:, 0], cost[0] = np.arange(len(truth) + 1), np.arange(len(found) + 1)
    for i, one in enumerate(truth, 1):
        for j, other in enumerate(found, 1):
            changed = cost[i - 1, j - 1] + (one.name != other.name)
            cost[i, j] = min(changed, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    i, j = len(truth), len(found)
    values: list[float] = []
    while i and j:
        one, other = truth[i - 1], found[j - 1]
        if cost[i, j] == cost[i - 1, j - 1] + (one.name != other.name):
            values += [other.start - one.start, other.end - one.end]
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return values


class Joined(NamedTuple):
    """Three utterances one after the other, in the chapter's order."""

    utterances: tuple[Utterance, Utterance, Utterance]


def joined(utterances: Sequence[Utterance], count: int) -> list[Joined]:
    """Up to so many recordings of three utterances of 2 to 12 s that follow each other in a chapter, evenly from all."""
    chapters: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        if 2 <= utterance.duration <= 12:
            chapters[utterance.id.rpartition("-")[0]].append(utterance)
    triples = [
        Joined((own[at], own[at + 1], own[at + 2])) for own in chapters.values() for at in range(len(own) - 2)
    ]
    step = max(1.0, len(triples) / count)
    return [triples[int(number * step)] for number in range(min(count, len(triples)))]


class Damaged(NamedTuple):
    """A recording aligned with a damaged text.

    Attributes:
        kind: of the damage.
        right: with the right text, which is believed.
        found: with the damaged one.
        kept: pairs of places in the right and in the damaged text, of words that are spoken.
        unspoken: places in the damaged text of words that are not.
        unwritten: start and end in seconds of speech that the damaged text lacks; None where it lacks none.
        words: of the damaged text.
    """

    kind: str
    right: Alignment
    found: Alignment
    kept: list[tuple[int, int]]
    unspoken: range
    unwritten: tuple[float, float] | None
    words: list[str]


def damage(
    transcriber: Transcriber, aligner: Aligner, recordings: Sequence[Joined], *, kinds: Sequence[str] = KINDS
) -> Iterator[Damaged]:
    """Each recording with each kind of damage, and with none."""
    believing = transcriber.aligner(prices=None)
    for number, recording in enumerate(recordings):
        waveforms = [transcriber.read_utterance(one) for one in recording.utterances]
        cuts = np.cumsum([0, *map(len, waveforms)]) / transcriber.sample_rate
        waveform = np.concatenate(waveforms)
        before, middle, after = ((one.text or "").split() for one in recording.utterances)
        # From far away in the list, so from another speaker where there are several.
        other = (
            recordings[(number + len(recordings) // 2) % len(recordings)].utterances[1].text or ""
        ).split()
        right = believing.align_blocks([waveform], " ".join([*before, *middle, *after]))
        first, second = len(before), len(before) + len(middle)
        for kind, now, is_spoken, is_other in (
            ("none", middle, True, False),
            ("removed", [], False, False),
            ("added", [*middle, *other], True, True),
            ("swapped", other, False, True),
        ):
            if kind not in kinds:
                continue
            words = [*before, *now, *after]
            tail = len(words) - len(after)
            kept = [(at, at) for at in range(second if is_spoken else first)]
            kept += [(second + at, tail + at) for at in range(len(after))]
            yield Damaged(
                kind,
                right,
                aligner.align_blocks([waveform], " ".join(words)),
                kept,
                range(tail - len(other), tail) if is_other else range(0),
                None if is_spoken else (float(cuts[1]), float(cuts[2])),
                words,
            )


def _places(found: Alignment, words: Sequence[str]) -> dict[int, AlignedWord]:
    """The aligned words by their place in the text: all of it but what the misfits name, in order."""
    left_out: set[int] = set()
    at, spoken = 0, list(found.words)
    missing = [one.text.split() for one in found.misfits if one.kind in (NOT_SPOKEN, REPEATED_IN_TEXT)]
    places: dict[int, AlignedWord] = {}
    while at < len(words):
        if (
            missing
            and words[at : at + len(missing[0])] == missing[0]
            and (
                not spoken
                or spoken[0].text != words[at]
                or _rest_fits(words[at + len(missing[0]) :], spoken, missing[1:])
            )
        ):
            left_out |= set(range(at, at + len(missing[0])))
            at += len(missing.pop(0))
            continue
        places[at] = spoken.pop(0)
        at += 1
    assert not spoken
    return places


def _rest_fits(words: Sequence[str], spoken: Sequence[AlignedWord], missing: Sequence[Sequence[str]]) -> bool:
    """Whether so many words are spoken and left out as there are."""
    return len(words) == len(spoken) + sum(map(len, missing)) and words[:1] == [
        word.text for word in spoken[:1]
    ]


def print_misfits(transcriber: Transcriber, recordings: Sequence[Joined]) -> None:
    """Damage found, and what becomes of its neighbours, by kind."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 6)
    for one in damage(transcriber, transcriber.aligner(), recordings):
        places = _places(one.found, one.words)
        near = [
            at in places
            and abs(places[at].start - one.right.words[true].start) <= 0.05 + 1e-9
            and abs(places[at].end - one.right.words[true].end) <= 0.05 + 1e-9
            for true, at in one.kept
        ]
        lost = [at for at in range(len(one.words)) if at not in places]
        speech = [(m.start, m.end) for m in one.found.misfits if m.kind in (NOT_IN_TEXT, REPEATED)]
        good, stretches, wanted, hit = 0, 0, 0, 0
        for run in _runs(lost):
            stretches += 1
            good += sum(at in one.unspoken for at in run) > len(run) / 2
        for start, end in speech:
            stretches += 1
            good += one.unwritten is not None and _overlap((start, end), one.unwritten) > (end - start) / 2
        if one.unspoken:
            wanted += 1
            hit += sum(at in one.unspoken for at in lost) > len(one.unspoken) / 2
        if one.unwritten is not None:
            wanted += 1
            covered = sum(_overlap(stretch, one.unwritten) for stretch in speech)
            hit += covered > (one.unwritten[1] - one.unwritten[0]) / 2
        for name in (one.kind, *(["damaged"] if one.kind != "none" else [])):
            for index, value in enumerate((sum(near), len(near), good, stretches, hit, wanted)):
                counts[name][index] += value
    print(f"{len(recordings)} recordings of three utterances")
    print(
        "| damage | neighbours within 50 ms | stretches named | of them right | damaged stretches | of them found |\n|---|---|---|---|---|---|"
    )
    for kind, (near_, all_, good_, stretches_, hit_, wanted_) in counts.items():
        print(
            f"| {kind} | {100 * near_ / all_:.2f} % of {all_} words | {stretches_} | {_share(good_, stretches_)} | {wanted_} | "
            f"{_share(hit_, wanted_)} |"
        )


class _Damage(NamedTuple):
    """A recording and a text that differ by some words, and what the misfit should be called."""

    name: str
    waveform: np.ndarray
    text: list[str]
    kind: MisfitKind


def print_repeats(transcriber: Transcriber, utterances: Sequence[Utterance], count: int) -> None:
    """What words said twice, words written twice, and words that are said but not written are called, by how many they are."""
    looking, believing = transcriber.aligner(), transcriber.aligner(prices=None)
    chosen = [one for one in utterances if 4 <= one.duration <= 9]
    chosen = chosen[:: max(1, len(chosen) // count)][:count]
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 4)
    generator = np.random.default_rng(0)
    for utterance in chosen:
        waveform, words = transcriber.read_utterance(utterance), (utterance.text or "").split()
        right = believing.align_blocks([waveform], " ".join(words)).words
        size = int(generator.integers(1, 5))
        if len(right) != len(words) or len(words) < size + 4:
            continue
        at = int(generator.integers(1, len(words) - size))
        phrase, rate = words[at : at + size], transcriber.sample_rate
        begin, end = round(right[at].start * rate), round(right[at + size - 1].end * rate)
        pause = np.zeros(round(rate * generator.choice([0.0, 0.1, 0.3])), np.float32)
        twice = np.concatenate([waveform[:end], pause, waveform[begin:]])
        for damage in (
            _Damage("said twice", twice, words, REPEATED),
            _Damage("written twice", waveform, [*words[: at + size], *words[at:]], REPEATED_IN_TEXT),
            _Damage("not written", waveform, [*words[:at], *words[at + size :]], NOT_IN_TEXT),
        ):
            found = looking.align_blocks([damage.waveform], " ".join(damage.text)).misfits
            named = [one for one in found if one.kind == damage.kind]
            exact = any(one.text == " ".join(phrase) for one in named)
            row = counts[damage.name, "1 word" if size == 1 else "2 to 4 words"]
            row[:] = [row[0] + 1, row[1] + bool(found), row[2] + bool(named), row[3] + exact]
    print(
        "| damage | | recordings | noticed | called so | with these very words |\n|---|---|---|---|---|---|"
    )
    for (name, length), row in sorted(counts.items()):
        exactly = str(row[3]) if name != "not written" else ""
        print(f"| {name} | {length} | {row[0]} | {row[1]} | {row[2]} | {exactly} |")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _runs(places: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for at in places:
        if runs and runs[-1][-1] == at - 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def calibrate(transcriber: Transcriber, recordings: Sequence[Joined]) -> Calibration:
    """Fit on every other recording, and show on the rest how often words of each confidence are right."""
    looking, believing = transcriber.aligner(), transcriber.aligner(prices=None)
    if looking.phone_models is None:
        raise AsrError("no models of phones beside the model; train them with scripts/train_phone_models.py")
    plain = replace(looking.phone_models, calibration=Calibration())
    looking, believing = looking.with_phone_models(plain), believing.with_phone_models(plain)
    evidence: list[list[float]] = [[], []]
    is_right: list[list[bool]] = [[], []]
    for which, kinds in ((looking, KINDS), (believing, ("removed", "added", "swapped"))):
        for number, one in enumerate(damage(transcriber, which, recordings, kinds=kinds)):
            half = number // len(kinds) % 2
            truth = {at: one.right.words[true] for true, at in one.kept}
            for at, word in _places(one.found, one.words).items():
                true = truth.get(at)
                evidence[half].append(word.confidence)
                is_right[half].append(
                    true is not None
                    and abs(word.start - true.start) <= _NEAR
                    and abs(word.end - true.end) <= _NEAR
                )
    calibration = fit_calibration(evidence[0], is_right[0])
    print(calibration)
    confidence = np.array([calibration(value) for value in evidence[1]])
    right = np.array(is_right[1])
    print("| confidence | words | its mean | right |\n|---|---|---|---|")
    for low, high in (
        (0.0, 0.2),
        (0.2, _PROBABLE),
        (_PROBABLE, 0.8),
        (0.8, 0.95),
        (0.95, 0.99),
        (0.99, 1.01),
    ):
        own = (confidence >= low) & (confidence < high)
        if own.any():
            print(
                f"| {low:g} to {min(high, 1):g} | {own.sum()} | {confidence[own].mean():.3f} | {right[own].mean():.3f} |"
            )
    return calibration


if __name__ == "__main__":
    sys.exit(finish(main))
