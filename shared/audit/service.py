"""Use cases of audit: record what was done, and read it back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from shared.adapters.database import Session
from shared.audit import store
from shared.audit.model import AuditEvent
from shared.kernel.context import correlation_id
from shared.kernel.errors import InvalidError
from shared.kernel.ids import UserId
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

_ACTION = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")


def record(
    session: Session,
    *,
    actor_id: UserId | None,
    action: str,
    subject: str,
    details: Mapping[str, object] | None = None,
) -> AuditEvent:
    """Add an entry to the trail, in the transaction of the change it tells of.

    ``action`` is written ``room.past_tense`` (``user.added``), ``subject`` is ``kind:id``;
    ``details`` must be JSON and hold no secrets and no file contents. The correlation id is that
    of the work in hand. Raises ValueError for an action that is not written that way.
    """
    if not _ACTION.fullmatch(action):
        raise ValueError(f"{action!r} is not an audit action; write it like user.added")
    return store.record_event(
        session,
        actor_id=actor_id,
        action=action,
        subject=subject,
        correlation_id=correlation_id(),
        details=details or {},
    )


def list_events(
    session: Session,
    *,
    cursor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    limit: int = 50,
) -> Page[AuditEvent]:
    """List the trail, newest first, optionally of one action or subject.

    The caller checks the permission; raises InvalidError for a cursor that is not ours.
    """
    limit = clamp_limit(limit)
    events = store.list_events(
        session,
        before=_event_id(cursor) if cursor else None,
        action=action,
        subject=subject,
        limit=limit,
    )
    return Page(events, encode_cursor(str(events[-1].id)) if len(events) == limit else None)


def _event_id(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
