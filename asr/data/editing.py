"""Everyday surgery on manifests: filter, split, merge, sample, shuffle; line by line.

Of each utterance at most 16 bytes are kept (a hash, a position in the file), so that manifests of millions
fit. Results are written atomically, audio paths relative to their new place; everything random follows an
explicit seed.
"""

import os
import re
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from asr.data.manifest import Utterance, any_twice, format_line, iterate_manifest, parse_line, write_manifest
from asr.errors import ManifestError, UsageError
from asr.files import read_text, write_atomically
from asr.plain_values import parse_number


class Condition(NamedTuple):
    """What a further field of the manifest line has to be: the same text, or a number so large or small."""

    key: str
    relation: Literal["=", "<=", ">="]
    value: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Of `KEY=VALUE`, `KEY<=NUMBER` or `KEY>=NUMBER`. Raises UsageError."""
        found = re.fullmatch(r"([^=<>]+)(=|<=|>=)(.*)", text)
        if found is None:
            raise UsageError(f"got {text!r}; expected KEY=VALUE, KEY<=NUMBER or KEY>=NUMBER")
        condition = cls(*found.groups())  # type: ignore[arg-type]
        if condition.relation != "=" and parse_number(condition.value) is None:
            raise UsageError(f"got {text!r}; expected a number behind {condition.relation}")
        return condition

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Whether the field is there and so."""
        if self.relation == "=":
            return str(fields.get(self.key)) == self.value
        have, wanted = parse_number(fields.get(self.key)), float(self.value)
        return have is not None and (have <= wanted if self.relation == "<=" else have >= wanted)


@dataclass(frozen=True)
class Filter:
    """Which utterances to keep: all conditions must hold; None asks for nothing.

    Attributes:
        min_duration, max_duration: seconds.
        min_rate, max_rate: characters of the transcript a second.
        speakers, not_speakers: who speaks.
        text, not_text: regular expressions that are, or are not, somewhere in the transcript.
        alphabet: characters that the transcript may hold; others drop the utterance.
        ids: ids to keep.
        where: conditions on further fields of the manifest line.
        transcribed: keep only what has words.
    """

    min_duration: float | None = None
    max_duration: float | None = None
    min_rate: float | None = None
    max_rate: float | None = None
    speakers: Collection[str] = ()
    not_speakers: Collection[str] = ()
    text: re.Pattern[str] | None = None
    not_text: re.Pattern[str] | None = None
    alphabet: str | None = None
    ids: Collection[str] | None = None
    where: Sequence[Condition] = ()
    transcribed: bool = False

    def keeps(self, utterance: Utterance) -> bool:
        """Whether the utterance meets every condition."""
        text = utterance.text or ""
        rate = len(text) / utterance.duration
        return (
            (self.min_duration is None or utterance.duration >= self.min_duration)
            and (self.max_duration is None or utterance.duration <= self.max_duration)
            and (self.min_rate is None or rate >= self.min_rate)
            and (self.max_rate is None or rate <= self.max_rate)
            and (not self.speakers or utterance.speaker in self.speakers)
            and (utterance.speaker not in self.not_speakers)
            and (self.text is None or self.text.search(text) is not None)
            and (self.not_text is None or self.not_text.search(text) is None)
            and (self.alphabet is None or set(text) <= set(self.alphabet))
            and (self.ids is None or utterance.id in self.ids)
            and all(condition.holds(utterance.extras) for condition in self.where)
            and (not self.transcribed or bool(text.strip()))
        )


class Filtered(NamedTuple):
    """How much was kept, and how much there was."""

    kept: int
    kept_seconds: float
    utterances: int
    seconds: float


def filter_manifest(source: Path, target: Path, wanted: Filter) -> Filtered:
    """Write the utterances of `source` that `wanted` keeps, in their order.

    Raises:
        ManifestError: nothing is left (no file is written), or as `iterate_manifest`.
    """
    total = kept = 0
    total_seconds = kept_seconds = 0.0

    def chosen() -> Iterator[Utterance]:
        nonlocal total, kept, total_seconds, kept_seconds
        for _, utterance in iterate_manifest(source):
            total += 1
            total_seconds += utterance.duration
            if wanted.keeps(utterance):
                kept += 1
                kept_seconds += utterance.duration
                yield utterance
        if not kept:
            raise ManifestError(
                f"{source}: none of {total} utterances meets the conditions; nothing was written"
            )

    write_manifest(target, chosen())
    return Filtered(kept, kept_seconds, total, total_seconds)


def merge_manifests(sources: Sequence[Path], target: Path, *, prefix: bool = False) -> int:
    """Write the utterances of all sources, one source after the other; return how many.

    Args:
        sources: manifests.
        target: where to.
        prefix: put the name of its manifest before each id (`train-...`), where ids would meet.

    Raises:
        ManifestError: an id is in two of them (both places are named), or as `iterate_manifest`.
    """
    hashes: array[int] = array("q")

    def all_utterances() -> Iterator[Utterance]:
        for _, utterance in _chain(sources, prefix=prefix):
            hashes.append(hash(utterance.id))
            yield utterance
        if any_twice(hashes):
            _name_doubled(sources, prefix=prefix)

    return write_manifest(target, all_utterances())


def _chain(sources: Sequence[Path], *, prefix: bool) -> Iterator[tuple[str, Utterance]]:
    for source in sources:
        for number, utterance in iterate_manifest(source):
            where = f"{source}:{number}"
            if prefix:
                utterance = replace(utterance, id=f"{source.stem}-{utterance.id}")
            yield where, utterance


def _name_doubled(sources: Sequence[Path], *, prefix: bool) -> None:
    """Raise ManifestError for the first id that comes twice; the manifests are read again to find it."""
    seen: dict[str, str] = {}
    for where, utterance in _chain(sources, prefix=prefix):
        if utterance.id in seen:
            raise ManifestError(
                f"{where} (utt {utterance.id}): id already used at {seen[utterance.id]}; --prefix puts the manifest's "
                "name before each id"
            )
        seen[utterance.id] = where


def sample_manifest(
    source: Path,
    target: Path,
    *,
    seed: int,
    utterances: int | None = None,
    hours: float | None = None,
    share: float | None = None,
) -> Filtered:
    """Write some utterances of `source`, drawn without preference, in their order.

    Args:
        source: manifest.
        target: where to.
        seed: of the draw.
        utterances: how many; or
        hours: of speech, as near as whole utterances come from below; or
        share: of the utterances, above 0 and at most 1.

    Raises:
        UsageError: not exactly one of the three sizes, or there is less than was asked for.
    """
    if sum(size is not None for size in (utterances, hours, share)) != 1:
        raise UsageError("give one of --utterances, --hours and --share")
    durations = np.array(array("d", (utterance.duration for _, utterance in iterate_manifest(source))))
    order = np.random.default_rng(seed).permutation(len(durations))
    if hours is not None:
        ends = np.cumsum(durations[order])
        wanted = int(np.searchsorted(ends, 3600 * hours * (1 + 1e-9), side="right"))
        if wanted == len(order) and ends[-1] < 3600 * hours * (1 - 1e-9):
            raise UsageError(f"{source} holds {ends[-1] / 3600:.3f} h; expected at least --hours {hours:g}")
    elif share is not None:
        if not 0 < share <= 1:
            raise UsageError(f"--share {share:g}; expected above 0 and at most 1")
        wanted = round(share * len(order))
    else:
        assert utterances is not None
        wanted = utterances
        if wanted > len(order):
            raise UsageError(
                f"{source} holds {len(order)} utterances; expected at least --utterances {wanted}"
            )
    if wanted < 1:
        raise UsageError(f"the sample would be empty; {source} holds {len(order)} utterances")
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[:wanted]] = True
    drawn = (
        utterance
        for take, (_, utterance) in zip(chosen.tolist(), iterate_manifest(source), strict=True)
        if take
    )
    write_manifest(target, drawn)
    return Filtered(wanted, float(durations[chosen].sum()), len(order), float(durations.sum()))


def shuffle_manifest(source: Path, target: Path, *, seed: int) -> int:
    """Write the utterances of `source` in random order; return how many."""
    positions: array[int] = array("q")
    position = 0
    # Reading it once as a manifest finds what is wrong with it, with the number of the line.
    for _ in iterate_manifest(source):
        pass
    with source.open("rb") as lines:
        for line in lines:
            if line.strip():
                positions.append(position)
            position += len(line)
    order = np.random.default_rng(seed).permutation(np.frombuffer(positions, dtype=np.int64))

    def shuffled() -> Iterator[Utterance]:
        with source.open("rb") as lines:
            for place in order.tolist():
                lines.seek(place)
                yield parse_line(
                    lines.readline().decode("utf-8-sig"), where=str(source), folder=source.parent
                )

    return write_manifest(target, shuffled())


class Part(NamedTuple):
    """A manifest that `split_manifest` wrote."""

    manifest: Path
    utterances: int
    seconds: float
    speakers: int


def split_manifest(
    source: Path,
    folder: Path,
    shares: Mapping[str, float],
    *,
    seed: int,
    by: Literal["speaker", "utterance"] = "speaker",
) -> list[Part]:
    """Write parts of a manifest, `folder/NAME.jsonl` each; every utterance is in exactly one of them.

    Args:
        source: manifest.
        folder: where to.
        shares: of the hours that each part gets, by name; they add up to 1.
        seed: of the draw.
        by: keep each speaker in one part, or draw utterances one by one.

    Raises:
        UsageError: shares that do not add up to 1, or fewer speakers than parts.
        ManifestError: no speaker known of an utterance, where speakers are kept together.
    """
    if (
        len(shares) < 2
        or any(share <= 0 for share in shares.values())
        or abs(sum(shares.values()) - 1) > 1e-6
    ):
        given = " ".join(f"{name}={share:g}" for name, share in shares.items())
        raise UsageError(
            f"parts {given or '(none)'}; expected two or more, such as train=0.9 dev=0.1, that add up to 1"
        )
    for name in shares:
        if not re.fullmatch(r"\w[\w.+-]*", name):
            raise UsageError(f"part {name!r} cannot name a file; expected letters, digits, '-' and '_'")
    seconds: dict[str, float] = {}
    for number, utterance in iterate_manifest(source):
        key = _group(utterance, by, f"{source}:{number}")
        seconds[key] = seconds.get(key, 0.0) + utterance.duration
    homes = _assign(seconds, shares, seed=seed, what=f"{source}: {len(seconds)} {by}s")
    parts = {name: [0, 0.0] for name in shares}
    speakers: dict[str, set[str]] = {name: set() for name in shares}
    target = os.path.abspath(folder)
    with ExitStack() as stack:
        files = {name: stack.enter_context(write_atomically(folder / f"{name}.jsonl")) for name in shares}
        for number, utterance in iterate_manifest(source):
            name = homes[_group(utterance, by, f"{source}:{number}")]
            files[name].write(format_line(utterance, folder=target) + "\n")
            parts[name][0] += 1
            parts[name][1] += utterance.duration
            if utterance.speaker is not None:
                speakers[name].add(utterance.speaker)
    return [
        Part(folder / f"{name}.jsonl", int(count), duration, len(speakers[name]))
        for name, (count, duration) in parts.items()
    ]


def _group(utterance: Utterance, by: str, where: str) -> str:
    if by == "utterance":
        return utterance.id
    if utterance.speaker is None:
        raise ManifestError(
            f"{where} (utt {utterance.id}): no speaker; expected one to keep speakers together, or give --by utterance"
        )
    return utterance.speaker


def _assign(
    seconds: Mapping[str, float], shares: Mapping[str, float], *, seed: int, what: str
) -> dict[str, str]:
    """Give each group to the part that is furthest from its share, groups in random order.

    The first groups go one to each part, so that none is empty.
    """
    if len(seconds) < len(shares):
        raise UsageError(f"{what} cannot make {len(shares)} parts; expected at least one each")
    names = [*shares]
    total = sum(seconds.values())
    missing = np.array([shares[name] * total for name in names])
    groups = sorted(seconds)
    homes = {}
    for rank, index in enumerate(np.random.default_rng(seed).permutation(len(groups)).tolist()):
        group = groups[index]
        part = rank if rank < len(names) else int(np.argmax(missing / [shares[name] for name in names]))
        homes[group] = names[part]
        missing[part] -= seconds[group]
    return homes


def read_ids(path: Path) -> set[str]:
    """Ids from a file, one a line. Raises UsageError when it cannot be read."""
    lines = read_text(path, what="the ids, one a line", error=UsageError).split("\n")
    return {line.strip() for line in lines if line.strip()}
