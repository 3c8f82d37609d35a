"""A recording and its text -> when each word and each phone is spoken, and where the two do not fit together."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr.alignment.misfits import find_misfits
from asr.alignment.phone_models import PhoneModels
from asr.alignment.spelling import LetterSpeller, PhoneSpeller, SpelledText, Speller
from asr.alignment.text_path import BELIEVED, USUAL, Prices, TextPath, align_text
from asr.alignment.timing import unit_times
from asr.cache import content_digest, settings_digest
from asr.data.audio import open_audio
from asr.decoding.confidence import Calibration
from asr.decoding.emission import join
from asr.decoding.hypothesis import AlignedWord, TimedUnit
from asr.errors import DecodingError
from asr.transcription.emitter import Emitter
from asr.transcription.transcript import Misfit, Transcription, gather_segments
from asr.transcription.windows import emit_blocks

if TYPE_CHECKING:
    from asr.alignment.cepstra import Cepstra


@dataclass(frozen=True, slots=True)
class Alignment:
    """A text on a recording.

    Attributes:
        words: those that are spoken, as the text writes them, in order.
        misfits: where text and sound do not fit, in order of time.
        duration: of the recording, seconds.
        guessed: words whose pronunciation is guessed, with their phones and where they are from.
    """

    words: tuple[AlignedWord, ...]
    misfits: tuple[Misfit, ...]
    duration: float
    guessed: Mapping[str, str]

    def transcription(self) -> Transcription:
        """The same as what is rendered in a format, its words in segments."""
        return replace(gather_segments(self.words, duration=self.duration), misfits=self.misfits)


class _Heard:
    """Blocks of a waveform on their way to the network: counted, and read for their features, so that nothing holds them all."""

    def __init__(self, blocks: Iterable[np.ndarray], cepstra: "Cepstra | None") -> None:
        self._blocks, self._cepstra = blocks, cepstra
        self.samples = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self.samples += len(block)
            if self._cepstra is not None:
                self._cepstra.feed(block)
            yield block

    def features(self) -> np.ndarray | None:
        """`(T, D)` of the models of phones, when all blocks have gone by; None without models."""
        return None if self._cepstra is None else self._cepstra.finish()


class Aligner:
    """Aligns texts with recordings, by the phones of a network that hears them and has pronunciations, else by its letters.

    Args:
        emitter: the network.
        pronunciations: a dictionary in CMUdict's format; None for letters.
        own_pronunciations: one of the user's own, whose words go before the others'; in the model's phones, or in CMUdict's.
        phone_models: where phones begin and end; None goes by the network's frames.
        prices: of what does not fit; None believes the text.
        language: of figures in a text, as num2words has it.

    Raises:
        UsageError: num2words has no such language.
        TranscriptError: a dictionary cannot be read.
        DecodingError: a dictionary of one's own for a model that hears letters alone, or with phones that it lacks.
    """

    def __init__(
        self,
        emitter: Emitter,
        *,
        pronunciations: str | Path | None = None,
        own_pronunciations: str | Path | None = None,
        phone_models: PhoneModels | None = None,
        prices: Prices | None = USUAL,
        language: str = "en",
    ) -> None:
        info = emitter.info
        if own_pronunciations is not None and not info.phones:
            raise DecodingError(
                f"{own_pronunciations}: this model hears letters alone; leave the pronunciations out"
            )
        if info.decoder_network is not None:
            raise DecodingError(
                f"aligning needs a CTC model; this one decodes with its {info.decoder_network} network"
            )
        self._emitter = emitter
        self._prices = BELIEVED if prices is None else prices
        self._dictionaries = [path for path in (pronunciations, own_pronunciations) if path is not None]
        self._hears_phones = bool(info.phones and self._dictionaries)
        self._speller: Speller = LetterSpeller(info.tokenizer, language)
        if self._hears_phones:
            self._speller = PhoneSpeller(info.phones, pronunciations, own_pronunciations, language)
        self.phone_models = phone_models if self._hears_phones else None
        if self.phone_models is not None and self.phone_models.phones != info.phones:
            raise DecodingError("phone models of other phones than the network's; train them for it again")

    def with_phone_models(self, models: PhoneModels | None) -> "Aligner":
        """The same with other models of phones; without any, boundaries are halfway between the network's peaks."""
        other = copy.copy(self)
        other.phone_models = models
        return other

    def fingerprint(self) -> str:
        """The same for aligners that put the same words of the same emission at the same places. Raises AsrError: a file cannot be read."""
        models = None if self.phone_models is None else self.phone_models.fingerprint()
        everything = [
            *(content_digest(Path(path)) for path in self._dictionaries),
            models,
            asdict(self._prices),
            self._speller.language,
        ]
        return settings_digest(everything)

    def align_file(
        self,
        path: str | Path,
        text: str,
        *,
        start: float = 0.0,
        duration: float | None = None,
        channel: int | None = None,
    ) -> Alignment:
        """Align a file of any length, or a stretch of it.

        Args:
            path: the file.
            text: what is said.
            start, duration: seconds, of the stretch; to the end of the file when `duration` is None. Times count from its beginning.
            channel: of the file, counted from 0; None mixes all of them.

        Raises:
            AudioError: unreadable, or no such stretch.
            TranscriptError, DecodingError: as `align_blocks`.
        """
        with open_audio(path) as audio:
            blocks = audio.blocks(
                sample_rate=self._emitter.info.sample_rate, start=start, duration=duration, channel=channel
            )
            return self.align_blocks(blocks, text, where=str(path))

    def align_blocks(self, blocks: Iterable[np.ndarray], text: str, *, where: str = "waveform") -> Alignment:
        """Align a waveform that comes in blocks.

        Args:
            blocks: `(N_i,)` float32 samples at the model's rate.
            text: what is said, as it may be written.
            where: the beginning of error messages.

        Raises:
            AudioError: too short for one frame.
            TranscriptError: no words, or words that the model can neither say nor spell; they are named.
            DecodingError: the text does not fit into the recording.
        """
        spelled = self._speller.spell(text)
        info = self._emitter.info
        cepstra = None
        if self.phone_models is not None:
            from asr.alignment.cepstra import Cepstra

            cepstra = Cepstra(info.sample_rate)
        heard = _Heard(blocks, cepstra)
        emission = join(list(emit_blocks(self._emitter, heard, where=where)))
        log_probs = emission.phones if self._hears_phones else emission.letters
        assert log_probs is not None
        try:
            path = align_text(
                log_probs,
                [[way.tokens for way in ways] for ways in spelled.ways],
                log_shares=[[way.log_share for way in ways] for ways in spelled.ways],
                prices=self._prices,
                separator=self._speller.separator,
            )
        except DecodingError as error:
            raise DecodingError(f"{where}: {error}") from None
        duration = heard.samples / info.sample_rate
        times = unit_times(
            spelled,
            path,
            seconds_per_frame=info.seconds_per_frame,
            duration=duration,
            models=self.phone_models,
            features=heard.features(),
        )
        words = self._words(spelled, path, times)
        misfits = find_misfits(
            spelled,
            path,
            words,
            log_probs,
            separator=self._speller.separator,
            seconds_per_frame=info.seconds_per_frame,
            duration=duration,
        )
        said = tuple(word for word in words if word is not None)
        return Alignment(said, misfits, duration, spelled.guessed)

    def _words(
        self, text: SpelledText, path: TextPath, times: Sequence[np.ndarray | None]
    ) -> list[AlignedWord | None]:
        """Each word of the text with its times; None for one that is left out."""
        symbols = self._speller.symbols
        calibration = Calibration() if self.phone_models is None else self.phone_models.calibration
        words: list[AlignedWord | None] = []
        for written, ways, placed, own in zip(text.words, text.ways, path.words, times, strict=True):
            if placed is None or own is None:
                words.append(None)
                continue
            units = tuple(
                TimedUnit(symbols[token], round(float(start), 3), round(float(end), 3))
                for token, (start, end) in zip(ways[placed.way].tokens, own, strict=True)
                if symbols[token] != " "
            )
            words.append(
                AlignedWord(
                    written.text,
                    units[0].start,
                    units[-1].end,
                    round(calibration(float(np.exp(-placed.evidence))), 4),
                    *((), units) if self._hears_phones else (units, ()),
                )
            )
        return words
