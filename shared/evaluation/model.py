"""Judged questions, runs and what is read off them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.kernel.ids import UserId

Kind = Literal["retrieval", "answers", "feedback"]
ValuesByQuestion = Mapping[str, float]

LOWER_IS_BETTER = frozenset(
    {"false_refusal", "false_answer_near", "false_answer_far", "false_answer_impossible"}
)
"""Measures of mistakes; all others grow with quality."""

GUARDED: Mapping[str, tuple[str, ...]] = {
    "retrieval": ("ndcg@10",),
    "feedback": ("ndcg@10",),
    "answers": (
        "hit@1",
        "false_refusal",
        "false_answer_near",
        "false_answer_far",
        "false_answer_impossible",
        "citation_valid",
    ),
}
"""Measures whose loss is a regression. Few, because each further one fails by chance as well."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the range that holds 95 % of the means of resampled questions."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What a measure gained over an earlier run, of the questions that both asked.

    ``is_regression``: it became worse, and the whole interval of the difference says so.
    """

    measure: str
    before: float
    after: float
    change: Interval
    is_regression: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One evaluation: the values of every measure, question by question.

    ``circumstances`` say what was evaluated and how (set, model, weights, sizes); ``latency_ms``
    holds percentiles by name.
    """

    kind: Kind
    name: str
    measures: Mapping[str, ValuesByQuestion]
    circumstances: Mapping[str, object] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run that the tenant keeps; ``run`` is its JSON."""

    id: UUID
    kind: str
    name: str
    run: dict[str, object]
    created_by: UserId
    created_at: datetime
