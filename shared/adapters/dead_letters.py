"""Dead letters: what was given up on, kept for a person, one for each upload or version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.outbox import QUERIES
from shared.kernel.ids import UserId, new_id

Source = Literal["intake", "ingest"]
MAX_ERROR = 2000


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


def record(
    session: Session,
    *,
    source: Source,
    subject: UUID,
    title: str,
    reason: str,
    error: str,
    correlation_id: str,
) -> None:
    """Keep a letter, or open the one there is for this subject again."""
    session.execute(
        QUERIES["record_dead_letter"],
        {
            "id": new_id(),
            "source": source,
            "subject": subject,
            "title": title,
            "reason": reason,
            "error": error.replace("\0", "")[:MAX_ERROR],
            "correlation_id": correlation_id,
        },
    )


def list_letters(
    session: Session, *, before: UUID | None, is_open_only: bool, limit: int
) -> list[DeadLetter]:
    """List letters, newest first, behind the id ``before``."""
    params = {"before": before, "open_only": is_open_only, "limit": limit}
    return session.all(QUERIES["list_dead_letters"], DeadLetter, params)


def find_letter(session: Session, letter_id: UUID) -> DeadLetter | None:
    """Return a letter and lock it until the transaction ends."""
    return session.find(QUERIES["find_dead_letter"], DeadLetter, {"id": letter_id})


def close_letter(session: Session, letter_id: UUID, *, redriven_by: UserId) -> None:
    """Record that a letter's subject has been set going again."""
    session.execute(
        QUERIES["change_dead_letter_redriven"], {"id": letter_id, "redriven_by": redriven_by}
    )
