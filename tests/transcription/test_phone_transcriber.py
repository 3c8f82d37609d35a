"""A model that hears phones, from the file to words: the transcriber, its verbs, the engine of the server."""

import asyncio
import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.cli import main
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission, join
from asr.decoding.options import DecodingOptions
from asr.errors import DecodingError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.streaming import StreamingEmitter
from asr.transcription.live import open_session
from asr.transcription.loading import load
from asr.transcription.transcriber import Transcriber

PHONES = ("k", "a", "b")
DICTIONARY = "CAB  k a b\nAB  a b\nA  a\nA(2)  k\n"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """An untrained model that hears letters and phones, its mouth opened."""
    torch.manual_seed(0)
    config = AcousticModelConfig(encoder=EncoderConfig(layers=1, hidden_size=16, channels=4), phones=PHONES)
    model = AcousticModel(config, vocabulary_size=5).eval()
    assert model.phone_head is not None
    with torch.no_grad():
        model.head.weight.mul_(20)
        model.phone_head.weight.mul_(20)
    path = tmp_path / "two.pt"
    save_checkpoint(path, Checkpoint(model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])), half=True)
    (tmp_path / "words.phones").write_text(DICTIONARY)
    (tmp_path / "text.txt").write_text("A CAB\nAB A CAB\nCAB AB\nA A\n" * 5)
    assert main(["lm", "train", str(tmp_path / "text.txt"), str(tmp_path / "m.arpa"), "--order", "2"]) == 0
    return path


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).normal(size=24000).astype(np.float32) * 0.1
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise, 16000)
    (tmp_path / "dev.jsonl").write_text(
        json.dumps({"id": "u", "audio": str(path), "duration": 1.5, "text": "A CAB AB"}) + "\n"
    )
    return path


def through_phones(folder: Path, **more: object) -> DecodingOptions:
    return DecodingOptions(
        "beam", lm=str(folder / "m.arpa"), pronunciations=str(folder / "words.phones"), **more  # type: ignore[arg-type]
    )  # fmt: skip


def make_transcriber(checkpoint: Path, decoding: DecodingOptions) -> Transcriber:
    return load(checkpoint, decoding=decoding, device="cpu", precision="float32")


def test_the_second_head_travels_with_the_checkpoint(checkpoint: Path) -> None:
    model = load_checkpoint(checkpoint).model
    assert model.config.phones == PHONES
    heads = model.heads(*model.features(torch.randn(1, 8000), torch.tensor([8000])))
    assert heads.phones is not None
    assert (heads.letters.shape[2], heads.phones.shape[2]) == (5, 4)


def test_words_come_from_phones_and_letters_stay_at_hand(checkpoint: Path, wav: Path) -> None:
    transcriber = make_transcriber(checkpoint, through_phones(checkpoint.parent))
    waveform, _ = soundfile.read(wav, dtype="float32")
    (emission,) = transcriber.emit([waveform])
    assert emission.phones is not None
    assert (emission.letters.shape[1], emission.phones.shape[1]) == (5, 4)
    hypothesis = transcriber.transcribe(wav)
    assert hypothesis.text
    assert set(hypothesis.text.split()) <= {"CAB", "AB", "A"}
    assert hypothesis == transcriber.decoder(emission)
    assert transcriber.tokenizer.decode(list(hypothesis.tokens)) == hypothesis.text
    assert " ".join(word.text for word in hypothesis.words) == hypothesis.text
    # By letters, the same network says something else, and says it as a plain decoder does.
    letters = transcriber.with_options(DecodingOptions())
    assert letters.transcribe(wav) == make_transcriber(checkpoint, DecodingOptions()).transcribe(wav)


def test_words_last_over_their_phones(tmp_path: Path) -> None:
    frames = [1, 1, 2, 3, 0, 0, 2, 3, 3, 0]
    log_probs = np.full((len(frames), 4), math.log(0.01), np.float32)
    log_probs[np.arange(len(frames)), frames] = math.log(0.97)
    log_probs[7, 3] = log_probs[8, 3] = math.log(0.6)
    emission = Emission(np.full((len(frames), 5), math.log(0.2), np.float32), log_probs)
    (tmp_path / "words.phones").write_text(DICTIONARY)
    decoder = Decoder(
        DecodingOptions("beam", pronunciations=str(tmp_path / "words.phones")),
        CharacterTokenizer([BLANK_SYMBOL, *" ABC"]),
        seconds_per_frame=0.1,
        phones=PHONES,
    )
    hypothesis = decoder(emission)
    assert hypothesis.text == "CAB AB"
    first, second = hypothesis.words
    assert (first.start, first.end) == pytest.approx((0.0, 0.4))
    assert (second.start, second.end) == pytest.approx((0.6, 0.9))
    assert first.confidence == pytest.approx(0.97, abs=1e-3)
    assert second.confidence == pytest.approx(0.6, abs=1e-3)
    texts = [other.text for other in decoder.n_best(emission, 4)]
    assert texts[0] == "CAB AB"
    assert len(set(texts)) == 4


def test_the_lexicon_limits_the_words(checkpoint: Path, wav: Path, tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("AB\n")
    few = make_transcriber(checkpoint, through_phones(tmp_path, lexicon=str(tmp_path / "few.txt")))
    assert set(few.transcribe(wav).text.split()) <= {"AB"}
    hot = through_phones(tmp_path, lexicon=str(tmp_path / "few.txt"), hot_words={"CAB": 50.0})
    assert "CAB" in make_transcriber(checkpoint, hot).transcribe(wav).text.split()


def test_a_lexicon_of_other_words_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("zebra\n")
    decoding = through_phones(tmp_path, lexicon=str(tmp_path / "other.txt"))
    with pytest.raises(DecodingError, match=r"words\.phones: none of its 3 words.*such as 'zebra'"):
        make_transcriber(checkpoint, decoding)


def test_a_model_of_letters_alone_says_what_it_lacks(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "words.phones").write_text(DICTIONARY)
    with pytest.raises(DecodingError, match=r"hears letters alone.*heads\.phones"):
        load(tiny_checkpoint, decoding=DecodingOptions("beam", pronunciations=str(tmp_path / "words.phones")))


def test_the_verbs_know_of_it(
    checkpoint: Path,
    wav: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tuning writes it, transcribing and evaluating take it up, `none` leaves it out."""
    monkeypatch.chdir(tmp_path)
    words = ["--lm", "m.arpa", "--pronunciations", "words.phones", "--letter-weight", "0.3"]
    grid = [
        "--lm-weights",
        "0",
        "1",
        "2",
        "--word-bonuses",
        "0",
        "1",
        "2",
        "--blank-penalties",
        "0",
        "1",
        "2",
    ]
    assert main(["lm", "tune", "--model", "two.pt", "--manifest", "dev.jsonl", *words, *grid]) == 0
    found = json.loads((tmp_path / "two.decoding.json").read_text())["options"]
    assert found["pronunciations"] == "words.phones"
    capsys.readouterr()
    assert main(["transcribe", str(wav), "--model", "two.pt"]) == 0
    by_phones = capsys.readouterr().out
    assert set(by_phones.split()) <= {"CAB", "AB", "A"}
    assert load("two.pt", device="cpu").transcribe(wav).text == by_phones.strip()
    assert main(["transcribe", str(wav), "--model", "two.pt", "--decoding", "greedy"]) == 0
    assert capsys.readouterr().out != by_phones
    assert main(["transcribe", str(wav), "--model", "two.pt", "--hot-word", "ZEBRA"]) == 1
    assert "no pronunciation of ZEBRA" in capsys.readouterr().err
    assert main(["evaluate", "dev.jsonl", "--model", "two.pt", "--out", "report"]) == 0
    decoding = json.loads((tmp_path / "report" / "report.json").read_text())["settings"]["decoding"]
    assert decoding.endswith("pronunciations words.phones, letter weight 0.3")
    assert (
        main(["evaluate", "dev.jsonl", "--model", "two.pt", "--out", "letters", "--pronunciations", "none"])
        == 0
    )
    decoding = json.loads((tmp_path / "letters" / "report.json").read_text())["settings"]["decoding"]
    assert "pronunciations" not in decoding
    assert main(["model", "info", "two.pt"]) == 0
    assert "k, a, b" in capsys.readouterr().out.replace("'", "")


def test_a_recording_in_stretches_and_the_server_hear_phones_too(
    checkpoint: Path, tmp_path: Path, wav: Path
) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed: pip install '.[serve]'")
    from asr.serving.config import ServingConfig
    from asr.serving.engine import Engine
    from asr.serving.metrics import Metrics

    transcriber = make_transcriber(checkpoint, through_phones(tmp_path))
    engine = Engine(transcriber, ServingConfig(), Metrics())
    try:
        served = asyncio.run(engine.transcribe(wav))
    finally:
        engine.stop()
    assert served.text == transcriber.transcribe(wav).text


@pytest.mark.parametrize("piece", [1600, 5000])
def test_live_speech_comes_from_phones_too(checkpoint: Path, tmp_path: Path, wav: Path, piece: int) -> None:
    """What is heard in pieces is what the decoder finds in the frames that the session heard."""
    transcriber = make_transcriber(checkpoint, through_phones(tmp_path))
    waveform, _ = soundfile.read(wav, dtype="float32")
    session = open_session(transcriber)
    results = [
        result
        for start in range(0, len(waveform), piece)
        for result in session.feed(waveform[start : start + piece])
    ]
    results += session.finish()
    text = " ".join(result.text for result in results if result.kind == "final")
    # Shorter than the warm-up, so that it is normalised as a whole, like the file.
    assert text == transcriber.transcribe(wav).text


def test_a_one_directional_model_hears_phones_live() -> None:
    torch.manual_seed(0)
    encoder = EncoderConfig(layers=1, hidden_size=16, channels=4, bidirectional=False)
    shape = AcousticModelConfig(FeaturesConfig(normalisation="none"), encoder=encoder, phones=PHONES)
    model = AcousticModel(shape, vocabulary_size=5).eval()
    waveform = torch.randn(1, 16000) * 0.1
    emitter = StreamingEmitter(model)
    pieces = [emitter.feed(piece.numpy()) for piece in waveform[0].split(1000)]
    with torch.inference_mode():
        whole = model.heads(*model.features(waveform, torch.tensor([16000])))
    found = join([*pieces, emitter.finish()])
    assert whole.phones is not None
    assert found.letters == pytest.approx(whole.letters[0].numpy(), abs=1e-4)
    assert found.phones == pytest.approx(whole.phones[0].numpy(), abs=1e-4)
