"""Use cases of audit: record what was done or refused, read it back, and write it out."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.audit import store
from shared.audit.model import AuditEvent, Outcome, Wanted, tier_of, written
from shared.audit.store import Recorded
from shared.kernel.context import correlation_id
from shared.kernel.errors import InvalidError, KontorError
from shared.kernel.hashing import sha256_of
from shared.kernel.ids import TenantId, UserId
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

logger = logging.getLogger(__name__)
_ACTION = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
_EXPORTED_AT_ONCE = 1000
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def record(
    session: Session,
    *,
    actor_id: UserId | None,
    action: str,
    subject: str,
    details: Mapping[str, object] | None = None,
    outcome: Outcome = "done",
    before: object = None,
    after: object = None,
) -> Recorded:
    """Add an entry to the trail, in the transaction of the change it tells of.

    ``action`` is written ``room.past_tense`` (``user.added``), ``subject`` is ``kind:id``;
    ``details`` must be JSON and hold no secrets and no file contents. ``before`` and ``after`` are
    the thing as it was and is (anything JSON): only their hashes are kept. Where it was asked for
    and the correlation id are those of the work in hand. Raises ValueError for an action that is
    not written that way.
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
        outcome=outcome,
        tier=tier_of(action),
        before_hash=_hash(before),
        after_hash=_hash(after),
    )


def record_refusal(
    database: Database,
    tenant_id: TenantId,
    *,
    actor_id: UserId | None,
    action: str,
    subject: str,
    details: Mapping[str, object] | None = None,
) -> None:
    """Note that something was refused, in a transaction of its own.

    A refusal stays a refusal when it cannot be noted: that is logged, and the caller goes on.
    """
    try:
        with database.transaction(tenant_id) as session:
            record(
                session,
                actor_id=actor_id,
                action=action,
                subject=subject,
                details=details,
                outcome="refused",
            )
    except KontorError as error:
        logger.warning("refusal not noted", extra={"action": action, "reason": error.detail})


def list_events(
    session: Session,
    *,
    cursor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    wanted: Wanted | None = None,
    limit: int = 50,
) -> Page[AuditEvent]:
    """List the trail, newest first; an action without a dot stands for all of its room.

    The caller checks the permission; raises InvalidError for a cursor that is not ours.
    """
    limit = clamp_limit(limit)
    chosen = wanted or Wanted(action=action, subject=subject)
    events = store.list_events(
        session, chosen, before=_event_id(cursor) if cursor else None, limit=limit
    )
    return Page(events, encode_cursor(str(events[-1].id)) if len(events) == limit else None)


def export(database: Database, tenant_id: TenantId, wanted: Wanted) -> Iterator[AuditEvent]:
    """Give every entry in the order of the chain, a page and a transaction at a time."""
    after = 0
    while True:
        with database.transaction(tenant_id) as session:
            page = store.list_chained(session, wanted, after=after, limit=_EXPORTED_AT_ONCE)
        yield from page
        if len(page) < _EXPORTED_AT_ONCE:
            return
        after = page[-1].sequence or 0


def export_page(session: Session, wanted: Wanted, *, after: int, limit: int) -> list[AuditEvent]:
    """Give entries in the order of the chain from behind a place on."""
    return store.list_chained(session, wanted, after=after, limit=limit)


def as_json(entry: AuditEvent) -> dict[str, object]:
    """Return an entry as it is exported: texts are those that were hashed."""
    return {name: _plain(value) for name, value in asdict(entry).items()}


def as_csv(entries: list[AuditEvent], *, has_header: bool) -> str:
    """Write entries as CSV (RFC 4180); nothing in it runs as a formula."""
    out = io.StringIO()
    names = [name for name in AuditEvent.__slots__ if name != "details_text"]
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    if has_header:
        writer.writeheader()
    for entry in entries:
        row = {**as_json(entry), "details": entry.details_text}
        writer.writerow({name: _cell(row[name]) for name in names})
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return written(value) if isinstance(value, datetime) else value


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _hash(thing: object) -> bytes | None:
    if thing is None:
        return None
    text = json.dumps(thing, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return sha256_of([text.encode()])


def _event_id(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
