"""Alignment with the model in the package: flite's own times as the truth, texts that do not fit, notices."""

import shutil

import numpy as np
import pytest
import soundfile

from asr.cli import main
from asr.companions import Companion
from asr.decoding.options import DecodingOptions
from asr.errors import DecodingError, TranscriptError
from asr.model.pretrained import default_model
from asr.transcription.loading import load
from benchmark_alignment import differences, true_times
from flite import speak_segments

MODEL = default_model()
pytestmark = [
    pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed"),
    pytest.mark.skipif(
        MODEL is None or not Companion.PHONE_MODELS.path(MODEL).exists(),
        reason="no model in this build, or none of its phones' sounds",
    ),
]
FIRST = "the juice of lemons makes fine punch"
SECOND = "two blue fish swam in the tank"
THIRD = "press the pants and sew a button on the vest"


@pytest.fixture(scope="module")
def aligner():
    return load(decoding=DecodingOptions(), device="cpu", precision="float32").aligner()


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A file of three sentences, and the seconds at which each begins and the last ends."""
    folder = tmp_path_factory.mktemp("flite")
    waveforms = []
    for number, sentence in enumerate((FIRST, SECOND, THIRD)):
        speak_segments(sentence, folder / f"{number}.wav", voice="slt")
        waveforms.append(soundfile.read(folder / f"{number}.wav", dtype="float32")[0])
    soundfile.write(folder / "all.wav", np.concatenate(waveforms), 16_000)
    return folder / "all.wav", np.cumsum([0, *map(len, waveforms)]) / 16_000


@pytest.mark.parametrize("voice", ["slt", "kal16"])
def test_boundaries_are_near_those_of_the_synthesiser(aligner, tmp_path, voice):
    words, phones = [], []
    for number, sentence in enumerate((FIRST, SECOND, THIRD)):
        path = tmp_path / f"{number}.wav"
        true_words, true_phones = true_times(sentence, path, voice=voice)
        found = aligner.align_file(path, sentence)
        assert not found.misfits
        kind = type(true_words[0])
        words += differences(true_words, [kind(word.text, word.start, word.end) for word in found.words])
        units = [unit for word in found.words for unit in word.phones]
        phones += differences(true_phones, [kind(unit.text, unit.start, unit.end) for unit in units])
    for values in (words, phones):
        far = np.abs(values)
        assert far.mean() < 0.02
        assert np.mean(far <= 0.025) > 0.75


def test_speech_that_the_text_lacks_is_named_and_its_neighbours_stay(aligner, spoken):
    path, cuts = spoken
    right = aligner.align_file(path, f"{FIRST} {SECOND} {THIRD}")
    assert right.misfits == ()
    found = aligner.align_file(path, f"{FIRST} {THIRD}")
    [misfit] = found.misfits
    assert misfit.kind == "not in the text"
    assert abs(misfit.start - cuts[1]) < 0.4
    assert abs(misfit.end - cuts[2]) < 0.4
    kept = [*right.words[:7], *right.words[14:]]
    assert [word.text for word in found.words] == [word.text for word in kept]
    assert max(abs(a.start - b.start) for a, b in zip(found.words, kept, strict=True)) < 0.05


def test_words_that_are_not_spoken_are_named_and_left_out(aligner, spoken):
    path, cuts = spoken
    missing = "the swan dive was far short of perfect"
    found = aligner.align_file(path, f"{FIRST} {SECOND} {missing} {THIRD}")
    [misfit] = found.misfits
    assert (misfit.kind, misfit.text) == ("not spoken", missing)
    assert abs(misfit.start - cuts[2]) < 0.6
    assert " ".join(word.text for word in found.words) == f"{FIRST} {SECOND} {THIRD}"


def test_strict_makes_a_misfit_an_error_and_a_warning_says_where(spoken, tmp_path, capsys):
    path, _ = spoken
    (tmp_path / "text.txt").write_text(f"{FIRST} {THIRD}")
    command = ["align", str(path), str(tmp_path / "text.txt"), "--out", str(tmp_path / "out.json")]
    assert main(command) == 0
    assert "not in the text" in capsys.readouterr().err
    assert main([*command, "--strict"]) == 1
    assert "not in the text" in capsys.readouterr().err
    assert main([*command, "--believe-text"]) == 0
    assert "not in the text" not in capsys.readouterr().err


def test_written_forms_are_kept_and_unknown_words_are_said_by_rule(aligner, tmp_path):
    pytest.importorskip("num2words")
    speak_segments(
        "the zworkler paid twenty five dollars in nineteen eighty four", tmp_path / "a.wav", voice="slt"
    )
    found = aligner.align_file(tmp_path / "a.wav", "The Zworkler paid $25, in 1984!")
    assert [word.text for word in found.words] == ["The", "Zworkler", "paid", "$25,", "in", "1984!"]
    assert list(found.guessed) == ["Zworkler"]
    year = " ".join(unit.text for unit in found.words[-1].phones)
    assert year.startswith("n aɪ n t i n eɪ t i")


def test_a_dictionary_of_ones_own_goes_first(tmp_path, spoken):
    path, _ = spoken
    (tmp_path / "own.txt").write_text("punch 0.9 0.1 1.0 1.0 P AH1 N CH\nJUICE  dʒ u s\n")
    transcriber = load(decoding=DecodingOptions(), device="cpu")
    found = transcriber.align(path, "punch", pronunciations=tmp_path / "own.txt", prices=None)
    assert [unit.text for unit in found.words[0].phones] == ["p", "ə", "n", "tʃ"]
    (tmp_path / "own.txt").write_text("punch  QQ")
    with pytest.raises(DecodingError, match="phones that the model lacks, such as QQ"):
        transcriber.align(path, "punch", pronunciations=tmp_path / "own.txt")


def test_waveforms_are_aligned_as_their_files(spoken):
    path, _ = spoken
    transcriber = load(decoding=DecodingOptions(), device="cpu")
    waveform, _ = soundfile.read(path, dtype="float32")
    text = f"{FIRST} {SECOND} {THIRD}"
    assert transcriber.align(waveform, text) == transcriber.align(path, text)
    with pytest.raises(TranscriptError, match="no words in the text"):
        transcriber.align(waveform, " -- ")


def test_confidence_is_high_where_the_text_fits_and_low_where_it_does_not(spoken):
    path, _ = spoken
    transcriber = load(decoding=DecodingOptions(), device="cpu")
    right = transcriber.align(path, f"{FIRST} {SECOND} {THIRD}", prices=None).words
    wrong = transcriber.align(path, f"{FIRST} her purse was full of useless trash {THIRD}", prices=None).words
    assert np.mean([word.confidence for word in right]) > 0.8
    assert np.mean([word.confidence for word in wrong[7:14]]) < 0.4
