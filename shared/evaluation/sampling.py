"""How far chance alone explains a mean or a difference: the bootstrap over questions.

Efron's percentile bootstrap; for two runs the questions are drawn in pairs, which is what makes
small differences visible. The seed is fixed: the same values give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.evaluation.model import (
    GUARDED,
    LOWER_IS_BETTER,
    Difference,
    Interval,
    Run,
    ValuesByQuestion,
)
from shared.kernel.errors import InvalidError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 20
_AT_ONCE = 200  # resamples per step: 10,000 questions then take 16 MB


def interval(values: Sequence[float]) -> Interval:
    """Return the mean with its 95 % interval; raises InvalidError without values."""
    import numpy as np

    if not values:
        raise InvalidError("There is nothing to take the mean of.")
    sample = np.asarray(values, dtype=np.float64)
    means = _resampled_means(sample)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(sample.mean()), float(low), float(high), len(values))


def compare(run: Run, earlier: Run) -> list[Difference]:
    """Compare a run with an earlier one, measure by measure, over the questions both asked.

    Raises InvalidError when the two have nothing in common.
    """
    if run.kind != earlier.kind:
        raise InvalidError(
            f"The saved run is one of {earlier.kind}, this is one of {run.kind}.",
            hint="Compare runs of the same kind.",
        )
    found = [
        difference(name, earlier.measures[name], values, is_guarded=name in GUARDED[run.kind])
        for name, values in run.measures.items()
        if name in earlier.measures and values.keys() & earlier.measures[name].keys()
    ]
    if not found:
        raise InvalidError(
            "The saved run shares no question with this one.",
            hint="Compare runs over the same set.",
        )
    return found


def difference(
    name: str, before: ValuesByQuestion, after: ValuesByQuestion, *, is_guarded: bool
) -> Difference:
    """Return what a measure gained over the questions that both runs asked."""
    shared = [question for question in after if question in before]
    change = interval([after[question] - before[question] for question in shared])
    is_worse = change.low > 0 if name in LOWER_IS_BETTER else change.high < 0
    count = len(shared)
    return Difference(
        measure=name,
        before=sum(before[question] for question in shared) / count,
        after=sum(after[question] for question in shared) / count,
        change=change,
        is_regression=is_guarded and is_worse,
    )


def _resampled_means(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    chance = np.random.default_rng(SEED)
    parts = [
        sample[chance.integers(0, len(sample), size=(_AT_ONCE, len(sample)))].mean(axis=1)
        for _ in range(RESAMPLES // _AT_ONCE)
    ]
    return np.concatenate(parts)
