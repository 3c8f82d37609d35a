"""Every experiment in configs/: it loads, its model is built, and one step of its training runs."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.config import ExperimentConfig, load_experiment
from asr.data.batching import Sample, collate
from asr.data.manifest import Utterance, write_manifest
from asr.data.phones import TIMIT_PHONES
from asr.data.tokenizer import build_tokenizer
from asr.model.acoustic import AcousticModel
from asr.model.losses import ctc_loss, objective_losses
from asr.model.streaming import StreamingEmitter
from asr.training.train import train

FOLDER = Path(__file__).resolve().parents[2] / "configs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

# What each corpus's transcripts look like.
TRANSCRIPTS = {
    "fsdd": "seven",
    "yesno": "YES NO NO YES YES NO NO YES",
    "speech_commands": "backward",
    "librispeech_mini": "AS YOU KNOW",
    "librispeech_100": "AS YOU KNOW",
    "librispeech_960": "AS YOU KNOW",
    "common_voice": "mae'r tŷ yn fawr",
    "timit_phones": "sil sh iy hh ae sil",
    **dict.fromkeys(
        [f"timit_graves2013_ctc_{shape}" for shape in ("3l_250h", "5l_250h", "3l_421h_uni", "3l_500h_tanh")],
        "h# sh ix hv ae h#",
    ),
    "an4": "ENTER FOUR FIVE",
    "an4_live": "ENTER FOUR FIVE",
    "digits": "SEVEN",
}
# Those whose networks are small enough to go through the whole of training on a CPU in a second or two.
SMALL = ("fsdd", "yesno")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of several test processes would be in each other's way."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def experiment(name: str) -> ExperimentConfig:
    return load_experiment(FOLDER / f"{name}.yaml")


def test_the_corpora_that_people_start_from_have_a_config() -> None:
    assert set(TRANSCRIPTS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_step_lowers_the_loss_of_its_batch(name: str) -> None:
    torch.manual_seed(1)
    config = experiment(name)
    text = TRANSCRIPTS.get(name, "AS YOU KNOW")
    tokenizer = build_tokenizer(config.tokenizer, [text])
    model = AcousticModel(config.acoustic_model, vocabulary_size=len(tokenizer))
    rate = config.features.sample_rate
    # As long as CTC needs for the transcript at 40 ms a frame, and no longer: some of these networks are large.
    seconds = 0.3 + 0.045 * len(text)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (1, round(rate * seconds))).astype(np.float32)
    batch = collate([Sample(waveform, tokenizer.encode(text), str(n)) for n, waveform in enumerate(noise)])

    def loss() -> torch.Tensor:
        features, lengths = model.features(batch.waveforms, batch.waveform_lengths)
        encoding = model.encoder(model.spec_augment(features, lengths), lengths)
        letters = ctc_loss(model.emission(encoding), batch.tokens, batch.token_lengths)
        return objective_losses(model, encoding, batch.tokens, batch.token_lengths, letters=letters).mean()

    before = loss()
    before.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    with torch.no_grad():
        model.eval()
        first = loss()
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.02 * parameter.grad / max(1.0, float(parameter.grad.norm()))
        after = loss()
    assert math.isfinite(float(first))
    assert after < first


@pytest.mark.parametrize("name", SMALL)
def test_its_training_runs_from_manifest_to_checkpoint(name: str, tmp_path: Path) -> None:
    config = experiment(name)
    rate = config.features.sample_rate
    for split, speaker in (("train", "s1"), ("dev", "s2")):
        soundfile.write(
            tmp_path / f"{split}.wav", np.random.default_rng(1).uniform(-0.1, 0.1, rate * 2), rate
        )
        utterance = Utterance(split, tmp_path / f"{split}.wav", 2.0, text=TRANSCRIPTS[name], speaker=speaker)
        write_manifest(tmp_path / f"{split}.jsonl", [utterance])
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(
            config.data, train=str(tmp_path / "train.jsonl"), dev=str(tmp_path / "dev.jsonl"), workers=0
        ),
        training=dataclasses.replace(config.training, epochs=1, cpu_processes=1),
    )
    assert train(config, tmp_path / "run").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_in_its_head_name_its_manifests(name: str) -> None:
    """Someone who runs the comment gets the files that the config names."""
    config = experiment(name)
    head = [
        line
        for line in (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    ]
    assert any("asr train --config configs/" + name in line for line in head) or name == "digits"
    folder = str(Path(config.data.train).parent)
    assert any(folder in line for line in head)


@pytest.mark.parametrize(
    ("shape", "millions"), [("3l_250h", 3.8), ("5l_250h", 6.8), ("3l_421h_uni", 3.8), ("3l_500h_tanh", 3.7)]
)
def test_networks_of_graves_2013_have_as_many_weights_as_in_the_paper(shape: str, millions: float) -> None:
    """Table 1; 123 inputs, 61 phones and the blank."""
    config = experiment(f"timit_graves2013_ctc_{shape}")
    tokenizer = build_tokenizer(config.tokenizer, [])
    assert set(tokenizer.vocabulary[1:]) == set(TIMIT_PHONES)
    model = AcousticModel(config.acoustic_model, vocabulary_size=len(tokenizer))
    assert model.features.size == 123
    count = sum(weight.numel() for weight in model.parameters())
    assert round(count / 1e6, 1) == millions


def test_a_live_config_can_be_fed_live() -> None:
    config = experiment("an4_live")
    emitter = StreamingEmitter(AcousticModel(config.acoustic_model, vocabulary_size=30).eval())
    assert emitter.latency < 0.5
