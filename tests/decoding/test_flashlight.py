"""Our search beside flashlight's through torchaudio, on the same emissions, models, weights and beam.

Both texts are scored exactly: CTC forward probability plus weighted language model and word bonus. Beams
cut differently, so a text may be missed by either; ours must score at least as high nearly always.
"""

import random

import numpy as np
import pytest

from asr.decoding.alphabet import Alphabet
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.prefix_scorer import Weights
from asr.decoding.pronunciation_lexicon import build_spelling_lexicon
from asr.decoding.search import Limits
from asr.language_model.arpa import write_arpa
from asr.language_model.estimate import estimate
from asr.language_model.ngram import LN10

ALPHABET = Alphabet(("", " ", *"ABCDEFGH"))
LEXICON = ["AB", "ABE", "BAD", "BEAD", "CAB", "DAB", "DEAF", "EGG", "FACE", "FED", "GAB", "HEAD"]


def sentences(seed: int, count: int) -> list[list[str]]:
    generator = random.Random(seed)
    text = []
    for _ in range(count):
        at, words = generator.randrange(len(LEXICON)), []
        for _ in range(generator.randrange(1, 6)):
            words.append(LEXICON[at])
            at = (at * 2 + generator.randrange(3)) % len(LEXICON)
        text.append(words)
    return text


def spoken(words: list[str], generator: np.random.Generator) -> np.ndarray:
    """A noisy emission of some words; the last frame is a space for certain, as flashlight's lexicon wants."""
    frames = []
    for symbol in " ".join(words):
        frames += [ALPHABET.ids[symbol]] * generator.integers(1, 3) + [0] * generator.integers(1, 3)
    logits = generator.normal(size=(len(frames), len(ALPHABET.symbols))) * 1.5
    logits[np.arange(len(frames)), frames] += 4
    last = np.full((1, len(ALPHABET.symbols)), -1e4)
    last[0, ALPHABET.space] = 0
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.concatenate([log_probs, last]).astype(np.float32)


def test_our_text_scores_at_least_as_high_as_flashlights(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip(
        "flashlight.lib.text",
        reason="flashlight-text is not installed; it has wheels for Python 3.10 to 3.12",
    )
    decoders = pytest.importorskip("torchaudio.models.decoder", reason="this torchaudio has no CTC decoder")
    lm, weights = estimate(sentences(0, 300), order=3), Weights(0.8, 0.7)
    write_arpa(tmp_path / "lm.arpa", lm)
    (tmp_path / "lexicon.txt").write_text("".join(f"{word} {' '.join(word)} |\n" for word in LEXICON))
    theirs = decoders.ctc_decoder(
        lexicon=str(tmp_path / "lexicon.txt"),
        tokens=["-", "|", *ALPHABET.symbols[2:]],
        lm=str(tmp_path / "lm.arpa"),
        beam_size=20,
        beam_threshold=100,
        lm_weight=weights.lm * LN10,
        word_score=weights.word_bonus,
        blank_token="-",
        sil_token="|",
        log_add=True,
    )
    lexicon = build_spelling_lexicon(LEXICON, ALPHABET)
    ours = LexiconBeamSearch(
        lexicon, build_lexicon_scorer(lexicon, lm=lm, weights=weights), limits=Limits(20)
    )
    generator = np.random.default_rng(0)
    worse, compared = [], 60
    for words in sentences(1, compared):
        log_probs = spoken(words, generator)
        tensor = torch.from_numpy(log_probs)
        mine = ours.text(ours.search(log_probs)[0]).split()
        other = theirs(tensor[None])[0][0].words

        def exact(words: list[str], tensor=tensor) -> float:
            tokens = torch.tensor([[ALPHABET.ids[symbol] for symbol in " ".join(words) + " "]])
            loss = torch.nn.functional.ctc_loss(
                tensor.double()[:, None], tokens, torch.tensor([len(tensor)]), torch.tensor([tokens.shape[1]])
            )
            acoustic = -float(loss) * tokens.shape[1]
            return acoustic + weights.lm * sum(lm.score_words(words)) + weights.word_bonus * len(words)

        if mine != other and exact(mine) < exact(other):
            worse.append((mine, exact(mine), other, exact(other)))
    assert len(worse) <= 0.01 * compared, worse
