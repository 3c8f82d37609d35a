"""Recordings -> transcriptions, many at once: threads read and decode, one network emits for all of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import TypeVar

import numpy as np

from asr.data.audio import AudioFile, open_audio
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Word
from asr.errors import AsrError
from asr.serving.config import ServingConfig
from asr.serving.metrics import Metrics
from asr.serving.request_words import RequestWords, decoder_for
from asr.serving.worker import ModelWorker
from asr.transcription.channels import Channels
from asr.transcription.emitter import Emitter
from asr.transcription.live import LiveConfig, LiveSession, open_session
from asr.transcription.pipeline import OnWords, transcribe_recordings
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.recordings import Recording
from asr.transcription.transcriber import Transcriber
from asr.transcription.transcript import Transcription

T = TypeVar("T")
_PATIENCE = 10.0  # seconds that a job lets requests and live sessions before it


class TooLong(AsrError):
    """A recording lasts longer than the server takes."""


class Cancelled(AsrError):
    """Nobody waits for the transcription any more."""


class SharedEmitter:
    """A network that belongs to a worker; see `Emitter`.

    Args:
        emitter: the network.
        worker: runs it.
        gone: set once whoever asked for the transcription has gone, or its time is over.
        patience: seconds, see `ModelWorker.submit`.
    """

    def __init__(
        self, emitter: Emitter, worker: ModelWorker, gone: threading.Event, *, patience: float = 0.0
    ) -> None:
        self.info = emitter.info
        self._emitter = emitter
        self._worker = worker
        self._gone = gone
        self._patience = patience

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        """See `Emitter`. What needs no decoder network's text of a model that has one goes in no batch with others."""
        if self.info.decoder_network is not None and not network_beam:
            call = self._worker.call(lambda: self._emitter.emit(waveforms), patience=self._patience)
            return self._wait([call])[0]
        return self._wait([self._worker.submit(waveform, patience=self._patience) for waveform in waveforms])

    def _wait(self, futures: Sequence["Future[T]"]) -> list[T]:
        results = []
        for future in futures:
            while True:
                if self._gone.is_set():
                    for other in futures:
                        other.cancel()
                    raise Cancelled("nobody waits for this transcription any more")
                try:
                    results.append(future.result(timeout=0.2))
                    break
                except FutureTimeout:
                    if future.done():  # a TimeoutError of the network's own
                        raise
        return results


class Engine:
    """A model at work for many clients.

    Args:
        transcriber: the model and its decoder.
        config: limits.
        metrics: told of batches and of sound.
    """

    def __init__(self, transcriber: Transcriber, config: ServingConfig, metrics: Metrics) -> None:
        self.config = config
        self.metrics = metrics
        self.transcriber = transcriber
        self.worker = ModelWorker(
            transcriber.emit,
            samples_per_batch=round(config.batch_seconds * transcriber.sample_rate),
            wait=config.batch_wait,
            on_batch=metrics.batch,
        )
        self._threads = ThreadPoolExecutor(config.threads, thread_name_prefix="transcribe")
        self.in_flight = 0  # transcription requests at work or waiting
        self.live_sessions = 0
        metrics.queue.set_function(lambda: self.worker.waiting)
        metrics.in_flight.set_function(lambda: self.in_flight)
        metrics.live_sessions.set_function(lambda: self.live_sessions)

    async def decoder_for(self, words: RequestWords) -> tuple[Decoder, list[str]]:
        """See `request_words.decoder_for`."""
        return await asyncio.to_thread(decoder_for, self.transcriber, words)

    async def transcribe(
        self,
        path: Path,
        *,
        decoder: Decoder | None = None,
        n_best: int = 1,
        channels: Channels = "mix",
        verbatim: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> Transcription:
        """Transcribe a file of any length.

        Args:
            path: the file.
            decoder: of `decoder_for`; by default the server's.
            n_best: above 1, so many texts of each stretch.
            channels: what is made of several channels, see `PipelineConfig`.
            verbatim: leave the text as it is recognised, whatever the transcriber's tagger.
            on_text: told the text of each stretch as soon as it is there, in the event loop.

        Raises:
            AudioError: unreadable, cut short, empty or too short.
            TooLong: beyond `max_audio_seconds`.
            TimeoutError: not done within `request_seconds`.
        """
        gone = threading.Event()
        asked = self._asked(decoder, verbatim=verbatim)
        loop = asyncio.get_running_loop()

        tell: OnWords | None = None
        if on_text is not None:
            told = on_text

            def tell(_: Recording, words: tuple[Word, ...]) -> None:
                loop.call_soon_threadsafe(told, " ".join(word.text for word in words))

        config = PipelineConfig(n_best=n_best, channels=channels)
        task = loop.run_in_executor(self._threads, self._transcribe, path, gone, config, asked, tell)
        try:
            async with asyncio.timeout(self.config.request_seconds):
                transcription: Transcription = await asyncio.shield(task)
                return transcription
        except BaseException:
            gone.set()
            # The thread notices soon; its own error is of no more interest.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    def transcribe_patiently(
        self,
        path: Path,
        gone: threading.Event,
        *,
        decoder: Decoder | None = None,
        config: PipelineConfig,
        verbatim: bool,
        longest: float,
        on_open: Callable[[float], None],
        progress: Callable[[float], None],
    ) -> Transcription:
        """Transcribe a file that nobody waits for, in the caller's thread; what others wait for goes through the network first.

        Args:
            path: the file.
            gone: set to give the transcription up.
            config: of the pipeline.
            decoder, verbatim: as of `transcribe`.
            longest: seconds of the recording.
            on_open: told the seconds that the recording lasts by its header.
            progress: told the seconds that have been transcribed since it was last told.

        Raises:
            AudioError, TooLong: as of `transcribe`.
            Cancelled: `gone` was set.
            WorkerStopped: the server ends.
        """
        asked = self._asked(decoder, verbatim=verbatim)
        shared = SharedEmitter(asked.emitter, self.worker, gone, patience=_PATIENCE)
        transcriber = Transcriber(shared, asked.decoder, asked.tagger)
        with open_audio(path, longest=longest + 1) as sound:
            on_open(sound.info.duration)
            return self._transcribe_sound(sound, transcriber, config, longest=longest, progress=progress)

    def _asked(self, decoder: Decoder | None, *, verbatim: bool) -> Transcriber:
        """The server's transcriber as a request wants it."""
        own = self.transcriber
        return Transcriber(own.emitter, decoder or own.decoder, None if verbatim else own.tagger)

    def _transcribe(
        self,
        path: Path,
        gone: threading.Event,
        config: PipelineConfig,
        asked: Transcriber,
        tell: OnWords | None,
    ) -> Transcription:
        if gone.is_set():
            raise Cancelled("nobody waits for this transcription any more")
        limit = self.config.max_audio_seconds
        with open_audio(path, longest=limit + 1) as sound:
            shared = SharedEmitter(asked.emitter, self.worker, gone)
            transcriber = Transcriber(shared, asked.decoder, asked.tagger)
            return self._transcribe_sound(sound, transcriber, config, longest=limit, tell=tell)

    def _transcribe_sound(
        self,
        sound: AudioFile,
        shared: Transcriber,
        config: PipelineConfig,
        *,
        longest: float,
        tell: OnWords | None = None,
        progress: Callable[[float], None] = lambda seconds: None,
    ) -> Transcription:
        if (duration := sound.info.duration) > longest:
            raise TooLong(f"the recording lasts {duration:.0f} s; expected at most {longest:g} s")
        heard = 0.0

        def count(seconds: float) -> None:
            nonlocal heard
            heard += seconds
            progress(seconds)
            if heard > longest + 1:  # whatever its header says
                raise TooLong(f"the recording lasts more than {longest:g} s, which is the most taken")

        recording = Recording("upload", sound.path, "the recording", duration)
        [outcome] = transcribe_recordings(shared, [[recording]], config=config, progress=count, on_words=tell)
        if outcome.transcription is None:
            assert outcome.error is not None
            raise outcome.error
        self.metrics.audio_seconds.inc(heard)
        return outcome.transcription

    def open_live(
        self, config: LiveConfig | None = None, *, decoder: Decoder | None = None, verbatim: bool = False
    ) -> LiveSession:
        """A live session; call its methods through `run`. `decoder` and `verbatim` as of `transcribe`."""
        return open_session(self._asked(decoder, verbatim=verbatim), config)

    def run(self, function: Callable[[], T]) -> Awaitable[T]:
        """Call what uses the network itself, in the worker's turn."""
        return asyncio.wrap_future(self.worker.call(function))

    def stop(self) -> None:
        """Finish what is at work."""
        self.worker.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
