"""A recording and its text -> when each word and each phone is spoken, and where the two do not fit together."""

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asr.data.american_phones import from_arpabet
from asr.data.audio import open_audio
from asr.data.pronouncing import Pronouncer
from asr.data.pronunciation import read_all_pronunciations
from asr.data.spoken_forms import NumbersUnspelled, TextWord, words_said, written_words
from asr.decoding.alphabet import Alphabet
from asr.decoding.confidence import Calibration
from asr.decoding.emission import join
from asr.decoding.hypothesis import AlignedWord, TimedUnit
from asr.decoding.phone_models import HOP, PhoneModels
from asr.decoding.text_alignment import BELIEVED, USUAL, PlacedWord, Prices, TextPath, align_text
from asr.errors import DecodingError, TranscriptError
from asr.transcription.cepstra import Cepstra
from asr.transcription.transcript import NOT_IN_TEXT, NOT_SPOKEN, Misfit, Transcription, gather_segments
from asr.transcription.windows import emit_blocks

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

Ways = Sequence[tuple[str, ...]]

_MOST_WAYS = 48  # of a written word; of one with more, later words are said in their first way alone
_REACH = 0.12  # seconds that a unit goes on beyond its peak, where there are no models of phones


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

    def __init__(self, blocks: Iterable[np.ndarray], cepstra: Cepstra | None) -> None:
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


class _Text(NamedTuple):
    """A text as the network hears it: its written words, the ways of each in token ids, and where in a way each said word begins."""

    words: list[TextWord]
    ways: list[list[list[int]]]
    begins: list[list[frozenset[int]]]
    guessed: dict[str, str]


class Aligner:
    """Aligns texts with recordings, by the phones of a network that hears them and has pronunciations, else by its letters.

    Args:
        transcriber: the model.
        pronunciations: a dictionary in CMUdict's format; None for letters.
        own_pronunciations: one of the user's own, whose words go before the others'; in the model's phones, or in CMUdict's.
        phone_models: where phones begin and end; None goes by the network's frames.
        prices: of what does not fit; None believes the text.

    Raises:
        TranscriptError: a dictionary cannot be read.
        DecodingError: a dictionary of one's own for a model that hears letters alone, or with phones that it lacks.
    """

    def __init__(
        self,
        transcriber: "Transcriber",
        *,
        pronunciations: str | Path | None = None,
        own_pronunciations: str | Path | None = None,
        phone_models: PhoneModels | None = None,
        prices: Prices | None = USUAL,
    ) -> None:
        info = transcriber.emitter.info
        self.transcriber = transcriber
        self._dictionary = pronunciations
        self._prices = BELIEVED if prices is None else prices
        self.hears_phones = bool(info.phones) and (pronunciations or own_pronunciations) is not None
        self._phone_models = phone_models if self.hears_phones else None
        if own_pronunciations is not None and not info.phones:
            raise DecodingError(
                f"{own_pronunciations}: this model hears letters alone; leave the pronunciations out"
            )
        if info.decoder_network is not None:
            raise DecodingError(
                f"aligning needs a CTC model; this one decodes with its {info.decoder_network} network"
            )
        self._own = {} if own_pronunciations is None else read_all_pronunciations(own_pronunciations)
        self._ids = {phone: number for number, phone in enumerate(info.phones, 1)}
        if any(set(way) - self._ids.keys() for ways in self._own.values() for way in ways):
            self._own = {word: [from_arpabet(way) for way in ways] for word, ways in self._own.items()}
        foreign = {phone for ways in self._own.values() for way in ways for phone in way} - self._ids.keys()
        if foreign:
            raise DecodingError(
                f"{own_pronunciations}: has phones that the model lacks, such as {min(foreign)}; the model has "
                f"{' '.join(info.phones)}"
            )
        if self._phone_models is not None and self._phone_models.phones != info.phones:
            raise DecodingError("phone models of other phones than the network's; train them for it again")

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
                sample_rate=self.transcriber.sample_rate, start=start, duration=duration, channel=channel
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
        spelled = self._spell(text)
        transcriber = self.transcriber
        heard = _Heard(blocks, None if self._phone_models is None else Cepstra(transcriber.sample_rate))
        emission = join(list(emit_blocks(transcriber, heard, where=where)))
        log_probs = emission.phones if self.hears_phones else emission.letters
        assert log_probs is not None
        separator = None if self.hears_phones or self._alphabet.space < 0 else self._alphabet.space
        try:
            path = align_text(log_probs, spelled.ways, prices=self._prices, separator=separator)
        except DecodingError as error:
            raise DecodingError(f"{where}: {error}") from None
        duration = heard.samples / transcriber.sample_rate
        times = self._unit_times(spelled, path, heard.features(), duration)
        return self._gather(spelled, path, times, duration)

    def with_calibration(self, calibration: Calibration) -> "Aligner":
        """The same with words' confidence calibrated otherwise, where there are models of phones."""
        other = copy.copy(self)
        if self._phone_models is not None:
            other._phone_models = replace(self._phone_models, calibration=calibration)
        return other

    def without_phone_models(self) -> "Aligner":
        """The same with boundaries halfway between the network's peaks."""
        other = copy.copy(self)
        other._phone_models = None
        return other

    @cached_property
    def _alphabet(self) -> Alphabet:
        return Alphabet.of(self.transcriber.tokenizer)

    @cached_property
    def _pronunciations(self) -> dict[str, Ways]:
        found: dict[str, Ways] = {}
        if self._dictionary is not None:
            found.update(read_all_pronunciations(self._dictionary))
        found.update(self._own)
        return found

    @cached_property
    def _pronouncer(self) -> Pronouncer:
        return Pronouncer(self._pronunciations)

    def _entry(self, word: str) -> Ways | None:
        """The dictionary's ways to say a word, in whatever case it has it."""
        for form in (word, word.upper(), word.lower(), word.capitalize()):
            ways = self._pronunciations.get(form)
            if ways is not None:
                good = [way for way in ways if self._ids.keys() >= set(way)]
                if good:
                    return good
        return None

    def _spell(self, text: str) -> _Text:
        """What the network should hear of a text."""
        tokenizer = self.transcriber.tokenizer

        def can_spell(word: str) -> bool:
            try:
                return bool(tokenizer.encode(_in_case(self._alphabet, word)))
            except TranscriptError:
                return False

        is_known = (lambda word: self._entry(word) is not None) if self.hears_phones else can_spell
        if self._alphabet.units and not self.hears_phones:
            words = [TextWord(unit, ((unit,),)) for unit in text.split()]
        else:
            try:
                words = written_words(text, is_known=is_known)
            except NumbersUnspelled as error:
                raise TranscriptError(
                    f"{error} in the text; `pip install num2words` to have figures spelled out, or write them in words"
                ) from None
        if not words:
            raise TranscriptError("no words in the text; nothing to align")
        guessed: dict[str, str] = {}
        table: dict[str, list[list[int]]] = {}
        missing = []
        for word in words_said(words):
            if self.hears_phones:
                table[word] = [[self._ids[phone] for phone in way] for way in self._say(word, guessed)]
            else:
                table[word] = [tokenizer.encode(_in_case(self._alphabet, word))] if can_spell(word) else []
            if not table[word]:
                missing.append(word)
        if missing:
            how = "say" if self.hears_phones else f"spell (its alphabet is {self._alphabet})"
            raise TranscriptError(
                f"words that the model cannot {how}: {', '.join(missing[:5])}; "
                + ("give them in --pronunciations" if self.hears_phones else "respell them")
            )
        between = [] if self.hears_phones or self._alphabet.space < 0 else [self._alphabet.space]
        combined = [_combine(word, table, between) for word in words]
        return _Text(words, [ways for ways, _ in combined], [begins for _, begins in combined], guessed)

    def _say(self, word: str, guessed: dict[str, str]) -> Ways:
        ways = self._entry(word)
        if ways is not None:
            return ways
        said = self._pronouncer.say(word.upper())
        if not said.phones or not self._ids.keys() >= set(said.phones):
            return []
        guessed[word] = f"{' '.join(said.phones)}, by {said.source}"
        return [said.phones]

    def _unit_times(
        self, text: _Text, path: TextPath, features: np.ndarray | None, duration: float
    ) -> list[np.ndarray | None]:
        """For each word `(L, 2)` seconds of its units; None for one that is left out."""
        rate = self.transcriber.seconds_per_frame
        times: list[np.ndarray | None] = [None] * len(path.words)
        for first, last, start, end in _stretches(path, rate, duration):
            placed = [(at, word) for at, word in enumerate(path.words[first:last], first) if word is not None]
            if not placed:
                continue
            peaks = np.concatenate([word.spans for _, word in placed]) * rate
            found = None
            if self._phone_models is not None and features is not None:
                found = _by_models(self._phone_models, features, text, placed, peaks, start=start, end=end)
            if found is None:
                found = _by_peaks(peaks, duration)
            cuts = np.cumsum([len(word.spans) for _, word in placed])[:-1]
            for (at, _), own in zip(placed, np.split(found, cuts), strict=True):
                times[at] = own
        return times

    def _gather(
        self, text: _Text, path: TextPath, times: Sequence[np.ndarray | None], duration: float
    ) -> Alignment:
        info = self.transcriber.emitter.info
        symbols = ("", *info.phones) if self.hears_phones else self._alphabet.symbols
        calibration = Calibration() if self._phone_models is None else self._phone_models.calibration
        words: list[AlignedWord] = []
        left_out: list[tuple[int, list[int]]] = []  # how many words are before, and which these are
        for at, (written, placed, own) in enumerate(zip(text.words, path.words, times, strict=True)):
            if placed is None or own is None:
                if left_out and left_out[-1][0] == len(words):
                    left_out[-1][1].append(at)
                else:
                    left_out.append((len(words), [at]))
                continue
            way = text.ways[at][placed.way]
            units = tuple(
                TimedUnit(symbols[token], round(float(start), 3), round(float(end), 3))
                for token, (start, end) in zip(way, own, strict=True)
                if symbols[token] != " "
            )
            words.append(
                AlignedWord(
                    written.text,
                    units[0].start,
                    units[-1].end,
                    round(calibration(float(np.exp(-placed.evidence))), 4),
                    *((), units) if self.hears_phones else (units, ()),
                )
            )
        misfits = []
        for before, these in left_out:
            start = words[before - 1].end if before else 0.0
            end = words[before].start if before < len(words) else round(duration, 3)
            said = " ".join(text.words[at].text for at in these)
            misfits.append(Misfit(NOT_SPOKEN, start, max(start, end), said))
        rate = self.transcriber.seconds_per_frame
        for _, first, last in path.fillers.tolist():
            end = round(min(last * rate, duration), 3)
            misfits.append(Misfit(NOT_IN_TEXT, round(first * rate, 3), end, ""))
        misfits.sort(key=lambda one: (one.start, one.end))
        return Alignment(tuple(words), tuple(misfits), duration, text.guessed)


def _in_case(alphabet: Alphabet, word: str) -> str:
    """A word in the letter case that the alphabet has."""
    for form in (word, word.upper(), word.lower()):
        if alphabet.spell(form) is not None:
            return form
    return word


def _combine(
    word: TextWord, table: Mapping[str, list[list[int]]], between: list[int]
) -> tuple[list[list[int]], list[frozenset[int]]]:
    """The ways of a written word: of each reading its words in each of their ways; and where in each a word begins."""
    found: dict[tuple[int, ...], frozenset[int]] = {}
    for reading in word.readings:
        options, count = [], 1
        for said in reading:
            ways = table[said] if count * len(table[said]) <= _MOST_WAYS else table[said][:1]
            count *= len(ways)
            options.append(ways)
        for chosen in itertools.product(*options):
            tokens: list[int] = []
            begins = []
            for way in chosen:
                if tokens:
                    tokens += between
                begins.append(len(tokens))
                tokens += way
            found.setdefault(tuple(tokens), frozenset(begins))
    return [list(tokens) for tokens in found], list(found.values())


def _stretches(path: TextPath, rate: float, duration: float) -> Iterator[tuple[int, int, float, float]]:
    """Runs of words without other speech between them: the first, the one after the last, and the seconds that they have."""
    first, start = 0, 0.0
    for word, begin, end in path.fillers.tolist():
        if word > first:
            yield first, word, start, begin * rate
        first, start = word, end * rate
    yield first, len(path.words), start, duration


def _by_models(
    models: PhoneModels,
    features: np.ndarray,
    text: _Text,
    placed: Sequence[tuple[int, PlacedWord]],
    peaks: np.ndarray,
    *,
    start: float,
    end: float,
) -> np.ndarray | None:
    """`(L, 2)` seconds of phones, by the models of their sounds; None where they do not fit."""
    low, high = int(start / HOP), min(len(features), max(int(np.ceil(end / HOP)), int(start / HOP) + 1))
    phones = [token - 1 for at, word in placed for token in text.ways[at][word.way]]
    pauses = [
        position in text.begins[at][word.way] for at, word in placed for position in range(len(word.spans))
    ]
    centres = np.round(peaks.mean(axis=1) / HOP).astype(np.int64) - low
    spans = models.place(features[low:high], phones, pauses=pauses, centres=centres)
    return None if spans is None else (spans + low) * HOP


def _by_peaks(peaks: np.ndarray, duration: float) -> np.ndarray:
    """`(L, 2)` seconds of units from those of their peaks: each goes halfway to its neighbours, as far as `_REACH` beyond its peak."""
    halfway = (peaks[:-1, 1] + peaks[1:, 0]) / 2
    first = np.maximum(np.concatenate([[0.0], halfway]), peaks[:, 0] - _REACH)
    last = np.minimum(np.concatenate([halfway, [duration]]), peaks[:, 1] + _REACH)
    return np.stack(
        [np.minimum(first, peaks[:, 0]), np.maximum(last, np.minimum(peaks[:, 1], duration))], axis=1
    )
