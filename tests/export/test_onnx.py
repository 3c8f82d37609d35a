"""The exported graph against PyTorch, and what runs it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.cli import main
from asr.companions import Companion
from asr.errors import CheckpointError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.precision import resolve_precision
from asr.transcription.live import open_session
from asr.transcription.loading import load

pytest.importorskip("onnx", reason="onnx is not installed: pip install '.[export]'")

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small model of random weights, and its ONNX file."""
    from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer

    torch.manual_seed(0)
    config = AcousticModelConfig(encoder=EncoderConfig(layers=2, hidden_size=16, channels=4))
    folder = tmp_path_factory.mktemp("exported")
    tokenizer = CharacterTokenizer([BLANK_SYMBOL, *" ABC"])
    save_checkpoint(folder / "m.pt", Checkpoint(AcousticModel(config, vocabulary_size=5).eval(), tokenizer))
    assert main(["export", str(folder / "m.pt"), str(folder / "m.onnx")]) == 0
    return folder / "m.pt", folder / "m.onnx"


@pytest.mark.parametrize("seconds", [0.1, 1.3, 7.0])
@pytest.mark.parametrize("batch", [1, 3])
def test_log_probs_are_those_of_pytorch(exported: tuple[Path, Path], seconds: float, batch: int) -> None:
    from asr.transcription.onnx_emitter import OnnxEmitter

    generator = np.random.default_rng(0)
    waveforms = [
        (0.1 * generator.standard_normal(int(16000 * seconds * (1 - 0.2 * row)))).astype(np.float32)
        for row in range(batch)
    ]
    ours = load(exported[0], device="cpu", precision="float32").emit(waveforms)
    theirs = OnnxEmitter(exported[1]).emit(waveforms)
    for one, other in zip(ours, theirs, strict=True):
        assert one.letters.shape == other.letters.shape
        assert np.abs(one.letters - other.letters).max() < 1e-4


def test_phones_are_those_of_pytorch_and_both_files_decode_alike(
    tmp_path: Path, tiny_tagger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
    from asr.decoding.options import DecodingOptions, write_options
    from asr.transcription.onnx_emitter import OnnxEmitter

    phones = ("a", "b", "k")
    config = AcousticModelConfig(encoder=EncoderConfig(layers=1, hidden_size=16, channels=4), phones=phones)
    model = AcousticModel(config, vocabulary_size=5).eval()
    save_checkpoint(tmp_path / "two.pt", Checkpoint(model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])))
    (tmp_path / "said.dict").write_text("AB  a b\nCAB  k a b\nA  a\n")
    options = DecodingOptions("beam", pronunciations=str(tmp_path / "said.dict"), letter_weight=0.3)
    write_options(tmp_path / "two.decoding.json", options)
    (tmp_path / "two.tagger").write_bytes(tiny_tagger.read_bytes())
    (tmp_path / "two.hmm").write_bytes(b"for alignment alone")
    (tmp_path / "elsewhere").mkdir()
    assert main(["export", str(tmp_path / "two.pt"), str(tmp_path / "elsewhere" / "two.onnx")]) == 0
    said = capsys.readouterr().out
    assert "elsewhere/two.decoding.json: decodes as" in said
    assert "elsewhere/two.tagger: writes as" in said
    assert "elsewhere/two.hmm: finds the ends of phones as" in said
    for name in ("two.tagger", "two.hmm"):
        assert (tmp_path / "elsewhere" / name).read_bytes() == (tmp_path / name).read_bytes()
    waveforms = [
        np.random.default_rng(n).uniform(-0.3, 0.3, 9000 + 4000 * n).astype(np.float32) for n in range(3)
    ]
    ours, theirs = (
        load(file, device="cpu", precision="float32") if file.suffix == ".pt" else load(file)
        for file in (tmp_path / "two.pt", tmp_path / "elsewhere" / "two.onnx")
    )
    assert OnnxEmitter(tmp_path / "elsewhere" / "two.onnx").info.phones == phones
    for one, other in zip(ours.emit(waveforms), theirs.emit(waveforms), strict=True):
        assert one.phones is not None
        assert other.phones is not None
        assert one.phones.shape == other.phones.shape
        assert np.abs(one.phones - other.phones).max() < 1e-4
    texts = [
        [transcriber.transcribe(waveform).text for waveform in waveforms] for transcriber in (ours, theirs)
    ]
    assert any(texts[0])
    assert texts[0] == texts[1]
    assert set(" ".join(texts[0]).split()) <= {"AB", "CAB", "A"}
    assert any(texts[0])
    soundfile.write(tmp_path / "noise.wav", waveforms[2], 16000)
    heard = []
    for file in (tmp_path / "two.pt", tmp_path / "elsewhere" / "two.onnx"):
        words = ["listen", "--file", str(tmp_path / "noise.wav"), "--fast", "--model", str(file)]
        capsys.readouterr()
        assert main([*words, "--device", "cpu", "--precision", "float32"]) == 0
        heard.append(capsys.readouterr().out)
    assert heard[0] == heard[1]
    assert heard[0].strip()


def test_mfcc_and_other_subsamplings_export(tmp_path: Path) -> None:
    from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
    from asr.export.onnx_graph import export_onnx
    from asr.transcription.onnx_emitter import OnnxEmitter

    config = AcousticModelConfig(
        features=FeaturesConfig(kind="mfcc", sample_rate=8000, normalisation="none"),
        encoder=EncoderConfig(layers=1, hidden_size=8, channels=2, subsampling=3),
    )
    checkpoint = Checkpoint(
        AcousticModel(config, vocabulary_size=3).eval(), CharacterTokenizer([BLANK_SYMBOL, *" A"])
    )
    export_onnx(checkpoint, tmp_path / "m.onnx")
    waveform = 0.1 * torch.randn(1, 9000)
    emission = checkpoint.model(waveform, torch.tensor([9000]))
    (found,) = OnnxEmitter(tmp_path / "m.onnx").emit([waveform[0].numpy()])
    assert np.abs(emission.log_probs[0].detach().numpy() - found.letters).max() < 1e-4


def test_int8_is_smaller_and_near(exported: tuple[Path, Path], tmp_path: Path) -> None:
    from asr.transcription.onnx_emitter import OnnxEmitter

    assert main(["export", str(exported[0]), str(tmp_path / "8.onnx"), "--int8"]) == 0
    waveform = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    whole, rounded = (
        OnnxEmitter(path).emit([waveform])[0].letters for path in (exported[1], tmp_path / "8.onnx")
    )
    assert (tmp_path / "8.onnx").stat().st_size < exported[1].stat().st_size
    difference = np.abs(np.exp(whole) - np.exp(rounded)).max()
    assert 0 < difference < 0.05


def test_transcribe_takes_the_file(
    exported: tuple[Path, Path], tone: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    texts = []
    for model in exported:
        words = ["transcribe", tone(seconds=2.0), "--model", model, "--precision", "float32"]
        assert main([*map(str, words)]) == 0
        texts.append(capsys.readouterr().out)
    assert any(texts[0])
    assert texts[0] == texts[1]
    assert main(["transcribe", str(tone()), "--model", str(exported[1]), "--precision", "bfloat16"]) == 2
    assert "runs at the precision it was exported with" in capsys.readouterr().err


def test_evaluate_and_listen_take_the_file(
    exported: tuple[Path, Path],
    tone: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    audio = tone(seconds=2.0)
    line = {"id": "u", "audio": str(audio), "duration": 2.0, "text": "AB"}
    (tmp_path / "test.jsonl").write_text(json.dumps(line) + "\n")
    evaluated, heard = [], []
    for model in exported:
        words = ["--model", str(model), "--device", "cpu", "--precision", "float32"]
        out = tmp_path / model.suffix
        assert main(["evaluate", str(tmp_path / "test.jsonl"), *words, "--out", str(out)]) == 0
        evaluated.append((out / "hyp.trn").read_text())
        assert '"data:image/png;base64,' in (out / "report.html").read_text("utf-8")
        capsys.readouterr()
        # Shorter than the warm-up, so that it is normalised as a whole, like the file.
        assert main(["listen", "--file", str(audio), "--fast", *words]) == 0
        heard.append(capsys.readouterr().out)
    assert evaluated[0] == evaluated[1]
    assert heard[0] == heard[1]


def test_load_takes_the_file_and_what_looks_inside_says_that_it_cannot(
    exported: tuple[Path, Path], tone: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = tone(seconds=2.0)
    texts = [load(model, device="cpu", precision="float32").transcribe(audio).text for model in exported]
    assert any(texts[0])
    assert texts[0] == texts[1]
    words = [
        "inspect",
        "utterance",
        str(audio),
        "--model",
        str(exported[1]),
        "--out",
        str(tmp_path / "x.png"),
    ]
    assert main(words) == 1
    assert "take the checkpoint" in capsys.readouterr().err


def test_the_example_runs_without_the_package(
    exported: tuple[Path, Path], tone: Callable[..., Path], tmp_path: Path
) -> None:
    script = (REPOSITORY / "scripts" / "transcribe_onnx.py").read_text()
    assert "import asr" not in script
    assert "torch" not in script
    done = subprocess.run(
        [sys.executable, "-c", script, str(exported[1]), str(tone(seconds=2.0))],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    hypothesis = load(exported[0], device="cpu", precision="float32").transcribe(tone(seconds=2.0))
    assert done.stdout.split() == hypothesis.text.split()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such model"),
        (b"nonsense", "a text file that begins with 'nonsense'; expected an ONNX file of `asr export`"),
        (b"\x08\x09\x12\x07pytorch" + bytes(100), "an ONNX file of 111 bytes that onnxruntime cannot load"),
    ],
)
def test_files_that_are_no_models(
    tmp_path: Path,
    tone: Callable[..., Path],
    content: bytes | None,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / "m.onnx").write_bytes(content)
    assert main(["transcribe", str(tone()), "--model", str(tmp_path / "m.onnx")]) == 1
    assert complaint in capsys.readouterr().err


def test_the_checkpoint_is_left_as_it_was(exported: tuple[Path, Path], tmp_path: Path) -> None:
    from asr.export.onnx_graph import export_onnx

    checkpoint = load_checkpoint(exported[0])
    before = {name: tensor.clone() for name, tensor in checkpoint.model.state_dict().items()}
    export_onnx(checkpoint, tmp_path / "again.onnx")
    after = checkpoint.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.fixture(scope="module")
def for_cpu(exported: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with the network for CPUs beside it."""
    folder = tmp_path_factory.mktemp("for_cpu")
    shutil.copyfile(exported[0], folder / "best.pt")
    assert main(["export", str(folder / "best.pt"), str(folder / "best.cpu.onnx"), "--int8"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["best.cpu.onnx", "best.pt"]
    return folder / "best.pt"


def test_what_is_made_for_cpus_runs_there_without_pytorch(for_cpu: Path, tone: Callable[..., Path]) -> None:
    code = (
        "import sys\nfrom asr.cli import main\n"
        f"assert main(['transcribe', {str(tone())!r}, '--model', {str(for_cpu)!r}, '--json']) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert load(for_cpu, device="cpu").emitter.info.precision == "int8"
    assert load(for_cpu, device="cpu", precision="float32").emitter.info.precision == "float32"


def test_what_was_made_of_another_checkpoint_is_refused(for_cpu: Path, tmp_path: Path) -> None:
    shutil.copyfile(Companion.CPU_NETWORK.path(for_cpu), tmp_path / "other.cpu.onnx")
    found = load_checkpoint(for_cpu)
    save_checkpoint(tmp_path / "other.pt", Checkpoint(found.model, found.tokenizer, {"trained": "on"}))
    with pytest.raises(
        CheckpointError, match=r"other.cpu.onnx: was made of another checkpoint than .*other.pt; make it"
    ):
        load(tmp_path / "other.pt", device="cpu")


def test_what_is_made_for_cpus_is_looked_into_and_goes_live_as_its_checkpoint(for_cpu: Path) -> None:
    transcriber = load(for_cpu, device="cpu")
    sound = (0.1 * np.random.default_rng(2).standard_normal(96000)).astype(np.float32)
    precision = resolve_precision("auto", torch.device("cpu"))
    texts = []
    for one in (transcriber, load(for_cpu, device="cpu", precision=precision)):
        session = open_session(one)
        texts.append([result.text for result in [*session.feed(sound), *session.finish()]])
    assert any(texts[0])
    assert texts[0] == texts[1]
    ours, theirs = transcriber.model.state_dict(), load_checkpoint(for_cpu).model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_an_emission_does_not_depend_on_what_is_emitted_beside_it(for_cpu: Path) -> None:
    generator = np.random.default_rng(1)
    waveforms = [(scale * generator.standard_normal(16000)).astype(np.float32) for scale in (0.01, 0.9, 0.1)]
    transcriber = load(for_cpu, device="cpu", threads=2)
    for together, waveform in zip(transcriber.emit(waveforms), waveforms, strict=True):
        assert np.array_equal(together.letters, transcriber.emit([waveform])[0].letters)
