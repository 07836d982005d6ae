"""The rows of recovery, one typed function per query."""

from __future__ import annotations

import json
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId, new_id
from shared.recovery.model import DeadLetter, Source, SweepPosition

QUERIES = load_queries("shared.recovery")
MAX_ERROR = 2000


def record_letter(
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


def find_position(session: Session, name: str) -> str:
    """Return where a search goes on; empty for its beginning."""
    row = session.find(QUERIES["find_sweep_position"], SweepPosition, {"name": name})
    return row.position if row else ""


def record_position(session: Session, name: str, position: str, **found: int) -> None:
    """Write where a search stopped and what it found."""
    params = {"name": name, "position": position, "found": json.dumps(found)}
    session.execute(QUERIES["record_sweep_position"], params)


def list_positions(session: Session) -> list[SweepPosition]:
    """List what every search of the tenant found last."""
    return session.all(QUERIES["list_sweep_positions"], SweepPosition)
