"""Failures are told apart, and a breaker stops asking what does not answer."""

from __future__ import annotations

import errno

import pytest

from shared.kernel.breaker import Breaker
from shared.kernel.errors import InvalidError, KontorError, LimitedError, UnavailableError
from shared.kernel.failures import Failure, as_unavailable, classify


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidError("x"), Failure.PERMANENT),
        (UnavailableError("x"), Failure.INFRASTRUCTURE),
        (LimitedError("x", retry_after_s=1), Failure.INFRASTRUCTURE),
        (OSError(errno.ENOSPC, "full"), Failure.INFRASTRUCTURE),
        (ConnectionResetError(), Failure.INFRASTRUCTURE),
        (FileNotFoundError(errno.ENOENT, "x"), Failure.UNKNOWN),
        (KontorError("x"), Failure.UNKNOWN),
        (ZeroDivisionError(), Failure.UNKNOWN),
    ],
)
def test_every_error_has_one_class(error: Exception, expected: Failure) -> None:
    assert classify(error) is expected


def test_a_full_disk_says_so() -> None:
    assert "disk is full" in as_unavailable(OSError(errno.ENOSPC, "x")).detail


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_breaker_opens_after_failures_in_a_row_and_lets_one_try_after_the_pause() -> None:
    clock = Clock()
    breaker = Breaker(opens_after=2, cool_down_s=10, clock=clock)
    breaker.fail()
    assert breaker.allows()
    breaker.succeed()
    breaker.fail()
    assert breaker.allows(), "a success in between starts the count again"
    breaker.fail()
    assert not breaker.allows()
    assert breaker.wait_s() == 10
    clock.now = 10
    assert breaker.allows()
    assert not breaker.allows(), "one trial at a time"
    breaker.succeed()
    assert breaker.allows()
    assert breaker.wait_s() == 0


def test_failed_trial_begins_the_next_pause() -> None:
    clock = Clock()
    breaker = Breaker(opens_after=1, cool_down_s=10, clock=clock)
    breaker.fail()
    clock.now = 10
    assert breaker.allows()
    clock.now = 12
    breaker.fail()
    clock.now = 21
    assert not breaker.allows()
    clock.now = 22
    assert breaker.allows()
