"""The rows of the audit trail, one typed function per query."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.audit.model import AuditEvent
from shared.kernel.ids import UserId, new_id

QUERIES = load_queries("shared.audit")


def record_event(
    session: Session,
    *,
    actor_id: UserId | None,
    action: str,
    subject: str,
    correlation_id: str,
    details: Mapping[str, object],
) -> AuditEvent:
    """Insert one entry."""
    return session.get(
        QUERIES["record_event"],
        AuditEvent,
        {
            "id": new_id(),
            "actor_id": actor_id,
            "action": action,
            "subject": subject,
            "correlation_id": correlation_id,
            "details": json.dumps(details),
        },
    )


def list_events(
    session: Session, *, before: UUID | None, action: str | None, subject: str | None, limit: int
) -> list[AuditEvent]:
    """List entries, newest first, from before ``before`` on."""
    return session.all(
        QUERIES["list_events"],
        AuditEvent,
        {"before": before, "action": action, "subject": subject, "limit": limit},
    )
