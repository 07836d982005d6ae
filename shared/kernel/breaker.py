"""A circuit breaker: after repeated failures of what we depend on, stop asking for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

OPENS_AFTER = 3
COOL_DOWN_S = 10.0


class Breaker:
    """Closed while things work; open after ``opens_after`` failures in a row.

    Once ``cool_down_s`` is over it lets one call through to see: its success closes the breaker,
    its failure begins the next cool-down. It lives in one process: its state must not depend on
    the very database or store whose absence it answers.
    """

    def __init__(
        self,
        *,
        opens_after: int = OPENS_AFTER,
        cool_down_s: float = COOL_DOWN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opens_after = opens_after
        self._cool_down_s = cool_down_s
        self._clock = clock
        self._failures = 0
        self._next_trial_at = 0.0  # meant only while open

    def allows(self) -> bool:
        """Tell whether to try; when a trial is due, exactly one caller is told yes."""
        if self._failures < self._opens_after:
            return True
        if self._clock() < self._next_trial_at:
            return False
        self._next_trial_at = self._clock() + self._cool_down_s
        return True

    def wait_s(self) -> float:
        """Return for how long trying makes no sense; 0 while closed."""
        if self._failures < self._opens_after:
            return 0.0
        return max(0.0, self._next_trial_at - self._clock())

    def succeed(self) -> None:
        """Count a call that reached what it needed, whatever the answer was."""
        self._failures = 0

    def fail(self) -> None:
        """Count a call that found something away."""
        self._failures += 1
        self._next_trial_at = self._clock() + self._cool_down_s
