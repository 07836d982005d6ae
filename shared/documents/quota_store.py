"""The rows of quotas, one typed function per query."""

from __future__ import annotations

from dataclasses import dataclass

from shared.adapters.database import Session
from shared.adapters.queries import load_queries

QUERIES = load_queries("shared.documents")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tenant keeps; limits are ``None`` where there are none."""

    documents: int
    storage_bytes: int
    most_documents: int | None
    most_storage_bytes: int | None


@dataclass(frozen=True, slots=True)
class Limited:
    """Whether a tenant has a quota."""

    is_limited: bool


def lock_quota(session: Session) -> bool:
    """Let announcements of the tenant come one after another; False where nothing is limited."""
    if not session.get(QUERIES["has_quota"], Limited).is_limited:
        return False
    session.execute(QUERIES["lock_quota"])
    return True


def find_usage(session: Session) -> Usage:
    """Count what the tenant keeps."""
    return session.get(QUERIES["find_usage"], Usage)
