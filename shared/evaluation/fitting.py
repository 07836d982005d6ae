"""Which share the vector score should have, and the gate a change must pass.

Every weight is tried with the real search. The gate is k-fold: each fold is judged with the weight
that was best on the others, and only when those held-out values beat the present weight by more
than chance explains may the weight change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.evaluation.model import Interval, ValuesByQuestion
from shared.evaluation.sampling import difference

FOLDS = 5
FEWEST_QUESTIONS = 20
GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What was found for one language.

    ``before`` and ``held_out`` are mean nDCG of the present weight and of weights chosen without
    the questions they are judged by; ``change`` is their difference.
    """

    language: str
    questions: int
    present: float
    proposed: float
    before: float
    held_out: float
    change: Interval | None
    is_accepted: bool
    reason: str


def weights_to_try(present: float) -> tuple[float, ...]:
    """Return the grid with the present weight in it."""
    return tuple(sorted({*GRID, round(present, 4)}))


def fit(language: str, values: Mapping[float, ValuesByQuestion], *, present: float) -> Fit:
    """Choose a weight; ``values`` are each weight's nDCG by question, the present one's too."""
    now = values[present]
    questions = sorted(now)
    before = _mean(now, questions)
    if len(questions) < FEWEST_QUESTIONS:
        reason = f"{len(questions)} judged questions; at least {FEWEST_QUESTIONS} are needed"
        return _unchanged(language, len(questions), present, before, reason)
    held_out: dict[str, float] = {}
    for fold in range(FOLDS):
        others = [each for n, each in enumerate(questions) if n % FOLDS != fold]
        chosen = _best(values, others, present)
        held_out |= {each: values[chosen][each] for each in questions[fold::FOLDS]}
    found = difference("ndcg@10", now, held_out, is_guarded=False)
    proposed = _best(values, questions, present)
    is_better = found.change.low > 0 and proposed != present
    reason = (
        "better on questions it was not fitted to"
        if is_better
        else "no gain on held-out questions beyond what chance explains"
    )
    return Fit(
        language=language,
        questions=len(questions),
        present=present,
        proposed=proposed if is_better else present,
        before=before,
        held_out=found.after,
        change=found.change,
        is_accepted=is_better,
        reason=reason,
    )


def _unchanged(language: str, questions: int, present: float, before: float, reason: str) -> Fit:
    return Fit(
        language=language,
        questions=questions,
        present=present,
        proposed=present,
        before=before,
        held_out=before,
        change=None,
        is_accepted=False,
        reason=reason,
    )


def _best(values: Mapping[float, ValuesByQuestion], questions: list[str], present: float) -> float:
    """Return the weight with the best mean; of equals the one nearest to the present one."""
    return max(values, key=lambda w: (round(_mean(values[w], questions), 9), -abs(w - present)))


def _mean(values: ValuesByQuestion, questions: list[str]) -> float:
    return sum(values[each] for each in questions) / len(questions) if questions else 0.0
