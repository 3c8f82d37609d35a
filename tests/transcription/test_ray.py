"""Work shared by Ray: what one process makes of it, whatever is killed on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from asr.cli import main
from asr.errors import AsrError, UsageError
from asr.transcription.batches import Batch, plan_batches
from asr.transcription.loading import ModelSettings
from asr.transcription.pipeline import Outcome
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.ray_cluster import RaySettings
from asr.transcription.ray_pool import RayPool
from asr.transcription.recogniser import LocalRecogniser
from asr.transcription.recordings import find_recordings
from asr.transcription.windows import Windowing

ray = pytest.importorskip(
    "ray", reason="Ray is not installed: pip install ray, where it has a wheel for this Python"
)

pytestmark = pytest.mark.slow

# A second of audio a batch, so that there are many; a long recording is cut.
CONFIG = PipelineConfig(Windowing(2.0, 0.5, 1), seconds_per_batch=1.0)

# A machine that is busy with other things is no failure.
CLUSTER = {
    "RAY_worker_niceness": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_health_check_failure_threshold": "20",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for all tests: what Ray has read once in a process holds for good."""
    for name, value in CLUSTER.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def noises(tmp_path: Path) -> Path:
    """Sixty short recordings of unlike length, and one of a minute."""
    draw = np.random.default_rng(0)
    folder = tmp_path / "noises"
    folder.mkdir()
    for number in range(60):
        samples = 0.1 * draw.standard_normal(int(draw.uniform(0.1, 0.9) * 16000))
        soundfile.write(folder / f"n{number:02d}.wav", samples, 16000)
    loudness = np.repeat(draw.random(60) > 0.3, 16000)
    soundfile.write(folder / "long.wav", 0.1 * draw.standard_normal(60 * 16000) * loudness, 16000)
    return folder


@pytest.fixture
def model(tiny_checkpoint: Path) -> ModelSettings:
    return ModelSettings(tiny_checkpoint, device="cpu", precision="float32", threads=1)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without processors, and no machines yet."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


def by_name(outcomes: list[Outcome]) -> dict[str, Outcome]:
    names = [outcome.recording.name for outcome in outcomes]
    assert len(set(names)) == len(names), "a recording came twice"
    return dict(zip(names, outcomes, strict=True))


def of_one_process(model: ModelSettings, batches: list[Batch]) -> dict[str, Outcome]:
    recogniser = LocalRecogniser(model.load(), CONFIG)
    return by_name(list(recogniser.transcribe(batches, progress=lambda _: None)))


def planned(noises: Path) -> list[Batch]:
    recordings, _ = find_recordings([str(noises)])
    return plan_batches(recordings, longest=CONFIG.windowing.longest, seconds_per_batch=1.0)


def test_workers_and_machines_that_are_lost_change_nothing(
    noises: Path, model: ModelSettings, cluster: Any
) -> None:
    """Two machines; a worker is killed, then a machine taken away, then what is left does the rest."""
    first = cluster.add_node(num_cpus=2)
    cluster.add_node(num_cpus=1)
    batches = planned(noises)
    told: list[float] = []
    outcomes: list[Outcome] = []
    with RayPool(RaySettings(cluster.address), model, CONFIG) as pool:
        for outcome in pool.transcribe(batches, progress=told.append):
            outcomes.append(outcome)
            if len(outcomes) == 5:
                os.kill(pool.workers[0].process, signal.SIGKILL)
            if len(outcomes) == 20:
                cluster.remove_node(first)
    expected = of_one_process(model, batches)
    assert by_name(outcomes) == expected
    # Lost work is taken back: the bar ends where it should.
    audio = sum(one.transcription.duration for one in expected.values() if one.transcription)
    assert sum(told) == pytest.approx(audio, abs=0.01)


@pytest.mark.once
def test_what_kills_every_worker_is_listed_and_the_rest_is_done(
    noises: Path, model: ModelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording whose reading ends the process, as one that takes all memory would."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(noises.parent), os.environ.get("PYTHONPATH", "")]))
    (noises.parent / "sitecustomize.py").write_text(
        "import os, soundfile\n"
        "class Deadly(soundfile.SoundFile):\n"
        "    def __init__(self, file, *rest, **named):\n"
        "        if str(file).find('n07') >= 0 and 'RAY_RAYLET_PID' in os.environ: os._exit(9)\n"
        "        super().__init__(file, *rest, **named)\n"
        "soundfile.SoundFile = Deadly\n"
    )
    batches = planned(noises)[:30]
    batches = [
        *batches,
        *(batch for batch in planned(noises)[30:] if any("n07" in one.name for one in batch)),
    ]
    with RayPool(RaySettings(cpus_per_worker=1, tries=2), model, CONFIG) as pool:
        outcomes = list(pool.transcribe(batches, progress=lambda _: None))
    [deadly] = [batch for batch in batches if any(one.name == "n07" for one in batch)]
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    assert {outcome.recording.name for outcome in failed} == {one.name for one in deadly}
    assert "given up after 2 workers were lost with it" in str(failed[0].error)
    monkeypatch.undo()
    expected = of_one_process(model, [batch for batch in batches if batch is not deadly])
    assert by_name([outcome for outcome in outcomes if outcome.error is None]) == expected


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.once
def test_the_command_writes_the_bytes_of_one_process_and_a_lost_head_is_said(
    noises: Path, tiny_checkpoint: Path, tmp_path: Path, cluster: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """The head is taken away in the middle; --resume finishes, on this machine alone."""
    (noises / "broken.wav").write_bytes(b"RIFF nonsense")
    options = [*("--model", tiny_checkpoint, "--seconds-per-batch", 1, "--window", 2, "--context", 0.5)]
    options += ["--precision", "float32", "--format", "json,srt"]
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    command = [str(word) for word in ["transcribe", noises, *options, "--output-dir"]]
    assert main([*command, str(whole), "--threads", "1"]) == 1
    cluster.add_node(num_cpus=1)
    running = subprocess.Popen(
        [sys.executable, "-m", "asr", *command, str(shared), "--ray", cluster.address],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    while not list(shared.rglob("*.srt")) and running.poll() is None:
        time.sleep(0.005)
    cluster.shutdown()
    _, said = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "the head of the cluster" in said
    assert "with --resume" in said
    assert not (shared / "transcripts.jsonl").exists()
    capfd.readouterr()
    assert main([*command, str(shared), "--ray", "local", "--resume"]) == 1
    said = capfd.readouterr().err
    assert "recordings are finished already" in said
    assert said.count("1 of 62 files failed:") == 1
    assert tree(shared) == tree(whole)


@pytest.mark.once
def test_a_worker_that_has_other_files_is_refused(noises: Path, model: ModelSettings) -> None:
    with RayPool(RaySettings(cpus_per_worker=1), model, CONFIG) as pool:
        pool._identity = "another model"
        with pytest.raises(
            AsrError, match=r"would transcribe with other settings .* than the first one \(another model\)"
        ):
            list(pool.transcribe(planned(noises)[:1], progress=lambda _: None))
    with pytest.raises(UsageError, match="no machine of the cluster has 10000 processors for a worker"):
        RayPool(RaySettings(cpus_per_worker=10_000), model, CONFIG)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cpus-per-worker", "2"], "--cpus-per-worker goes with --ray"),
        (["--ray", "local", "--threads", "2"], "--threads is of one process"),
        (["--ray", "local", "--tries", "0"], "--tries 0; expected at least 1"),
        (["--ray", "ray://head:10001"], "an address of Ray Client"),
        (["--ray", "local", "--device", "cuda:1"], "Ray gives each worker its GPU"),
        (["--ray", "localhost:1"], "Ray does not answer"),
    ],
)
def test_what_does_not_fit_together_is_said(
    words: list[str], said: str, noises: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transcribe", str(noises), "--model", str(tiny_checkpoint), *words]) in (1, 2)
    assert said in capsys.readouterr().err
