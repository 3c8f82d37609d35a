"""Lexicons and language models that are mapped from the cache decode as those that were just made."""

import logging

import numpy as np
import pytest

from asr import cache
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.lexicon import best_in_subtree, build_trie
from asr.decoding.options import DecodingOptions
from asr.decoding.pronunciation_lexicon import (
    PronunciationLexicon,
    build_pronunciation_lexicon,
    map_lexicon,
    write_lexicon,
)
from asr.errors import DecodingError, LanguageModelError
from asr.language_model.binary import read_language_model, write_language_model
from asr.language_model.estimate import estimate

PHONES = ["k", "ae", "t", "s"]
SAID = {"CAT": [["k", "ae", "t"]], "CATS": [["k", "ae", "t", "s"]], "ACT": [["ae", "k", "t"]], "Ä": [["ae"]]}
TEXT = [line.split() for line in ("CAT ACT", "CATS ACT CAT", "Ä CAT", "ACT CATS")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ASR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1)
    return tmp_path / "cache"


@pytest.fixture
def options(tmp_path):
    """Of files: pronunciations and a small language model."""
    lines = (f"{word}  {' '.join(way)}\n" for word, ways in SAID.items() for way in ways)
    (tmp_path / "said.dict").write_text("".join(lines))
    write_language_model(tmp_path / "words.lm", estimate(TEXT, order=3), small=True)
    return DecodingOptions(
        "beam", lm=str(tmp_path / "words.lm"), lexicon="lm", pronunciations=str(tmp_path / "said.dict")
    )


def emission() -> Emission:
    generator = np.random.default_rng(1)
    phones = generator.normal(size=(12, 1 + len(PHONES))) * 2
    phones -= np.log(np.exp(phones).sum(axis=1, keepdims=True))
    return Emission(np.full((12, 4), -1.4, np.float32), phones.astype(np.float32))


def decoder(options) -> Decoder:
    tokenizer = CharacterTokenizer(["<blank>", *" AC"])
    return Decoder(options, tokenizer, seconds_per_frame=0.03, phones=PHONES)


def found(options) -> list[tuple[str, float]]:
    return [(one.text, one.score) for one in decoder(options).n_best(emission(), 5)]


def names(folder) -> list[str]:
    return sorted(path.name.rsplit("-", 1)[0] for path in folder.iterdir())


def test_what_is_mapped_decodes_as_what_was_made(options, folder, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1 << 30)
    made = found(options)
    assert not folder.exists()
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1)
    assert found(options) == made  # bit for bit
    assert names(folder) == ["language-model", "lexicon"]

    def fail(*_: object) -> None:
        raise AssertionError("made once more")

    monkeypatch.setattr("asr.decoding.resources.read_all_pronunciations", fail)
    monkeypatch.setattr("asr.language_model.binary.suffix_links", fail)
    assert found(options) == made


@pytest.mark.parametrize("changed", ["pronunciations", "language model", "lexicon", "phones"])
def test_what_a_lexicon_is_made_of_decides_whether_it_is_made_anew(options, folder, tmp_path, changed):
    words = tmp_path / "words.txt"
    words.write_text("CAT\nCATS\nACT\n")
    if changed == "lexicon":
        options = DecodingOptions(**{**vars(options), "lexicon": str(words)})
    found(options)
    before = len(names(folder))
    if changed == "pronunciations":
        with open(options.pronunciations, "a", encoding="utf-8") as file:
            file.write("ACT(2)  ae t\n")
    elif changed == "language model":
        write_language_model(options.lm, estimate([["CAT"], *TEXT], order=3), small=True)
    elif changed == "lexicon":
        words.write_text("CAT\nACT\n")
    if changed == "phones":
        tokenizer = CharacterTokenizer(["<blank>", *" AC"])
        Decoder(options, tokenizer, seconds_per_frame=0.03, phones=[*PHONES, "x"])
    else:
        found(options)
    assert len(names(folder)) == before + (2 if changed == "language model" else 1)


def test_hot_words_are_heard_through_a_lexicon_of_their_own(options, folder):
    found(options)
    favoured = decoder(DecodingOptions(**{**vars(options), "hot_words": {"CAT CATS": 50.0}}))
    assert "CAT CATS" in favoured(emission()).text
    assert names(folder) == ["language-model", "lexicon"]


@pytest.mark.parametrize("kind", ["lexicon", "language-model"])
def test_a_cut_file_is_made_anew(options, folder, kind, caplog):
    made = found(options)
    [path] = folder.glob(f"{kind}-*")
    path.write_bytes(path.read_bytes()[:-100])
    caplog.set_level(logging.WARNING, logger="asr")
    assert found(options) == made
    assert "cut short" in caplog.text
    assert "making it anew" in caplog.text


def test_arrays_that_do_not_fit_together_are_refused(tmp_path):
    lexicon = build_pronunciation_lexicon(SAID, PHONES, source="test")
    broken = PronunciationLexicon(**{**vars(lexicon), "first_token": lexicon.first_token[:-1]})
    write_lexicon(tmp_path / "lexicon", broken)
    with pytest.raises(DecodingError, match="its arrays do not fit together"):
        map_lexicon(tmp_path / "lexicon", None)


def test_an_arpa_file_and_a_small_model_are_kept_and_one_that_maps_itself_is_not(tmp_path, folder):
    model = estimate(TEXT, order=3)
    for name in ("whole.lm", "words.arpa.gz"):
        write_language_model(tmp_path / name, model)
        for _ in range(2):
            again = read_language_model(tmp_path / name)
            assert again.words == model.words
            for array, wanted in zip(again.arrays, model.arrays, strict=True):
                assert np.array_equal(array, wanted)
    assert names(folder) == ["language-model"]
    with pytest.raises(LanguageModelError, match="cannot read"):
        read_language_model(tmp_path / "missing.lm")


def test_words_and_phones_of_entries_are_as_they_were_given():
    lexicon = build_pronunciation_lexicon(SAID, PHONES, phrases=["Ä CATS"], source="test")
    assert lexicon.texts() == ["CAT", "CATS", "ACT", "Ä", "Ä CATS"]
    assert (lexicon.words_of(4), lexicon.tokens_of(4)) == (["Ä", "CATS"], [[2], [1, 2, 3, 4]])
    assert lexicon.words_of(0) == ["CAT"]


@pytest.mark.parametrize("seed", range(5))
def test_the_tree_holds_every_sequence_and_the_best_value_below_each_node(seed):
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(1, 4, size=generator.integers(0, 6)).tolist() for _ in range(40)]
    values = generator.normal(size=len(sequences))
    trie = build_trie(sequences, vocabulary_size=4)
    expected = np.full(len(trie.token), -np.inf)
    prefixes = {(): 0}
    for number, sequence in enumerate(sequences):
        node = 0
        expected[0] = max(expected[0], values[number])
        for depth, token in enumerate(sequence, 1):
            first, last = trie.first_child[node], trie.first_child[node + 1]
            node = int(first + np.searchsorted(trie.token[first:last], token))
            assert node < last
            assert trie.token[node] == token
            prefixes[tuple(sequence[:depth])] = node
            expected[node] = max(expected[node], values[number])
        assert number in trie.entry[trie.first_entry[node] : trie.first_entry[node + 1]]
    assert len(trie.token) == trie.first_child[-1] == len(prefixes) == len(set(prefixes.values()))
    assert np.array_equal(np.sort(trie.entry), np.arange(len(sequences)))
    assert np.array_equal(best_in_subtree(trie, values), expected)
