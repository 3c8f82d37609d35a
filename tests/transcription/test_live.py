"""Live sessions: what they say in the end is what the whole file says."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission, join
from asr.decoding.options import DecodingOptions
from asr.errors import AudioError, ConfigError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.streaming import StreamingEmitter
from asr.transcription.live import LiveConfig, LiveEmitter, LiveResult, LiveSession, open_session
from asr.transcription.torch_emitter import TorchEmitter
from asr.transcription.transcriber import Transcriber, build_decoder
from asr.transcription.transcript import WrittenWord, spoken_words
from asr.transcription.waveform_window_emitter import WaveformWindowEmitter
from asr.transcription.window_config import WindowConfig
from asr.transcription.windowed_emitter import WindowedEmitter
from asr.writing.tagger import Lexicon, Tagger, Written

SYMBOLS = [BLANK_SYMBOL, *" ABC"]


class Script:
    """An emitter that says a text, a character (`-` for the blank) a sample; `tail` of them not settled."""

    def __init__(self, text: str, *, tail: int = 2) -> None:
        alphabet = "- ABC"
        # So sure that no beam keeps another letter: its stable prefix is all that was said.
        log_probs = np.full((len(text), 5), np.log(1e-10), np.float32)
        log_probs[np.arange(len(text)), [alphabet.index(letter) for letter in text]] = np.log1p(-4e-10)
        self.emission = Emission(log_probs)
        self.tail = tail
        self.heard = self.settled = 0

    def feed(self, samples: np.ndarray) -> Emission:
        self.heard += len(samples)
        begin, self.settled = self.settled, max(self.settled, self.heard - self.tail)
        return self.emission[begin : self.settled]

    def peek(self) -> Emission:
        return self.emission[self.settled : self.heard]

    def finish(self) -> Emission:
        begin, self.settled = self.settled, self.heard
        return self.emission[begin : self.heard]


def decoder(method: str = "greedy") -> Decoder:
    config = DecodingOptions(method)  # type: ignore[arg-type]
    return Decoder(config, CharacterTokenizer(SYMBOLS), seconds_per_frame=0.1)


def listen(
    text: str, *, pieces: Sequence[int] = (), method: str = "greedy", **config: float
) -> list[LiveResult]:
    session = LiveSession(Script(text), decoder(method), LiveConfig(**config))  # type: ignore[arg-type]
    results = []
    left = len(text)
    for piece in [*pieces, left]:
        results += session.feed(np.zeros(min(piece, left), np.float32))
        left -= min(piece, left)
    return results + session.finish()


def finals(results: Sequence[LiveResult]) -> list[str]:
    return [result.text for result in results if result.kind == "final"]


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_segments_end_at_pauses(method: str) -> None:
    results = listen("--AB- -C----------A-A--------", method=method, pause=0.8)
    assert finals(results) == ["AB C", "AA"]
    assert [result.segment for result in results if result.kind == "final"] == [0, 1]


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_times_count_from_the_beginning_of_the_session(method: str) -> None:
    *_, last = listen("--AB- -C----------A-A--------", method=method, pause=0.8)
    assert (last.start, last.end) == pytest.approx((1.8, 2.1))
    assert [word.text for word in last.words] == ["AA"]


def test_silence_says_nothing_and_is_forgotten() -> None:
    session = LiveSession(Script("-" * 1000), decoder(), LiveConfig(pause=0.8))
    for _ in range(100):
        assert session.feed(np.zeros(10, np.float32)) == []
        assert len(session._stream.emission) < 20
    assert session.finish() == []


def test_a_segment_without_a_pause_is_cut_at_its_longest_quiet_stretch() -> None:
    text = "AB" * 8 + "-" + "C" + "---" + "AB" * 20
    results = listen(text, pause=0.8, longest_segment=3.0)
    assert finals(results)[0] == "AB" * 8 + "C"
    assert "".join(finals(results)) == "AB" * 8 + "C" + "AB" * 20


@settings(max_examples=40, deadline=None)
@given(
    text=st.text("-- ABC", max_size=60),
    pieces=st.lists(st.integers(0, 20), max_size=12),
    method=st.sampled_from(["greedy", "beam"]),
)
def test_finals_do_not_depend_on_how_the_sound_is_cut(text: str, pieces: list[int], method: str) -> None:
    whole = finals(listen(text, method=method, pause=0.5))
    assert finals(listen(text, pieces=pieces, method=method, pause=0.5)) == whole


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_settled_words_of_a_partial_result_stay(method: str) -> None:
    text = "A-B- -CC- -AC--B- -A---C-A- -B----------"
    results = listen(text, pieces=[1] * len(text), method=method, pause=0.8)
    partials = [result for result in results if result.kind == "partial"]
    (final,) = [result for result in results if result.kind == "final"]
    assert partials[0].text == "A"
    assert max(partial.settled for partial in partials) >= 3
    for partial in partials:
        settled = [word.text for word in partial.words[: partial.settled]]
        assert settled == [word.text for word in final.words[: partial.settled]]


@settings(max_examples=40, deadline=None)
@given(text=st.text("-- ABC", max_size=60), method=st.sampled_from(["greedy", "beam"]))
def test_settled_words_stay_whatever_is_said(text: str, method: str) -> None:
    results = listen(text, pieces=[1] * len(text), method=method, pause=0.5)
    final = {result.segment: result.text.split() for result in results if result.kind == "final"}
    for partial in results:
        said = [word.text for word in partial.words[: partial.settled]]
        assert said == final.get(partial.segment, [])[: partial.settled]


class Seesaw(Tagger):
    """In place of a network: every mark and capital depends on all that follows."""

    def __init__(self) -> None:
        super().__init__(Lexicon((), 0, np.zeros(0, np.uint8), {}), None)  # type: ignore[arg-type]

    def write(
        self, words: Sequence[str], pauses: np.ndarray | None = None, *, whole: bool = True
    ) -> list[Written]:
        parity = [sum(map(len, words[place:])) % 2 for place in range(len(words))]
        return [
            Written(word.upper() if odd else word.lower(), "," if odd else "")
            for word, odd in zip(words, parity, strict=True)
        ]


@settings(max_examples=60, deadline=None)
@given(text=st.text("-- ABC", max_size=60), method=st.sampled_from(["greedy", "beam"]))
def test_what_is_settled_stays_as_it_is_written(text: str, method: str) -> None:
    session = LiveSession(Script(text), decoder(method), LiveConfig(pause=0.5), Seesaw())
    results = [result for _ in text for result in session.feed(np.zeros(1, np.float32))] + session.finish()
    final = {result.segment: result.words for result in results if result.kind == "final"}
    for partial in results:
        assert [word.text for word in partial.words[: partial.settled]] == [
            word.text for word in final.get(partial.segment, ())[: partial.settled]
        ]
        assert partial.text == " ".join(word.text for word in partial.words)


def test_live_words_settle_once_some_follow_them() -> None:
    text = "A-B- -C-C- -AC--B- -A---C-A- -B- -A- -C- -B----------"
    session = LiveSession(Script(text), decoder(), LiveConfig(pause=0.8), Seesaw())
    results = [result for _ in text for result in session.feed(np.zeros(1, np.float32))] + session.finish()
    assert max(result.settled for result in results if result.kind == "partial") >= 3
    assert isinstance(results[-1].words[0], WrittenWord)
    assert [word.text for word in spoken_words(results[-1].words)] == [
        "AB",
        "CC",
        "ACB",
        "ACA",
        "B",
        "A",
        "C",
        "B",
    ]
    assert results[-1].text.endswith("A, c B,")


@pytest.mark.parametrize("method", ["greedy", "beam"])
@pytest.mark.parametrize("tail", [0, 2, 9])
def test_a_flush_ends_the_segment_with_all_that_was_heard(method: str, tail: int) -> None:
    text = "-A-B- -C-A-B- -C------A- -B---------"
    session = LiveSession(Script(text, tail=tail), decoder(method), LiveConfig(pause=0.8))

    def heard(samples: int) -> list[str]:
        return finals(session.feed(np.zeros(samples, np.float32)))

    assert heard(4) == []
    assert finals(session.flush()) == ["AB"]
    assert finals(session.flush()) == []
    assert heard(6) == []
    flushed = session.flush()
    assert finals(flushed) == ["CA"]
    assert flushed[0].start == pytest.approx(0.7)
    assert heard(len(text) - 10) + finals(session.finish()) == ["B CA B"]


@settings(max_examples=60, deadline=None)
@given(
    text=st.text("-- ABC", max_size=60),
    flushed=st.sets(st.integers(0, 60)),
    tail=st.integers(0, 5),
)
def test_flushes_neither_lose_nor_double_a_letter(text: str, flushed: set[int], tail: int) -> None:
    session = LiveSession(Script(text, tail=tail), decoder(), LiveConfig(pause=0.5))
    results = []
    for place in range(len(text)):
        results += session.feed(np.zeros(1, np.float32))
        if place in flushed and text[place] in "- ":
            results += session.flush()
    results += session.finish()
    whole = "".join(finals(listen(text, pause=0.5))).replace(" ", "")
    assert "".join(finals(results)).replace(" ", "") == whole


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="pause"):
        LiveConfig(pause=30, longest_segment=20)
    with pytest.raises(ConfigError, match="step"):
        WindowConfig(step=0)


def transcriber(model: AcousticModel) -> Transcriber:
    checkpoint = Checkpoint(model, CharacterTokenizer(SYMBOLS))
    emitter = TorchEmitter(checkpoint, device="cpu", precision="float32")
    return Transcriber(emitter, build_decoder(emitter.info, DecodingOptions()))


def windowed(model: AcousticModel, config: WindowConfig | None = None) -> WindowedEmitter:
    return WindowedEmitter(
        TorchEmitter(Checkpoint(model, CharacterTokenizer(SYMBOLS)), device="cpu", precision="float32"),
        config,
    )


def feed_all(emitter: LiveEmitter, waveform: np.ndarray, piece: int) -> np.ndarray:
    parts = [emitter.feed(waveform[start : start + piece]) for start in range(0, len(waveform), piece)]
    return join([*parts, emitter.finish()]).letters


def test_what_ends_within_the_warm_up_has_the_log_probs_of_the_file(tiny_model: AcousticModel) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, 47003).astype(np.float32)
    whole = transcriber(tiny_model).emit([waveform])[0].letters
    pieces = feed_all(windowed(tiny_model), waveform, 1601)
    np.testing.assert_allclose(pieces, whole, atol=1e-4)


def of_waveforms(model: AcousticModel, config: WindowConfig | None = None) -> WaveformWindowEmitter:
    """The live emitter of networks whose features cannot be reached, with one whose features could."""
    return WaveformWindowEmitter(transcriber(model).emitter, config)


@pytest.mark.parametrize("make", [windowed, of_waveforms])
@pytest.mark.parametrize("samples", [0, 100, 399, 400, 16000, 163210])
def test_no_frame_is_lost_or_doubled(
    tiny_model: AcousticModel, samples: int, make: Callable[..., LiveEmitter]
) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    emitter = make(tiny_model, WindowConfig(left=1, history=3, warm_up=1))
    frames = len(transcriber(tiny_model).emit([waveform])[0]) if samples >= 400 else 0
    assert len(feed_all(emitter, waveform, 3201)) == frames


def test_windows_of_waveforms_say_what_the_file_says_while_it_fits_and_stay_small(
    tiny_model: AcousticModel,
) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, 47003).astype(np.float32)
    whole = transcriber(tiny_model).emit([waveform])[0].letters
    np.testing.assert_allclose(feed_all(of_waveforms(tiny_model), waveform, 1601), whole, atol=1e-5)
    emitter = of_waveforms(tiny_model, WindowConfig(history=4))
    for _ in range(30):
        emitter.feed(waveform[:16000])
        assert len(emitter._samples) <= 5 * 16000


def test_a_session_holds_no_more_after_a_minute_than_after_ten_seconds(tiny_model: AcousticModel) -> None:
    emitter = windowed(tiny_model, WindowConfig(left=2, history=4))
    sizes = []
    for _ in range(60):
        emitter.feed(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32))
        sizes.append(len(emitter._features))
    assert max(sizes[10:]) <= max(sizes[:10])


def test_bad_samples_are_refused(tiny_model: AcousticModel) -> None:
    session = open_session(transcriber(tiny_model))
    with pytest.raises(AudioError):
        session.feed(np.zeros((2, 2), np.float32))
    with pytest.raises(AudioError):
        session.feed(np.array([0.0, np.nan], np.float32))


def test_a_one_directional_model_says_live_what_it_says_of_the_whole_file() -> None:
    torch.manual_seed(3)
    config = AcousticModelConfig(
        FeaturesConfig(n_mels=8, normalisation="none"),
        encoder=EncoderConfig(layers=2, hidden_size=6, channels=2, bidirectional=False, look_ahead=4),
    )
    heard = transcriber(AcousticModel(config, vocabulary_size=len(SYMBOLS)).eval())
    waveform = np.random.default_rng(4).normal(0, 0.3, 48000).astype(np.float32)
    session = open_session(heard, LiveConfig(pause=9, longest_segment=10))
    assert isinstance(session._emitter, StreamingEmitter)
    results = [
        result for start in range(0, 48000, 800) for result in session.feed(waveform[start : start + 800])
    ]
    assert {result.kind for result in results} == {"partial"}
    [final] = session.finish()
    whole = heard.transcribe(waveform)
    assert final.text
    assert final.text == whole.text
    assert [word.start for word in final.words] == pytest.approx([word.start for word in whole.words])


@pytest.fixture
def an4_transcriber() -> Transcriber:
    """A model trained on AN4, where $ASR_AN4_MODEL names one."""
    named = os.environ.get("ASR_AN4_MODEL")
    if not named or not Path(named).exists():
        pytest.skip("needs a model trained on AN4 in $ASR_AN4_MODEL")
    from asr.transcription.loading import load

    return load(named, device="cpu", precision="float32")


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_live_speech_gives_the_words_of_the_whole_file(
    an4_transcriber: Transcriber, corpora_dir: Path, tmp_path: Path, decoding: str
) -> None:
    from asr.data.corpora import find
    from asr.data.corpora.preparation import prepare
    from asr.data.manifest import read_manifest

    archive = corpora_dir / "an4_sphere.tar.gz"
    prepare(find("an4"), archive if archive.exists() else corpora_dir / "an4", tmp_path)
    utterances = read_manifest(tmp_path / "test.jsonl")[::4]
    an4_transcriber = an4_transcriber.with_options(DecodingOptions(decoding))  # type: ignore[arg-type]
    whole, live, references = [], [], []
    for utterance in utterances:
        waveform = an4_transcriber.read_utterance(utterance)
        session = open_session(an4_transcriber)
        results = [
            result
            for start in range(0, len(waveform), 1600)
            for result in session.feed(waveform[start : start + 1600])
        ]
        live.append(" ".join(finals(results + session.finish())))
        whole.append(an4_transcriber.transcribe(waveform).text)
        references.append(utterance.text or "")
    assert abs(jiwer.wer(references, live) - jiwer.wer(references, whole)) <= 0.01
