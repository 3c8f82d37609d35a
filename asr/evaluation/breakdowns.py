"""Error rates of parts of a set: by speaker, channel, duration, speaking rate, noise, vocabulary, any field."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from asr.evaluation.scoring import ErrorCounts, ScoredUtterance
from asr.evaluation.transcript import TranscriptPair
from asr.plain_values import finite_number

# A field of more different values than this says nothing by groups.
_MOST_GROUPS = 200
_QUANTILES = 5
# Words said so often begin a class.
_FREQUENCIES = (1, 2, 10, 100, 1000)


class Group(NamedTuple):
    """The utterances that have something in common.

    Attributes:
        name: what.
        utterances: how many.
        words: pooled word errors.
    """

    name: str
    utterances: int
    words: ErrorCounts


class Breakdown(NamedTuple):
    """Errors by one property.

    Attributes:
        name: the property, such as "speaker" or "duration, s".
        note: how the groups are made; "" when that is plain.
        groups: in the order of the property.
    """

    name: str
    note: str
    groups: tuple[Group, ...]


def break_down(
    pairs: Sequence[TranscriptPair],
    utterances: Sequence[ScoredUtterance],
    *,
    vocabulary: Mapping[str, int] | None = None,
    focus: Collection[str] = (),
) -> list[Breakdown]:
    """Every breakdown that the utterances' facts allow.

    Args:
        pairs: the facts, one an utterance.
        utterances: the errors, in the same order.
        vocabulary: words known beforehand, such as those of the training transcripts, spelled as the
            scored references, with how often they are there; None leaves that breakdown out.
        focus: words that matter, spelled as the scored references; none leave that breakdown out.
    """
    found = [
        _by_value("speaker", [pair.speaker for pair in pairs], utterances),
        _by_value(
            "channel",
            [None if pair.channel is None else str(pair.channel + 1) for pair in pairs],
            utterances,
        ),
        _by_quantile("duration, s", [pair.duration for pair in pairs], utterances),
        _by_quantile(
            "speaking rate, words/s", [_rate(*both) for both in _zip(pairs, utterances)], utterances
        ),
        _by_length(utterances),
    ]
    for name in dict.fromkeys(name for pair in pairs for name in pair.fields):
        values = [pair.fields.get(name) for pair in pairs]
        title = "signal-to-noise ratio, dB" if name == "snr" else name
        numbers = [finite_number(value) for value in values]
        different = {number for number in numbers if number is not None}
        if len(different) > _QUANTILES * 2 and all(
            number is not None for number, value in zip(numbers, values, strict=True) if value is not None
        ):
            found.append(_by_quantile(title, numbers, utterances))
        else:
            found.append(
                _by_value(title, [None if value is None else str(value) for value in values], utterances)
            )
    breakdowns = [breakdown for breakdown in found if breakdown is not None]
    if vocabulary is not None:
        breakdowns.append(by_vocabulary(utterances, vocabulary))
    if focus:
        breakdowns.append(by_focus(utterances, focus))
    frequency = by_frequency(utterances, vocabulary)
    return breakdowns if frequency is None else [*breakdowns, frequency]


def by_vocabulary(utterances: Iterable[ScoredUtterance], vocabulary: Collection[str]) -> Breakdown:
    """Reference words in and out of a vocabulary; an insertion is counted where the inserted word belongs."""
    return _by_word(
        "vocabulary",
        f"words in or out of a vocabulary of {len(vocabulary):,} words",
        ("in vocabulary", "out of vocabulary"),
        utterances,
        lambda word: int(word not in vocabulary),
    )


def by_focus(utterances: Iterable[ScoredUtterance], words: Collection[str]) -> Breakdown:
    """Words of a list, and all others: biased and unbiased WER (Le et al. 2021, "Contextualized streaming end-to-end
    speech recognition with trie-based deep biasing and shallow fusion"); insertions as `by_vocabulary`."""
    return _by_word(
        "focus",
        f"the {len(words):,} words of the list, and all others (biased and unbiased WER)",
        ("in the list", "others"),
        utterances,
        lambda word: int(word not in words),
    )


def by_frequency(
    utterances: Sequence[ScoredUtterance], vocabulary: Mapping[str, int] | None = None
) -> Breakdown | None:
    """Reference words by how often they occur in a vocabulary's text, or, without one, in the references.

    A vocabulary that holds every word once is a list and says nothing of frequency. Insertions as `by_vocabulary`. None
    where all words are of one class.
    """
    where, counts = "the references", vocabulary
    if vocabulary is None or max(vocabulary.values(), default=0) < 2:
        counts = Counter(word for utterance in utterances for word in utterance.reference.split())
    else:
        where = "the text of the vocabulary"
    assert counts is not None
    classes = {word: sum(count >= edge for edge in _FREQUENCIES) for word, count in counts.items()}
    edges = [0, *_FREQUENCIES]
    names = [
        f"{low:,}" if high == low + 1 else f"{low:,} to {high - 1:,}" for low, high in pairwise(edges)
    ] + [f"{edges[-1]:,} and more"]
    found = _by_word(
        "word frequency",
        f"how often a word is in {where}",
        names,
        utterances,
        lambda word: classes.get(word, 0),
    )
    groups = tuple(group for group in found.groups if group.words.reference_length or group.words.insertions)
    return found._replace(groups=groups) if len(groups) > 1 else None


def _by_word(
    name: str,
    note: str,
    names: Sequence[str],
    utterances: Iterable[ScoredUtterance],
    class_of: Callable[[str], int],
) -> Breakdown:
    """A group a class of words: each reference word's own hit, substitution or deletion, and words inserted.

    Utterances are those with such a word in the reference.
    """
    totals = [Counter[str]() for _ in names]
    holding = [0] * len(names)
    for utterance in utterances:
        classes = [class_of(word) for word in utterance.reference.split()]
        for number in {*classes}:
            holding[number] += 1
        if utterance.words.errors == 0:
            for number in classes:
                totals[number]["C"] += 1
            continue
        for letter, pair in zip(utterance.operations, utterance.alignment, strict=True):
            totals[class_of(pair.reference or pair.hypothesis)][letter] += 1
    return Breakdown(
        name,
        note,
        tuple(
            Group(group, holding[number], ErrorCounts(*(totals[number][letter] for letter in "CSDI")))
            for number, group in enumerate(names)
        ),
    )


def _zip(
    pairs: Sequence[TranscriptPair], utterances: Sequence[ScoredUtterance]
) -> Iterable[tuple[TranscriptPair, ScoredUtterance]]:
    return zip(pairs, utterances, strict=True)


def _rate(pair: TranscriptPair, utterance: ScoredUtterance) -> float | None:
    """Reference words a second; unknown where nobody speaks."""
    words = utterance.words.reference_length
    return words / pair.duration if pair.duration and words else None


def _by_value(
    name: str, values: Sequence[str | None], utterances: Sequence[ScoredUtterance]
) -> Breakdown | None:
    """A group a value; None when no utterance has one, all have the same, or almost all have their own."""
    members: defaultdict[str | None, list[ScoredUtterance]] = defaultdict(list)
    for value, utterance in zip(values, utterances, strict=True):
        members[value].append(utterance)
    if len(members) < 2 or (len(members) > _MOST_GROUPS and len(members) > len(utterances) / 2):
        return None
    ordered = sorted((value for value in members if value is not None), key=str)
    groups = [_group(value, members[value]) for value in ordered]
    note = ""
    if len(groups) > _MOST_GROUPS:
        note = f"the {_MOST_GROUPS} groups with most errors of {len(groups):,}"
        groups = sorted(groups, key=lambda group: -group.words.errors)[:_MOST_GROUPS]
    if None in members:
        groups.append(_group("unknown", members[None]))
    return Breakdown(name, note, tuple(groups))


def _by_quantile(
    name: str, values: Sequence[float | None], utterances: Sequence[ScoredUtterance]
) -> Breakdown | None:
    """Fifths of the utterances, by a number; equal numbers stay together."""
    known = sorted(value for value in values if value is not None)
    if len(known) < 2 or known[0] == known[-1]:
        return None
    edges = sorted({known[len(known) * part // _QUANTILES] for part in range(1, _QUANTILES)} - {known[0]})
    bounds = [known[0], *edges, known[-1]]
    members: list[list[ScoredUtterance]] = [[] for _ in range(len(edges) + 1)]
    unknown = []
    for value, utterance in zip(values, utterances, strict=True):
        if value is None:
            unknown.append(utterance)
        else:
            members[sum(value >= edge for edge in edges)].append(utterance)
    groups = [
        _group(f"{_short(bounds[index])} to {_short(bounds[index + 1])}", inside)
        for index, inside in enumerate(members)
        if inside
    ]
    if unknown:
        groups.append(_group("unknown", unknown))
    return Breakdown(name, "fifths of the utterances", tuple(groups))


def _by_length(utterances: Sequence[ScoredUtterance]) -> Breakdown | None:
    return _by_quantile(
        "length, words", [float(utterance.words.reference_length) for utterance in utterances], utterances
    )


def _group(name: str, members: Sequence[ScoredUtterance]) -> Group:
    return Group(name, len(members), sum((utterance.words for utterance in members), ErrorCounts()))


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def field_names(pairs: Iterable[TranscriptPair]) -> list[str]:
    """The names of all fields, in the order of their first appearance."""
    names: Mapping[str, None] = dict.fromkeys(name for pair in pairs for name in pair.fields)
    return list(names)
