"""What a measurement is: one number with its unit, its goal and the circumstances it holds for.

A percentile is the smallest value that is not exceeded by that share of the values (nearest rank),
so it is always something that really occurred.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.kernel.errors import InvalidError

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number; ``at_most`` or ``at_least`` is its goal, ``note`` how it was measured."""

    name: str
    value: float
    unit: str
    note: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal is met: ``met`` or ``missed``; empty without a goal."""
        if self.at_most is None and self.at_least is None:
            return ""
        is_low = self.at_most is None or self.value <= self.at_most
        is_high = self.at_least is None or self.value >= self.at_least
        return "met" if is_low and is_high else "missed"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; ``share`` is between 0 and 1.

    Raises InvalidError without values.
    """
    if not values:
        raise InvalidError("There is nothing to take a percentile of.")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
