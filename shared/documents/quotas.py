"""Quotas: how much a tenant keeps, and whether one more file has room before it is sent."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.documents import quota_store
from shared.documents.quota_store import Usage
from shared.kernel.errors import TooLargeError


def usage(session: Session) -> Usage:
    """Tell what the tenant keeps and what it may."""
    return quota_store.find_usage(session)


def require_room(session: Session, size_bytes: int, *, is_new: bool) -> None:
    """Go on only when ``size_bytes`` more, and one more document if ``is_new``, have room.

    Exact under concurrency: announcements of a tenant with a quota come one after another, and
    count what was announced and has not come yet. Raises TooLargeError.
    """
    if not quota_store.lock_quota(session):
        return
    found = quota_store.find_usage(session)
    most_bytes, most = found.most_storage_bytes, found.most_documents
    if most_bytes is not None and found.storage_bytes + size_bytes > most_bytes:
        raise TooLargeError(
            f"Your organisation may keep {most_bytes:,} bytes, and keeps {found.storage_bytes:,}: "
            f"{size_bytes:,} more have no room.",
            hint="Erase documents (those in the trash count, too), or ask for more room.",
        )
    if is_new and most is not None and found.documents + 1 > most:
        raise TooLargeError(
            f"Your organisation may keep {most:,} documents, and has as many.",
            hint="Remove documents that are not needed, or ask for more room.",
        )
