"""Dead letters, and how far a search for losses has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.kernel.ids import UserId

Source = Literal["intake", "ingest"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One thing that was given up on; ``reason`` is for everybody, ``error`` for an operator.

    ``subject`` is an upload's id (source intake) or a version's (source ingest). It is open until
    ``redriven_at``; when it fails again it is open once more, with one more in ``times``.
    """

    id: UUID
    source: str
    subject: UUID
    title: str
    reason: str
    error: str
    correlation_id: str
    times: int
    first_at: datetime
    last_at: datetime
    redriven_at: datetime | None
    redriven_by: UserId | None


@dataclass(frozen=True, slots=True)
class SweepPosition:
    """Where a search stands; empty at the beginning. ``found`` is what the last run found."""

    name: str
    position: str
    found: dict[str, int]
    swept_at: datetime
