"""Intervals and comparisons: what chance explains, and what it does not."""

from __future__ import annotations

import pytest

from shared.evaluation.model import Run
from shared.evaluation.sampling import compare, interval
from shared.evaluation.serialization import run_from_json, run_to_json
from shared.kernel.errors import InvalidError


def a_run(measure: str, values: list[float], *, kind: str = "retrieval") -> Run:
    return Run(
        kind=kind,  # type: ignore[arg-type]
        name="laws",
        measures={measure: {str(n): value for n, value in enumerate(values)}},
        circumstances={"model": "m"},
        latency_ms={"p50": 1.5},
    )


def test_the_interval_is_as_wide_as_theory_says() -> None:
    found = interval([0.0, 1.0] * 200)
    assert found.mean == 0.5
    half = 1.96 * 0.5 / 400**0.5  # the normal approximation of a proportion
    assert found.low == pytest.approx(0.5 - half, abs=0.008)
    assert found.high == pytest.approx(0.5 + half, abs=0.008)
    assert interval([0.3] * 7).low == pytest.approx(0.3)


def test_the_same_values_give_the_same_interval() -> None:
    assert interval([0.0, 0.5, 1.0]) == interval([0.0, 0.5, 1.0])
    with pytest.raises(InvalidError):
        interval([])


def test_a_small_loss_on_every_question_is_seen_because_they_are_compared_in_pairs() -> None:
    before = [n % 10 / 10 + 0.05 for n in range(100)]
    worse = a_run("ndcg@10", [value - 0.02 for value in before])
    (found,) = compare(worse, a_run("ndcg@10", before))
    assert found.is_regression
    assert found.change.high < 0
    assert found.change.mean == pytest.approx(-0.02)


def test_ups_and_downs_are_noise() -> None:
    before = [0.5] * 100
    after = [0.4 if n % 2 else 0.59 for n in range(100)]
    (found,) = compare(a_run("ndcg@10", after), a_run("ndcg@10", before))
    assert found.change.mean < 0
    assert not found.is_regression


def test_more_of_a_mistake_is_a_regression_and_less_is_not() -> None:
    few, many = [0.0] * 90 + [1.0] * 10, [0.0] * 60 + [1.0] * 40
    fewer = a_run("false_refusal", few, kind="answers")
    more = a_run("false_refusal", many, kind="answers")
    assert compare(more, fewer)[0].is_regression
    assert not compare(fewer, more)[0].is_regression


def test_measures_that_are_not_guarded_never_fail_a_run() -> None:
    (found,) = compare(a_run("recall@100", [0.0] * 20), a_run("recall@100", [1.0] * 20))
    assert not found.is_regression


def test_only_questions_that_both_asked_are_compared() -> None:
    long, short = a_run("ndcg@10", [1.0] * 10), a_run("ndcg@10", [0.5] * 4)
    (found,) = compare(short, long)
    assert (found.change.count, found.before, found.after) == (4, 1.0, 0.5)


def test_runs_with_nothing_in_common_are_not_compared() -> None:
    with pytest.raises(InvalidError, match="shares no question"):
        compare(a_run("ndcg@10", [1.0]), a_run("hit@1", [1.0]))
    with pytest.raises(InvalidError, match="one of answers"):
        compare(a_run("hit@1", [1.0]), a_run("hit@1", [1.0], kind="answers"))


def test_a_saved_run_reads_back_as_it_was() -> None:
    run = a_run("ndcg@10", [0.25, 1.0])
    assert run_from_json(run_to_json(run)) == run


@pytest.mark.parametrize(
    "body", [None, {}, {"format": 1}, {"format": 1, "kind": "x", "measures": {}}]
)
def test_what_is_no_run_is_refused(body: object) -> None:
    with pytest.raises(InvalidError):
        run_from_json(body)
