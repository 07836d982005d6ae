"""Proof that the trail is whole: the chain computed anew, and heads anchored where nobody rewrites.

The chain shows every change by anybody who does not rewrite all of it. Whoever owns the database
could: so the head is written once a day into a bucket whose objects cannot be changed or deleted
(S3 Object Lock, compliance mode), and checking compares the chain with every one of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.audit import store
from shared.audit.model import START, Head, Stretch, Verdict, written
from shared.kernel.clock import now
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId

AT_ONCE = 5000
EXPIRED_AT_ONCE = 1000
KEPT_DAYS = 2557  # seven years, as the long tier: an anchor outlives what it vouches for
PREFIX = "trail"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head as it stood on a day."""

    sequence: int
    hash: bytes
    anchored_at: datetime


def verify(
    database: Database,
    tenant_id: TenantId,
    *,
    anchors: Objects | None,
    after: int | None = None,
    budget_s: float = 20.0,
) -> Verdict:
    """Check the trail from its beginning, or from behind ``after``, for as long as there is time.

    ``anchors`` is the bucket of anchored heads, compared at the end. Raises InvalidError when
    there is no place ``after``, UnavailableError when the bucket is away.
    """
    deadline = time.monotonic() + budget_s
    with database.transaction(tenant_id) as session:
        at = _start(session, after)
        total = 0
        while True:
            found = store.check_stretch(session, at, most=AT_ONCE)
            total += found.checked
            at = Head(found.last_sequence, found.last_hash)
            if found.problem is not None:
                return _bad(found, total)
            if found.checked < AT_ONCE:
                break
            if time.monotonic() > deadline:
                return replace(_whole(total, at), next_after=at.sequence)
    whole = _whole(total, at)
    if anchors is None:
        return whole
    held = list(_read_anchors(anchors, tenant_id))
    with database.transaction(tenant_id) as session:
        return _compare(session, held, whole)


def _start(session: Session, after: int | None) -> Head:
    checkpoint = store.find_checkpoint(session) or Head(0, START)
    if after is None or after == checkpoint.sequence:
        return checkpoint
    found = store.find_link_hash(session, after)
    if found is None:
        raise InvalidError("The trail has no such place.", hint="Start at its beginning.")
    return found


def _whole(checked: int, at: Head) -> Verdict:
    return Verdict(is_whole=True, checked=checked, last_sequence=at.sequence, last_hash=at.hash)


def _bad(found: Stretch, total: int) -> Verdict:
    sentence = {
        "missing": "An entry is missing here.",
        "removed": "This entry was removed before its time.",
        "changed": "This entry was changed after it was written.",
        "unchained": "This entry does not follow from the one before it.",
        "cut": "The trail ends before its head: its last entries are missing.",
    }[found.problem or ""]
    return Verdict(
        is_whole=False,
        checked=total,
        last_sequence=found.last_sequence,
        last_hash=found.last_hash,
        bad_sequence=found.bad_sequence,
        bad_event=found.bad_event,
        problem=sentence,
    )


def _compare(session: Session, held: list[Anchor], whole: Verdict) -> Verdict:
    """Compare the chain with the anchored heads; the first that differs is named."""
    checkpoint = store.find_checkpoint(session) or Head(0, START)
    links = {
        link.sequence: link.hash
        for link in store.list_links(session, [anchor.sequence for anchor in held])
    }
    links[checkpoint.sequence] = checkpoint.hash
    young = now() - timedelta(days=KEPT_DAYS - 1)
    for anchor in sorted(held, key=lambda each: each.sequence):
        stands = links.get(anchor.sequence)
        is_expired = anchor.sequence < checkpoint.sequence and anchor.anchored_at < young
        if stands != anchor.hash and not (stands is None and is_expired):
            return replace(
                whole,
                is_whole=False,
                bad_sequence=anchor.sequence,
                problem=f"The trail was rewritten: it is not what was anchored on "
                f"{anchor.anchored_at:%Y-%m-%d}.",
            )
    return replace(whole, anchors=len(held))


def anchor(database: Database, tenant_id: TenantId, anchors: Objects) -> bool:
    """Write the head where nobody can change it, once a day; False when that is done already.

    A crash between the bucket and the note writes the same day's head once more: both stand.
    """
    with database.transaction(tenant_id) as session:
        head = store.find_unanchored_head(session)
    if head is None:
        return False
    at = now()
    body = {"sequence": head.sequence, "hash": head.hash.hex(), "anchored_at": written(at)}
    key = f"{PREFIX}/{tenant_id}/{at:%Y-%m-%d}-{head.sequence}.json"
    anchors.put_locked(key, json.dumps(body).encode(), until=at + timedelta(days=KEPT_DAYS))
    with database.transaction(tenant_id) as session:
        store.record_anchor(session, head, at.date())
    return True


def expire(session: Session) -> int:
    """Remove entries whose time is over, some at a time; returns how many."""
    return store.expire_entries(session, most=EXPIRED_AT_ONCE)


def _read_anchors(anchors: Objects, tenant_id: TenantId) -> Iterable[Anchor]:
    for key, version in anchors.list_first_versions(f"{PREFIX}/{tenant_id}/"):
        body = json.loads(anchors.get(key, version=version))
        at = datetime.fromisoformat(body["anchored_at"])
        yield Anchor(int(body["sequence"]), bytes.fromhex(body["hash"]), at)
