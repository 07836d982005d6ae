"""Named points between effects where the fault tests end the process; nothing in production.

``reach("parse.stored")`` costs one comparison unless a test has armed a point.
"""

from __future__ import annotations

from collections.abc import Callable

_armed: Callable[[str], None] | None = None


def arm(action: Callable[[str], None] | None) -> None:
    """Install what happens at every point (tests only); ``None`` disarms."""
    global _armed  # noqa: PLW0603 - one process-wide seam is the whole purpose
    _armed = action


def reach(point: str) -> None:
    """Pass a named effect boundary, written ``room.effect``."""
    if _armed is not None:
        _armed(point)
