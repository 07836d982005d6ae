"""Near misses are never taken for the same question; what only differs in wrapping mostly is."""

from __future__ import annotations

import numpy as np
import pytest

from shared.answering.same_meaning import core_of, mean_the_same
from shared.inference.embedding import Embedder
from tests.unit.answering.question_pairs import PAIRS, Pair

NEAR_MISSES = [pair for pair in PAIRS if not pair.is_same]
PARAPHRASES = [pair for pair in PAIRS if pair.is_same]
LEAST_HIT_RATE = 0.9


def is_taken(pair: Pair) -> bool:
    return mean_the_same(pair.one, pair.other, language=pair.language)


def test_there_are_enough_pairs_and_some_were_held_out() -> None:
    assert len(PAIRS) >= 200
    assert min(len(NEAR_MISSES), len(PARAPHRASES)) >= 75
    assert 0.3 < sum(pair.is_held_out for pair in PAIRS) / len(PAIRS) < 0.7


def test_no_near_miss_is_taken_in_either_direction() -> None:
    turned = [Pair(pair.language, pair.other, pair.one, pair.is_same) for pair in NEAR_MISSES]
    assert [pair for pair in NEAR_MISSES + turned if is_taken(pair)] == []


@pytest.mark.parametrize("is_held_out", [False, True])
def test_most_paraphrases_are_taken(*, is_held_out: bool) -> None:
    asked = [pair for pair in PARAPHRASES if pair.is_held_out is is_held_out]
    assert sum(map(is_taken, asked)) / len(asked) >= LEAST_HIT_RATE


def test_nearness_and_words_together_hit_what_is_the_same_and_nothing_else(
    embedder: Embedder,
) -> None:
    """Why words are looked at: by their vectors alone near misses pass 0.9 as paraphrases do."""
    vectors = embedder.embed([core_of(text) for pair in PAIRS for text in (pair.one, pair.other)])
    near = np.einsum("ij,ij->i", vectors[::2], vectors[1::2]) >= 0.9
    is_same = np.array([pair.is_same for pair in PAIRS])
    taken = near & np.array([is_taken(pair) for pair in PAIRS])
    assert near[~is_same].mean() > 0.25
    assert not taken[~is_same].any()
    assert taken[is_same].mean() >= 0.85


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("¿Cuándo termina el contrato?", "¿Cuándo empieza el contrato?"),
        ("is it", "is it not"),
        ("2023", "2024"),
        ("Wer?", "Wo?"),
        ("Frist für Mieter 2", "Frist 2 für Mieter"),
        ("When do we pay them?", "When do they pay us?"),
    ],
)
def test_short_odd_and_foreign_questions_are_told_apart(one: str, other: str) -> None:
    for language in ("de", "en", "simple"):
        assert not mean_the_same(one, other, language=language)
        assert mean_the_same(one, one, language=language)
