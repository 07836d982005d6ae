"""An entry of the trail, how long it is kept, and what is hashed of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from shared.kernel.ids import UserId

Outcome = Literal["done", "refused", "failed"]
Tier = Literal["short", "standard", "long"]
START: Final = bytes(32)
# 30 days: what people ask and how they sign in. Seven years: who may what, and what went for good.
_SHORT: Final = ("question.", "user.sign", "access.", "conversation.", "saved_search.", "feedback.")
_LONG: Final = (
    "document.erase",
    "user.",
    "role.",
    "group.",
    "grant.",
    "key.",
    "tenant",
    "webhook_endpoint.",
    "webhook_source.",
    "upload.quarantined",
    "trail.",
)


def tier_of(action: str) -> Tier:
    """Tell how long an action's entries are kept: 30 days, a year or seven years."""
    if action.startswith(_SHORT):
        return "short"
    return "long" if action.startswith(_LONG) else "standard"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that was done or refused. ``actor_id`` is ``None`` for the system's own acts.

    ``sequence`` and ``hash`` are its place in the tenant's chain, which it takes when its
    transaction commits; ``details_text`` is what was hashed of its details. The hashes before and
    after are of the thing that was changed.
    """

    id: UUID
    at: datetime
    actor_id: UserId | None
    action: str
    subject: str
    correlation_id: str
    details: dict[str, object]
    outcome: str
    tier: str
    credential: str
    session_id: str
    address: str
    user_agent: str
    before_hash: bytes | None
    after_hash: bytes | None
    sequence: int | None
    hash: bytes | None
    details_text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list; what is left out restricts nothing."""

    action: str | None = None
    subject: str | None = None
    actor_id: UUID | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An entry's place in the chain: its hash covers the hash before it and its content's."""

    sequence: int
    event_id: UUID
    at: datetime
    tier: str
    content_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain, or the last one that was removed with its time over."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """What checking a stretch of the chain found."""

    checked: int
    last_sequence: int
    last_hash: bytes
    bad_sequence: int | None
    bad_event: UUID | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the trail is whole: how much was checked, and the first thing that is wrong.

    ``next_after`` is where to go on when the trail was too long for one look.
    """

    is_whole: bool
    checked: int
    last_sequence: int
    last_hash: bytes
    bad_sequence: int | None = None
    bad_event: UUID | None = None
    problem: str = ""
    anchors: int = 0
    next_after: int | None = None


def content_hash(tenant: str, entry: Mapping[str, object]) -> bytes:
    """Hash an entry as it was exported, the way the database does: for checking it elsewhere."""
    names = (
        "id", "at", "actor_id", "action", "subject", "correlation_id", "details_text", "outcome",
        "tier", "credential", "session_id", "address", "user_agent", "before_hash", "after_hash",
    )  # fmt: skip
    return _hash([tenant, *(entry.get(name) for name in names)])


def link_hash(tenant: str, link: Mapping[str, object], *, previous: str, content: str) -> bytes:
    """Hash an exported entry's link to the one before it; hashes are hexadecimal."""
    sequence, event, at, tier = (link[name] for name in ("sequence", "id", "at", "tier"))
    return _hash([tenant, str(sequence), previous, event, at, tier, content])


def written(at: datetime) -> str:
    """Write a time as it is hashed."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def _hash(parts: Sequence[object]) -> bytes:
    text = json.dumps(parts, ensure_ascii=False, separators=(", ", ": "))
    return hashlib.sha256(text.encode()).digest()
