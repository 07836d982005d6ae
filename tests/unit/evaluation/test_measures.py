"""Measures, against values worked out by hand from their definitions."""

from __future__ import annotations

import math

import pytest

from shared.evaluation.measures import hit, measures_of, ndcg, recall, reciprocal_rank

GRADES = {"a": 3, "b": 1, "c": 0, "d": 2}


def test_the_best_order_gains_everything() -> None:
    assert ndcg(["a", "d", "b"], GRADES, 10) == 1
    assert ndcg(["a", "d", "x", "y"], {"a": 3, "d": 2}, 2) == 1


def test_gains_are_grades_and_places_are_discounted_by_the_logarithm() -> None:
    best = 3 + 2 / math.log2(3) + 1 / 2
    assert ndcg(["x", "b", "a"], GRADES, 10) == pytest.approx((1 / math.log2(3) + 3 / 2) / best)


def test_what_is_judged_irrelevant_or_not_at_all_gains_nothing() -> None:
    assert ndcg(["c", "x"], GRADES, 10) == 0
    assert ndcg(["c"], {"c": 0}, 10) == 0
    assert ndcg(["a"], {"a": 1, "b": -1}, 10) == 1


def test_results_beyond_the_cut_off_do_not_count() -> None:
    assert ndcg(["x", "a"], {"a": 1}, 1) == 0
    assert recall(["x", "a"], {"a": 1, "b": 1}, 1) == 0
    assert recall(["x", "a"], {"a": 1, "b": 1}, 2) == 0.5
    assert reciprocal_rank(["x", "a"], {"a": 1}, 1) == 0
    assert reciprocal_rank(["x", "a"], {"a": 1}, 2) == 0.5
    assert hit(["x", "a"], {"a": 1}, 1) == 0


def test_a_query_without_results_counts_as_nothing() -> None:
    assert set(measures_of([], GRADES).values()) == {0.0}
    assert set(measures_of([], GRADES)) == {
        "ndcg@10", "recall@10", "recall@100", "mrr@10", "hit@1",
    }  # fmt: skip
