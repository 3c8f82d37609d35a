"""A model, ready to transcribe: an emitter and a decoder."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr.alignment.aligner import Aligner, Alignment
from asr.alignment.phone_models import read_phone_models
from asr.alignment.text_path import USUAL, Prices
from asr.companions import Companion
from asr.data.audio import read_utterance, resample
from asr.data.manifest import Utterance
from asr.data.tokenizer import Tokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Hypothesis
from asr.decoding.options import DecodingOptions, file_fields, tuned_options
from asr.errors import AudioError, DecodingError, UsageError
from asr.transcription.batches import plan_batches
from asr.transcription.channels import Channels
from asr.transcription.emitter import Emitter, EmitterInfo
from asr.transcription.onnx_emitter import OnnxEmitter
from asr.transcription.pipeline import Outcome, transcribe_recordings, transcribe_waveform
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.recordings import Recording
from asr.transcription.silence import emit_sound
from asr.transcription.transcript import Alternatives, Transcription
from asr.writing.tagger import Tagger

if TYPE_CHECKING:
    from asr.model.acoustic import AcousticModel
    from asr.transcription.torch_emitter import TorchEmitter


def build_decoder(info: EmitterInfo, options: DecodingOptions) -> Decoder:
    """The decoder of a network's emissions. Raises DecodingError for options that do not fit it."""
    check_fit(info, options)
    return Decoder(options, info.tokenizer, seconds_per_frame=info.seconds_per_frame, phones=info.phones)


def check_fit(info: EmitterInfo, options: DecodingOptions) -> None:
    """Raise DecodingError where a network decodes by itself, and the options ask for more."""
    if info.decoder_network is not None and options.uses_external_knowledge:
        raise DecodingError(
            f"this model decodes with its {info.decoder_network} network, which takes no language "
            "model, lexicon or hot words; leave them out, or take a model trained with objective.kind ctc"
        )


class Transcriber:
    """Turns waveforms and files into hypotheses.

    Args:
        emitter: waveforms -> emissions.
        decoder: emissions -> hypotheses; of the same model (see `build_decoder`).
        tagger: recognised words -> marks, capitals and figures; None leaves transcriptions as they are recognised.
        source: the file of the model, beside which lie pronunciations and models of phones for `align`.
    """

    def __init__(
        self, emitter: Emitter, decoder: Decoder, tagger: Tagger | None = None, *, source: Path | None = None
    ) -> None:
        self.emitter = emitter
        self.decoder = decoder
        self.tagger = tagger
        self.source = source

    def with_options(self, options: DecodingOptions) -> "Transcriber":
        """The same network with other decoding; what files it names are read if they are others. Raises DecodingError as `load`."""
        own = self.options
        check_fit(self.emitter.info, options)
        same = all(getattr(own, name) == getattr(options, name) for name in ("method", *file_fields()))
        if same and (options.phrases or not own.phrases):  # which leave most files unread
            decoder = self.decoder.with_options(options)
        else:
            decoder = build_decoder(self.emitter.info, options)
        return Transcriber(self.emitter, decoder, self.tagger, source=self.source)

    @property
    def options(self) -> DecodingOptions:
        """How log-probabilities become text."""
        return self.decoder.options

    @property
    def model(self) -> "AcousticModel":
        """The network itself. Raises CheckpointError as `torch_emitter`."""
        return self.torch_emitter.model

    @property
    def torch_emitter(self) -> "TorchEmitter":
        """The network in PyTorch: of an ONNX file beside its checkpoint that of the checkpoint. Raises CheckpointError for an ONNX file alone."""
        if isinstance(self.emitter, OnnxEmitter):
            return self.emitter.original
        from asr.transcription.torch_emitter import TorchEmitter

        assert isinstance(self.emitter, TorchEmitter)
        return self.emitter

    @property
    def tokenizer(self) -> Tokenizer:
        """Of the letters."""
        return self.emitter.info.tokenizer

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that the model works at; other rates are resampled."""
        return self.emitter.info.sample_rate

    @property
    def seconds_per_frame(self) -> float:
        """Time from one frame of the emission to the next."""
        return self.emitter.info.seconds_per_frame

    @property
    def minimum_samples(self) -> int:
        """The shortest waveform that gives a frame."""
        return self.emitter.info.minimum_samples

    def transcribe(
        self,
        audio: str | Path | np.ndarray,
        *,
        sample_rate: int | None = None,
        pipeline: PipelineConfig | None = None,
        channels: Channels | None = None,
        allow_truncated: bool = False,
    ) -> Hypothesis:
        """Recognise what is said in one recording of any length: the words as they are recognised, which is what is scored.

        Args:
            audio: a file (audio, video or a pipe), or a `(N,)` float waveform in [-1, 1].
            sample_rate: of a waveform, in Hz; the model's when None. Files know their own.
            pipeline: where long recordings are cut.
            channels: of a file: "mix", "separate", "auto", "1" or "2", in place of the pipeline's (see `PipelineConfig`).
            allow_truncated: take what is there of a file that was cut short, with a warning.

        Raises:
            AudioError: unreadable, cut short, empty, too short for one frame, holding NaN, or without the channel.
            UsageError: `channels` something else.
        """
        return self._transcribe(
            audio, sample_rate, _with_channels(pipeline, channels), allow_truncated=allow_truncated
        ).result()

    def transcription(
        self,
        audio: str | Path | np.ndarray,
        *,
        sample_rate: int | None = None,
        pipeline: PipelineConfig | None = None,
        channels: Channels | None = None,
        allow_truncated: bool = False,
    ) -> Transcription:
        """What `asr transcribe` writes of a recording: a text that is to be read where there is a tagger, its segments and words.

        Args and errors are those of `transcribe`.
        """
        outcome = self._transcribe(
            audio, sample_rate, _with_channels(pipeline, channels), allow_truncated=allow_truncated
        )
        outcome.result()
        assert outcome.transcription is not None
        return outcome.transcription

    def alternatives(
        self,
        audio: str | Path | np.ndarray,
        n_best: int,
        *,
        sample_rate: int | None = None,
        pipeline: PipelineConfig | None = None,
    ) -> tuple[Alternatives, ...]:
        """What may have been said in a recording of any length, as `asr transcribe --n-best` has it.

        One of a recording that goes through the network whole; else one for each stretch that it is cut into. Greedy
        decoding and decoder networks have one text a stretch.

        Args:
            audio: as `transcribe` takes it.
            sample_rate: as `transcribe` takes it.
            pipeline: as `transcribe` takes it.
            n_best: texts of a stretch at most, 2 or more.

        Raises:
            AudioError: as `transcribe`.
            UsageError: `n_best` below 2.
        """
        if n_best < 2:
            raise UsageError(f"n-best {n_best}; expected at least 2, for `transcribe` gives the best alone")
        several = replace(pipeline or PipelineConfig(), n_best=n_best)
        return self.transcription(audio, sample_rate=sample_rate, pipeline=several).alternatives

    def _transcribe(
        self,
        audio: str | Path | np.ndarray,
        sample_rate: int | None,
        pipeline: PipelineConfig,
        *,
        allow_truncated: bool = False,
    ) -> Outcome:
        if isinstance(audio, np.ndarray):
            return transcribe_waveform(self, self._prepare(audio, sample_rate), config=pipeline)
        recording = Recording("recording", Path(audio), str(audio), None, allow_truncated=allow_truncated)
        [outcome] = transcribe_recordings(self, [[recording]], config=pipeline)
        return outcome

    def transcribe_utterances(
        self, utterances: Sequence[Utterance], *, pipeline: PipelineConfig | None = None
    ) -> Iterator[Outcome]:
        """Transcribe many utterances, as `asr transcribe` does with a manifest.

        A file that cannot be read comes back with its error and does not stop the others. Outcomes come in the order
        they are ready in: longest first. Their `recording.name` is the utterance's id.
        """
        pipeline = pipeline or PipelineConfig()
        recordings = [Recording.of(utterance) for utterance in utterances]
        batches = plan_batches(
            recordings, longest=pipeline.windowing.longest, seconds_per_batch=pipeline.seconds_per_batch
        )
        return transcribe_recordings(self, batches, config=pipeline)

    def recognise(self, waveforms: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Hypotheses of `(N,)` waveforms at the model's rate, each in one pass of the network."""
        return self.decoder.decode_batch(self.emit(waveforms))

    def emit(self, waveforms: Sequence[np.ndarray]) -> list[Emission]:
        """All that decoding needs of `(N,)` waveforms at the model's rate. Where there is hardly any sound, nobody speaks."""
        beam = self.options.beam_width if self.options.method == "beam" else 1
        return emit_sound(self.emitter, waveforms, network_beam=beam)

    def read_utterance(self, utterance: Utterance) -> np.ndarray:
        """The `(N,)` waveform of an utterance, long enough for a frame. Raises AudioError as `transcribe`."""
        waveform = read_utterance(utterance, sample_rate=self.sample_rate)
        self.check_length(waveform, str(utterance.audio))
        return waveform

    def emit_utterance(self, utterance: Utterance) -> Emission:
        """The emission of one utterance in one pass, without a decoder network's text. Raises AudioError."""
        return self.emitter.emit([self.read_utterance(utterance)])[0]

    def aligner(
        self,
        *,
        pronunciations: str | Path | None = None,
        prices: Prices | None = USUAL,
        language: str = "en",
    ) -> Aligner:
        """What aligns texts with recordings, by phones where the model hears them and its tuned options name pronunciations.

        Args:
            pronunciations: a dictionary of one's own, whose words go before the model's.
            prices: of what does not fit together; None believes the text.
            language: of figures in a text, as num2words has it.

        Raises:
            UsageError: num2words has no such language.
            DecodingError: as `Aligner`; or the files beside the model are broken.
            TranscriptError: a dictionary cannot be read.
        """
        dictionary, models = self.options.pronunciations, None
        if self.source is not None:
            dictionary = tuned_options(self.source).pronunciations or dictionary
            path = Companion.PHONE_MODELS.find(self.source)
            models = None if path is None else read_phone_models(path)
        return Aligner(
            self.emitter,
            pronunciations=dictionary,
            own_pronunciations=pronunciations,
            phone_models=models,
            prices=prices,
            language=language,
        )

    def align(
        self,
        audio: str | Path | np.ndarray,
        text: str,
        *,
        sample_rate: int | None = None,
        pronunciations: str | Path | None = None,
        prices: Prices | None = USUAL,
        language: str = "en",
    ) -> Alignment:
        """When each word and phone of a text is spoken in a recording of any length, as `asr align` does; for many, `aligner` once.

        Args:
            audio: a file, or a `(N,)` float waveform in [-1, 1].
            text: what is said, as it may be written.
            sample_rate: of a waveform, in Hz; the model's when None.
            pronunciations, prices, language: as `aligner` takes them.

        Raises:
            AudioError: as `transcribe`.
            TranscriptError: no words in the text, or words that the model can neither say nor spell.
            DecodingError: as `aligner`; or the text does not fit into the recording.
            UsageError: as `aligner`.
        """
        aligner = self.aligner(pronunciations=pronunciations, prices=prices, language=language)
        if isinstance(audio, np.ndarray):
            return aligner.align_blocks([self._prepare(audio, sample_rate)], text)
        return aligner.align_file(audio, text)

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


def _with_channels(pipeline: PipelineConfig | None, channels: Channels | None) -> PipelineConfig:
    pipeline = pipeline or PipelineConfig()
    return pipeline if channels is None else replace(pipeline, channels=channels)
