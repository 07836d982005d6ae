"""Which share the vector score should have, and the gate a change must pass.

Every weight is tried with the real search. The gate is k-fold: each fold is judged with the weight
that was best on the others, and only when those held-out values beat the present weight by more
than chance explains may the weight change. What is asked about one thing stays in one fold. Where
questions come from several sets every set weighs the same, and none may lose by the change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.evaluation.model import Difference, Interval, ValuesByQuestion
from shared.evaluation.sampling import difference, interval

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
    by_set: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Which set a question is from, and what it is about."""

    set: str
    topic: str


def weights_to_try(present: float) -> tuple[float, ...]:
    """Return the grid with the present weight in it."""
    return tuple(sorted({*GRID, round(present, 4)}))


def fit(
    language: str,
    values: Mapping[float, ValuesByQuestion],
    *,
    present: float,
    origins: Mapping[str, Origin] | None = None,
) -> Fit:
    """Choose a weight; ``values`` are each weight's nDCG by question, the present one's too.

    ``origins`` say where questions are from; by default all are of one set, and each about
    something else.
    """
    now = values[present]
    questions = sorted(now)
    origins = origins or {each: Origin("", each) for each in questions}
    shares = _shares(questions, origins)
    before = _mean(now, questions, shares)
    if len(questions) < FEWEST_QUESTIONS:
        reason = f"{len(questions)} judged questions; at least {FEWEST_QUESTIONS} are needed"
        return _unchanged(language, len(questions), present, before, reason)
    fold_of = folds(questions, origins)
    held_out: dict[str, float] = {}
    for fold in range(FOLDS):
        others = [each for each in questions if fold_of[each] != fold]
        chosen = _best(values, others, shares, present)
        held_out |= {each: values[chosen][each] for each in questions if fold_of[each] == fold}
    change = _change(now, held_out, shares)
    by_set = tuple(
        difference(name, *(_of(each, name, origins) for each in (now, held_out)), is_guarded=True)
        for name in sorted({origins[each].set for each in questions})
    )
    proposed = _best(values, questions, shares, present)
    reason = _objection(change, by_set, is_other=proposed != present)
    return Fit(
        language=language,
        questions=len(questions),
        present=present,
        proposed=present if reason else proposed,
        before=before,
        held_out=_mean(held_out, questions, shares),
        change=change,
        is_accepted=not reason,
        reason=reason or "better on questions it was not fitted to",
        by_set=by_set,
    )


def folds(questions: Sequence[str], origins: Mapping[str, Origin]) -> dict[str, int]:
    """Deal topics out to the folds, one after the other, and questions with them."""
    topics = sorted({origins[each] for each in questions}, key=lambda each: (each.set, each.topic))
    fold_of = {topic: number % FOLDS for number, topic in enumerate(topics)}
    return {each: fold_of[origins[each]] for each in questions}


def _objection(change: Interval, by_set: Sequence[Difference], *, is_other: bool) -> str:
    """Say why the weight may not change; empty when it may."""
    if change.low <= 0 or not is_other:
        return "no gain on held-out questions beyond what chance explains"
    losers = [each.measure for each in by_set if each.is_regression]
    return f"loses on {', '.join(losers)}" if losers else ""


def _change(
    before: ValuesByQuestion, after: ValuesByQuestion, shares: Mapping[str, float]
) -> Interval:
    """Return what the mean gained, every set weighing the same."""
    count = len(after)
    return interval([(after[each] - before[each]) * shares[each] * count for each in sorted(after)])


def _of(values: ValuesByQuestion, name: str, origins: Mapping[str, Origin]) -> ValuesByQuestion:
    return {each: value for each, value in values.items() if origins[each].set == name}


def _shares(questions: Sequence[str], origins: Mapping[str, Origin]) -> dict[str, float]:
    """Return what each question counts, so that all sets count the same and all together 1."""
    sizes = Counter(origins[each].set for each in questions)
    return {each: 1 / len(sizes) / sizes[origins[each].set] for each in questions}


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


def _best(
    values: Mapping[float, ValuesByQuestion],
    questions: Sequence[str],
    shares: Mapping[str, float],
    present: float,
) -> float:
    """Return the weight with the best mean; of equals the one nearest to the present one."""
    return max(
        values, key=lambda w: (round(_mean(values[w], questions, shares), 9), -abs(w - present))
    )


def _mean(values: ValuesByQuestion, questions: Sequence[str], shares: Mapping[str, float]) -> float:
    total = sum(shares[each] for each in questions)
    return sum(values[each] * shares[each] for each in questions) / total if questions else 0.0
