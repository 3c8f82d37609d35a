"""Unit models as dense tables, against looking the same n-grams up one by one."""

import itertools
import math
import random

import pytest
import torch

from asr.errors import LanguageModelError
from asr.language_model.ngram import END, START
from asr.model.unit_model import estimate_unit_model, sequence_scores, unit_table

UNITS = ["a", "b", "c", "d", "never"]


def sentences(seed: int) -> list[list[str]]:
    generator = random.Random(seed)
    return [generator.choices(UNITS[:4], [8, 4, 2, 1], k=generator.randint(1, 9)) for _ in range(60)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_table_has_what_looking_up_gives(order: int) -> None:
    model = estimate_unit_model(sentences(order), UNITS, order=order)
    table = unit_table(model, UNITS)
    assert table.shape == (6 if order == 3 else 1, 6, 6)
    torch.testing.assert_close(table.exp().sum(dim=2), torch.ones(table.shape[:2]))
    following = [END, *(model.word_id(unit) for unit in UNITS)]
    for before, last in itertools.product(range(len(table)), range(6)):
        if last == 0 and before != 0:
            continue  # an utterance does not begin in its middle
        # (edge, b) is "<s> b"; (a, b) is "a b" wherever it stands.
        state = model.score(0, following[before])[1] if before else model.start_state
        state = model.score(state, following[last])[1] if last else state
        found = [model.score(state, word)[0] for word in following]
        total = math.log(sum(map(math.exp, found)))
        expected = [value - total for value in found]
        assert table[before, last].tolist() == pytest.approx(expected, abs=1e-5), (before, last)
    assert START not in following


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_sequence_scores_what_the_model_gives_its_words(order: int) -> None:
    """But for what the table shares out: the probability of words that are no units."""
    model = estimate_unit_model(sentences(7), UNITS, order=order)
    table = unit_table(model, UNITS)
    for text in sentences(8)[:10]:
        ids = torch.tensor([[1 + UNITS.index(unit) for unit in text]])
        found = float(sequence_scores(table, ids, torch.tensor([len(text)])))
        assert found == pytest.approx(sum(model.score_words(text)), rel=0.02)


def test_units_that_the_model_lacks_and_orders_without_a_table_are_errors() -> None:
    model = estimate_unit_model(sentences(1), UNITS, order=2)
    with pytest.raises(LanguageModelError, match="lacks the units e, f"):
        unit_table(model, [*UNITS, "e", "f"])
    with pytest.raises(LanguageModelError, match=r"order 4.*1 to 3"):
        estimate_unit_model(sentences(1), UNITS, order=4)
