"""Is a manifest fit to train on? Every finding names its utterance.

An error is what would make training fail or silently lose data; a warning is what a person should know.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from asr.data.audio import open_audio
from asr.data.manifest import Utterance
from asr.data.tokenizer import Tokenizer, required_frames
from asr.errors import AudioError, TranscriptError

if TYPE_CHECKING:
    from torch import Tensor

# Utterances that are being read at once.
_WINDOW = 256

# How far a manifest's duration may be from the file's, in seconds: manifests round.
_TOLERANCE = 0.011


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or odd about an utterance.

    Attributes:
        severity: "error" or "warning".
        utterance: its id.
        message: what was found, what was expected.
    """

    severity: Literal["error", "warning"]
    utterance: str
    message: str

    def __str__(self) -> str:
        return f"utt {self.utterance}: {self.message}"


def check_transcripts(utterances: Iterable[Utterance], tokenizer: Tokenizer | None) -> Iterator[Finding]:
    """Missing transcripts, empty ones, and characters that the alphabet lacks."""
    for utterance in utterances:
        if utterance.text is None:
            yield Finding("error", utterance.id, "no transcript; expected `text`")
        elif not utterance.text.strip():
            yield Finding("error", utterance.id, "empty transcript; remove the utterance or transcribe it")
        elif tokenizer is not None:
            try:
                tokenizer.encode(utterance.text)
            except TranscriptError as error:
                yield Finding("error", utterance.id, str(error))


def check_fit(
    utterances: Sequence[Utterance],
    tokenizer: Tokenizer,
    *,
    sample_rate: int,
    encoder_frames: "Callable[[Tensor], Tensor]",
    fastest: float = 1.0,
) -> Iterator[Finding]:
    """Utterances with fewer encoder frames than CTC needs for their transcript.

    Args:
        utterances: those with transcripts outside the alphabet are passed over; `check_transcripts`
            names them.
        tokenizer: transcripts -> tokens.
        sample_rate: the model's, in Hz.
        encoder_frames: `(B,)` samples -> `(B,)` encoder frames; the model's own function.
        fastest: highest speed that augmentation plays utterances at.
    """
    import torch

    samples = torch.tensor([int(utterance.duration / fastest * sample_rate) for utterance in utterances])
    for utterance, frames in zip(utterances, encoder_frames(samples).tolist(), strict=True):
        try:
            tokens = tokenizer.encode(utterance.text or "")
        except TranscriptError:
            continue
        needed = max(1, required_frames(tokens))
        if frames < needed:
            what = f"the transcript of {len(tokens)} {tokenizer.kind}"
            yield too_few_frames(utterance, frames, needed=needed, what=what, fastest=fastest)


def too_few_frames(utterance: Utterance, frames: int, *, needed: int, what: str, fastest: float) -> Finding:
    """What to say of an utterance with fewer encoder frames than CTC needs for `what`."""
    played = f" played at {fastest} times its speed" if fastest > 1 else ""
    return Finding(
        "error",
        utterance.id,
        f"{utterance.duration:.2f} s{played} give {frames} encoder frames, {what} needs {needed}; check the "
        " transcript, or lower model.subsampling",
    )


def check_audio(
    utterances: Iterable[Utterance],
    *,
    sample_rate: int,
    seen: dict[bytes, str] | None = None,
    advance: Callable[[Utterance], None] | None = None,
) -> Iterator[Finding]:
    """Decode every utterance: unreadable files, untrue durations, silence, clipping, the same sound twice.

    Args:
        utterances: what to read, in parallel threads, some hundred at a time.
        sample_rate: what the model wants, in Hz.
        seen: digests of sounds heard so far, and whose they were, where a manifest is checked in pieces.
        advance: called after each utterance, for a progress bar.
    """
    seen = {} if seen is None else seen
    for utterance, (findings, digest) in _inspect_all(utterances, sample_rate=sample_rate):
        yield from findings
        if digest is not None:
            first = seen.setdefault(digest, utterance.id)
            if first != utterance.id:
                yield Finding("warning", utterance.id, f"the same samples as utt {first}")
        if advance is not None:
            advance(utterance)


def _inspect_all(
    utterances: Iterable[Utterance], *, sample_rate: int
) -> Iterator[tuple[Utterance, tuple[list[Finding], bytes | None]]]:
    """Inspect in parallel threads, results in order, a window of utterances in memory."""
    pending: deque[tuple[Utterance, Future[tuple[list[Finding], bytes | None]]]] = deque()
    with ThreadPoolExecutor() as pool:
        for utterance in utterances:
            pending.append((utterance, pool.submit(_inspect, utterance, sample_rate=sample_rate)))
            if len(pending) >= _WINDOW:
                first, future = pending.popleft()
                yield first, future.result()
        for first, future in pending:
            yield first, future.result()


def _inspect(utterance: Utterance, *, sample_rate: int) -> tuple[list[Finding], bytes | None]:
    """Findings about one utterance's sound, and a digest of its samples (None when unreadable)."""
    findings = []
    try:
        with open_audio(utterance.audio) as file:
            info = file.info
            rest = info.duration - utterance.start
            if utterance.duration > rest + _TOLERANCE:
                message = (
                    f"{utterance.audio}: the manifest says {utterance.duration:.3f} s from {utterance.start:.3f} s, "
                    f"the file ends {rest:.3f} s from there"
                )
                return [Finding("error", utterance.id, message)], None
            waveform = file.read(
                sample_rate=info.sample_rate,
                start=utterance.start,
                duration=utterance.duration,
                channel=utterance.channel,
            )
    except AudioError as error:
        return [Finding("error", utterance.id, str(error))], None
    if utterance.start == 0 and "end" not in utterance.extras and rest - utterance.duration > 1.0:
        message = f"{rest - utterance.duration:.2f} s of the file are not used"
        findings.append(Finding("warning", utterance.id, message))
    if info.sample_rate < sample_rate:
        message = f"recorded at {info.sample_rate} Hz, the model wants {sample_rate} Hz"
        findings.append(Finding("warning", utterance.id, message))
    peak = float(np.max(np.abs(waveform)))
    if peak < 1e-4:
        findings.append(Finding("warning", utterance.id, f"silent: the loudest sample is {peak:.6f}"))
    elif float((abs(waveform) >= 0.999).mean()) > 0.01:
        findings.append(
            Finding("warning", utterance.id, "clipped: over 1 % of the samples are at full scale")
        )
    return findings, hashlib.blake2b(waveform.tobytes(), digest_size=8).digest()


def check_speakers(splits: Mapping[str, Iterable[Utterance]]) -> Iterator[Finding]:
    """Speakers who are in more than one split."""
    homes: dict[str, str] = {}
    for split, utterances in splits.items():
        reported = set()
        for utterance in utterances:
            if utterance.speaker is None or utterance.speaker in reported:
                continue
            home = homes.setdefault(utterance.speaker, split)
            if home != split:
                reported.add(utterance.speaker)
                yield Finding(
                    "warning", utterance.id, f"speaker {utterance.speaker} of {split} is also in {home}"
                )
