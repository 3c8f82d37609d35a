"""A checkpoint, ready to transcribe: the same model and decoder that training and evaluation use."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asr.allocator import keep_few_kernels
from asr.data.audio import read_audio, read_utterance, resample
from asr.data.batching import pad_waveforms
from asr.data.manifest import Utterance
from asr.decoding.alphabet import Alphabet
from asr.decoding.decoder import Decoder
from asr.decoding.hypothesis import Hypothesis
from asr.decoding.options import DecodingOptions, tuned_options
from asr.decoding.phones.decoder import PhoneDecoder
from asr.decoding.word_times import TimedWord, time_words
from asr.errors import AsrError, AudioError, DecodingError, UsageError
from asr.model.acoustic import Emission
from asr.model.checkpoint import Checkpoint, load_checkpoint
from asr.model.precision import Precision, autocast
from asr.model.pretrained import default_model
from asr.model.quantisation import TranscriptionPrecision, quantise
from asr.model.recognition import recognise


class Transcribed(NamedTuple):
    """What became of one utterance: a hypothesis, or the error that stood in the way."""

    utterance: Utterance
    hypothesis: Hypothesis | None
    error: AsrError | None


def load(
    checkpoint: str | Path | None = None,
    *,
    decoding: DecodingOptions | None = None,
    device: str = "auto",
    precision: TranscriptionPrecision = "auto",
) -> "Transcriber":
    """Load a checkpoint for transcription.

    Args:
        checkpoint: a file that training wrote, such as RUN/checkpoints/best.pt; None takes the model that
            ships with the package.
        decoding: how log-probabilities become text; by default as `asr lm tune` found best for the checkpoint,
            and greedy where it has not been run.
        device: "cpu", "cuda", or "auto" for a GPU where there is one.
        precision: "float32", "bfloat16", "int8" (weights rounded; CPU only), or "auto" for bfloat16 where the
            hardware multiplies it.

    Raises:
        CheckpointError: missing, not a checkpoint, of a newer version, or broken.
        UsageError: no checkpoint named, and this build of the package has none.
    """
    keep_few_kernels()
    if checkpoint is None:
        checkpoint = default_model()
        if checkpoint is None:
            raise UsageError(
                "this build has no model of its own; name one: --model CKPT, or asr.load(CKPT) "
                "(`asr train` writes RUN/checkpoints/best.pt)"
            )
    if decoding is None:
        decoding = tuned_options(checkpoint)
    return Transcriber(load_checkpoint(checkpoint), decoding=decoding, device=device, precision=precision)


def choose_device(name: str) -> torch.device:
    """The device called "cpu", "cuda" or "cuda:1"; "auto" is a GPU where there is one.

    Raises:
        UsageError: no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"device {name!r} cannot be used here ({reason}); expected cpu, cuda or auto"
        ) from None
    return device


class Transcriber:
    """Turns waveforms and files into hypotheses. Arguments as `load`, but the checkpoint already read."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        decoding: DecodingOptions | None = None,
        device: str = "auto",
        precision: TranscriptionPrecision = "auto",
    ) -> None:
        self.device = choose_device(device)
        self.model = checkpoint.model.to(self.device).eval()
        if precision == "int8":
            if self.device.type != "cpu":
                raise UsageError(f"precision int8 works on the CPU alone; the device is {self.device}")
            self.model = quantise(self.model)
        self.tokenizer = checkpoint.tokenizer
        self.notes = checkpoint.notes
        self.precision = precision
        self._take(decoding or DecodingOptions())

    def with_options(self, decoding: DecodingOptions) -> "Transcriber":
        """The same model with another decoder. Raises as `load`."""
        other = copy.copy(self)
        other._take(decoding)
        return other

    def _take(self, decoding: DecodingOptions) -> None:
        if self.model.objective is not None and decoding.uses_external_knowledge:
            raise DecodingError(
                f"this model decodes with its {self.model.config.objective.kind} network, which takes no language "
                "model, lexicon or hot words; leave them out, or take a model trained with objective.kind ctc"
            )
        self.decoding = decoding
        by_phones = decoding.pronunciations is not None
        self.phone_decoder = self._make_phone_decoder() if by_phones else None
        self._letter_decoder = None if by_phones else self._make_letter_decoder()

    def _make_phone_decoder(self) -> PhoneDecoder:
        phones = self.model.config.phones
        if not phones:
            raise DecodingError(
                "this model hears letters alone, and pronunciations need one that hears phones; leave them out, or "
                "train with auxiliary.pronunciations and auxiliary.layer the last one"
            )
        return PhoneDecoder(self.decoding, phones, self.alphabet, seconds_per_frame=self.seconds_per_frame)

    @property
    def decoder(self) -> Decoder:
        """The decoder of `emit`'s letters: for alignments and pictures where transcripts come from phones."""
        if self._letter_decoder is None:
            self._letter_decoder = self._make_letter_decoder()
        return self._letter_decoder

    def _make_letter_decoder(self) -> Decoder:
        return Decoder(
            replace(self.decoding, pronunciations=None),
            self.tokenizer,
            seconds_per_frame=self.seconds_per_frame,
        )

    @property
    def alphabet(self) -> Alphabet:
        """What `emit` gives log-probabilities of."""
        return Alphabet.of(self.tokenizer)

    def decode(self, heard: Sequence[np.ndarray], *, threads: int = 1) -> list[Hypothesis]:
        """Hypotheses of what `hear` gave where it gave log-probabilities, the beam search over threads."""
        return (self.phone_decoder or self.decoder).decode_batch(heard, threads=threads)

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that the model works at; other rates are resampled."""
        return self.model.sample_rate

    @property
    def seconds_per_frame(self) -> float:
        """Time from one frame of the emission to the next."""
        return self.model.seconds_per_frame

    @property
    def minimum_samples(self) -> int:
        """The shortest waveform that gives a frame."""
        return self.model.minimum_samples

    def transcribe(self, audio: str | Path | np.ndarray, *, sample_rate: int | None = None) -> Hypothesis:
        """Transcribe one recording.

        Args:
            audio: a file, or a `(N,)` float waveform in [-1, 1].
            sample_rate: of a waveform, in Hz; the model's when None. Files know their own.

        Raises:
            AudioError: unreadable, empty, too short for one frame, or holding NaN.
        """
        if isinstance(audio, np.ndarray):
            waveform = self._prepare(audio, sample_rate)
        else:
            waveform = read_audio(audio, sample_rate=self.sample_rate)
            self.check_length(waveform, str(audio))
        return self.recognise([waveform])[0]

    def transcribe_utterances(
        self, utterances: Sequence[Utterance], *, seconds_per_batch: float = 120.0
    ) -> Iterator[Transcribed]:
        """Transcribe many utterances, like lengths together, within a budget of padded seconds a batch.

        A file that cannot be read comes back with its error and stops nobody else. Results come in the
        order they are ready in: longest first, unless their durations are all alike.
        """
        waiting: list[tuple[Utterance, np.ndarray]] = []
        for utterance in sorted(utterances, key=lambda utterance: -utterance.duration):
            try:
                waveform = self.read_utterance(utterance)
            except AsrError as error:
                yield Transcribed(utterance, None, error)
                continue
            longest = max(len(waveform), *(len(other) for _, other in waiting)) if waiting else len(waveform)
            if waiting and longest * (len(waiting) + 1) > seconds_per_batch * self.sample_rate:
                yield from self._finish(waiting)
                waiting = []
            waiting.append((utterance, waveform))
        yield from self._finish(waiting)

    def read_utterance(self, utterance: Utterance) -> np.ndarray:
        """The `(N,)` waveform of an utterance, long enough for a frame. Raises AudioError as `transcribe`."""
        waveform = read_utterance(utterance, sample_rate=self.sample_rate)
        self.check_length(waveform, str(utterance.audio))
        return waveform

    def emit_utterance(self, utterance: Utterance) -> np.ndarray:
        """Natural-log probabilities `(T', V)` float32 of one utterance. Raises AudioError as `transcribe`."""
        return self.emit([self.read_utterance(utterance)])[0]

    def _finish(self, waiting: Sequence[tuple[Utterance, np.ndarray]]) -> Iterator[Transcribed]:
        hypotheses = self.recognise([waveform for _, waveform in waiting]) if waiting else []
        for (utterance, _), hypothesis in zip(waiting, hypotheses, strict=True):
            yield Transcribed(utterance, hypothesis, None)

    @property
    def decodes_emissions(self) -> bool:
        """Whether transcripts come from the emission alone, and not from a decoder network beside it."""
        return self.model.objective is None

    def hear(self, waveforms: Sequence[np.ndarray]) -> Sequence[np.ndarray | Hypothesis]:
        """The network's part of transcribing `(N,)` waveforms at the model's rate: log-probabilities for `decode`,
        `(T', V)` or `(T', P + V)` with phones, or finished hypotheses where a decoder network makes them."""
        if not self.decodes_emissions:
            return self.recognise(waveforms)
        return self.emit_with_phones(waveforms) if self.phone_decoder is not None else self.emit(waveforms)

    def recognise(self, waveforms: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Hypotheses of `(N,)` waveforms at the model's rate, by its transducer or attention decoder if it has one."""
        if self.decodes_emissions:
            hear = self.emit if self.phone_decoder is None else self.emit_with_phones
            return self.decode(hear(waveforms))
        beam_width = self.decoding.beam_width if self.decoding.method == "beam" else 1
        padded, lengths = pad_waveforms(waveforms)
        with torch.inference_mode(), autocast(self.device, self._network_precision):
            recognitions = recognise(
                self.model, padded.to(self.device), lengths.to(self.device), beam_width=beam_width
            )
        return [
            self.decoder.hypothesis(log_probs.cpu().numpy(), found.tokens, found.score)
            for log_probs, found in recognitions
        ]

    def emit(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Natural-log probabilities `(T', V)` float32 of each `(N,)` waveform at the model's rate."""
        return self._emit(self.model, waveforms)

    def emit_with_phones(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The same by a model that hears phones, `(T', P + V)`: their columns, then those of `emit`."""
        return self._emit(self.model.forward_with_phones, waveforms)

    def _emit(
        self, network: Callable[[Tensor, Tensor], Emission], waveforms: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        padded, lengths = pad_waveforms(waveforms)
        with torch.inference_mode(), autocast(self.device, self._network_precision):
            emission = network(padded.to(self.device), lengths.to(self.device))
        rows = emission.log_probs.cpu().numpy()
        return [row[:length] for row, length in zip(rows, emission.lengths.tolist(), strict=True)]

    def align(self, log_probs: np.ndarray, tokens: Sequence[int]) -> tuple[TimedWord, ...]:
        """The words of a known text, with their times, where an emission `(T', V)` of this model has them.

        Raises:
            DecodingError: NaN, or more tokens than the frames can hold.
        """
        return time_words(
            log_probs,
            tokens,
            alphabet=self.alphabet,
            seconds_per_frame=self.seconds_per_frame,
            calibration=self.decoding.calibration,
        )

    @property
    def _network_precision(self) -> Precision:
        # int8 layers take and give float32.
        return "float32" if self.precision == "int8" else self.precision

    def _prepare(self, waveform: np.ndarray, sample_rate: int | None) -> np.ndarray:
        if waveform.ndim != 1:
            raise AudioError(f"waveform of shape {waveform.shape}; expected (samples,), one channel")
        if not np.issubdtype(waveform.dtype, np.floating):
            raise AudioError(f"waveform of {waveform.dtype}; expected floats in [-1, 1]")
        if not np.isfinite(waveform).all():
            raise AudioError("waveform holds NaN or infinity; expected values in [-1, 1]")
        waveform = waveform.astype(np.float32)
        if sample_rate not in (None, self.sample_rate):
            waveform = resample(waveform, sample_rate, self.sample_rate)
        self.check_length(waveform, "waveform")
        return waveform

    def check_length(self, waveform: np.ndarray, where: str) -> None:
        """Raise AudioError, beginning with `where`, unless a waveform is long enough for a frame."""
        if len(waveform) < self.minimum_samples:
            raise AudioError(
                f"{where}: {len(waveform)} samples at {self.sample_rate} Hz; expected at least "
                f"{self.minimum_samples} ({self.minimum_samples / self.sample_rate:.3f} s)"
            )
