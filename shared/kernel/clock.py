"""The one clock: timezone-aware UTC, so no room ever compares naive times."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current moment in UTC, microsecond precision."""
    return datetime.now(UTC)
