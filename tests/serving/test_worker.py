"""The thread that owns the network."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from asr.serving.worker import ModelWorker, WorkerStopped


class Recorder:
    """An emit that writes down its batches, and waits to be let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.go.wait(10)
        self.batches.append([len(waveform) for waveform in waveforms])
        if any(len(waveform) == 13 for waveform in waveforms):
            raise ValueError("thirteen")
        return [2 * waveform for waveform in waveforms]


def test_what_waits_goes_together_within_the_budget() -> None:
    emit = Recorder()
    worker = ModelWorker(emit, samples_per_batch=100, wait=0.0)
    first = worker.submit(np.ones(1))
    while worker.waiting:
        pass
    futures = [worker.submit(np.full(length, length)) for length in (30, 90, 30, 20, 200, 30)]
    emit.go.set()
    results = [future.result(timeout=60) for future in futures]
    worker.stop()
    assert first.result().tolist() == [2]
    assert [len(result) for result in results] == [30, 90, 30, 20, 200, 30]
    assert all((result == 2 * len(result)).all() for result in results)
    assert emit.batches == [[1], [30, 30, 20], [90], [200], [30]]


def test_what_is_patient_lets_others_go_first_but_not_for_ever() -> None:
    emit = Recorder()
    worker = ModelWorker(emit, samples_per_batch=100, wait=0.0)
    worker.submit(np.ones(1))
    while worker.waiting:
        pass
    calls: list[int] = []
    worker.submit(np.ones(30), patience=60)
    worker.submit(np.ones(31), patience=1e-9)
    patient_call = worker.call(lambda: calls.append(len(emit.batches)), patience=60)
    call = worker.call(lambda: calls.append(len(emit.batches)))
    worker.submit(np.ones(20))
    emit.go.set()
    worker.stop()
    assert call.done()
    assert patient_call.done()
    # The one that has waited long enough, the call, the request; then what is patient, in no batch with them.
    assert emit.batches == [[1], [31], [20], [30]]
    assert calls == [2, 4]


def test_an_error_reaches_its_own_batch_alone() -> None:
    emit = Recorder()
    emit.go.set()
    worker = ModelWorker(emit, samples_per_batch=20, wait=0.0)
    with pytest.raises(ValueError, match="thirteen"):
        worker.submit(np.ones(13)).result(timeout=60)
    assert len(worker.submit(np.ones(3)).result(timeout=60)) == 3
    worker.stop()


def test_a_cancelled_waveform_costs_nothing() -> None:
    emit = Recorder()
    worker = ModelWorker(emit, samples_per_batch=10, wait=0.0)
    worker.submit(np.ones(10))
    late = worker.submit(np.ones(9))
    assert late.cancel()
    emit.go.set()
    worker.stop()
    assert emit.batches == [[10]]


def test_calls_take_their_turn() -> None:
    emit = Recorder()
    emit.go.set()
    worker = ModelWorker(emit, samples_per_batch=10)
    assert worker.call(threading.get_ident).result(timeout=60) != threading.get_ident()
    worker.stop()


def test_stop_finishes_what_is_queued_and_refuses_more() -> None:
    emit = Recorder()
    worker = ModelWorker(emit, samples_per_batch=5, wait=0.0)
    futures = [worker.submit(np.ones(5)) for _ in range(4)]
    emit.go.set()
    worker.stop()
    assert all(future.done() for future in futures)
    with pytest.raises(WorkerStopped):
        worker.submit(np.ones(5))
