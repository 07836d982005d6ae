"""The rows of the audit trail, one typed function per query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.audit.model import AuditEvent, Head, Link, Outcome, Stretch, Tier, Wanted
from shared.kernel.ids import UserId, new_id

QUERIES = load_queries("shared.audit")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database gave an entry; its place in the chain comes with the commit."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Expired:
    """How many entries went because their time was over."""

    count: int


def record_event(
    session: Session,
    *,
    actor_id: UserId | None,
    action: str,
    subject: str,
    correlation_id: str,
    details: Mapping[str, object],
    outcome: Outcome,
    tier: Tier,
    before_hash: bytes | None,
    after_hash: bytes | None,
) -> Recorded:
    """Insert one entry."""
    return session.get(
        QUERIES["record_event"],
        Recorded,
        {
            "id": new_id(),
            "actor_id": actor_id,
            "action": action,
            "subject": subject,
            "correlation_id": correlation_id,
            "details": json.dumps(details),
            "outcome": outcome,
            "tier": tier,
            "before_hash": before_hash,
            "after_hash": after_hash,
        },
    )


def list_events(
    session: Session, wanted: Wanted, *, before: UUID | None, limit: int
) -> list[AuditEvent]:
    """List entries, newest first, from before ``before`` on."""
    params = {**asdict(wanted), "before": before, "limit": limit}
    return session.all(QUERIES["list_events"], AuditEvent, params)


def list_chained(session: Session, wanted: Wanted, *, after: int, limit: int) -> list[AuditEvent]:
    """List entries in the order of the chain, from behind ``after`` on."""
    params = {**asdict(wanted), "after": after, "limit": limit}
    return session.all(QUERIES["list_chained"], AuditEvent, params)


def list_links(session: Session, sequences: Sequence[int]) -> list[Link]:
    """List the links of some places of the chain."""
    return session.all(QUERIES["list_links"], Link, {"sequences": list(sequences)})


def find_head(session: Session) -> Head | None:
    """Return the chain's end."""
    return session.find(QUERIES["find_head"], Head)


def find_checkpoint(session: Session) -> Head | None:
    """Return the last link that was removed with its time over."""
    return session.find(QUERIES["find_checkpoint"], Head)


def find_link_hash(session: Session, sequence: int) -> Head | None:
    """Return the hash of one place of the chain."""
    return session.find(QUERIES["find_link_hash"], Head, {"sequence": sequence})


def check_stretch(session: Session, start: Head, *, most: int) -> Stretch:
    """Compute the hashes behind ``start`` anew and compare them."""
    params = {"after": start.sequence, "previous": start.hash, "most": most}
    return session.get(QUERIES["check_stretch"], Stretch, params)


def expire_entries(session: Session, *, most: int) -> int:
    """Remove entries whose time is over; returns how many."""
    return session.get(QUERIES["expire_entries"], Expired, {"most": most}).count


def find_unanchored_head(session: Session) -> Head | None:
    """Return the head that is to be anchored today, if any."""
    return session.find(QUERIES["find_unanchored_head"], Head)


def record_anchor(session: Session, head: Head, day: date) -> None:
    """Note that a head has been anchored."""
    params = {"day": day, "sequence": head.sequence, "hash": head.hash}
    session.execute(QUERIES["record_anchor"], params)
