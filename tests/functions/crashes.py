"""Crashes: work that ends at one boundary after the other, as if its process had been killed."""

from __future__ import annotations

from collections.abc import Callable

from shared.kernel import killpoints


class CrashError(BaseException):
    """Stands for kill -9 inside a process we want to keep; nothing in the product catches it."""


def crash_everywhere(
    work: Callable[[], object], between: Callable[[], object] = lambda: None
) -> list[str]:
    """Begin work again until it comes through, each time ending it at a boundary not yet met.

    ``between`` lets time pass after a crash. Returns the boundaries in the order of the crashes.
    """
    met: list[str] = []

    def pass_by(point: str) -> None:
        if point not in met:
            met.append(point)
            raise CrashError(point)

    killpoints.arm(pass_by)
    try:
        while True:
            try:
                work()
            except CrashError:
                between()
            else:
                return met
    finally:
        killpoints.arm(None)
