"""Measures of one ranking against what is known to be relevant.

Definitions are trec_eval's: gains are the judged grades, the discount is log2(rank + 1), and a
judged question without any result counts as zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return the discounted gain of the first ``k`` against the best possible order (0 to 1)."""
    gained = _discounted([max(0, grades.get(each, 0)) for each in ranked[:k]])
    best = _discounted(sorted((g for g in grades.values() if g > 0), reverse=True)[:k])
    return gained / best if best else 0.0


def recall(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return the share of everything relevant that is among the first ``k``."""
    relevant = {each for each, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return one divided by the place of the first relevant result, 0 beyond ``k``."""
    places = (n for n, each in enumerate(ranked[:k], 1) if grades.get(each, 0) > 0)
    return 1 / next(places, math.inf)


def hit(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return 1 when anything relevant is among the first ``k``, else 0."""
    return float(any(grades.get(each, 0) > 0 for each in ranked[:k]))


def measures_of(
    ranked: Sequence[str], grades: Mapping[str, int], *, k: int = 10, deep: int = 100
) -> dict[str, float]:
    """Return every measure of a ranking by its name, such as ``ndcg@10``."""
    return {
        f"ndcg@{k}": ndcg(ranked, grades, k),
        f"recall@{k}": recall(ranked, grades, k),
        f"recall@{deep}": recall(ranked, grades, deep),
        f"mrr@{k}": reciprocal_rank(ranked, grades, k),
        "hit@1": hit(ranked, grades, 1),
    }


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
