"""The rows of saved searches, one typed function per query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.kernel.ids import SavedSearchId, UserId, VersionId
from shared.search.store import QUERIES


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that is kept. ``seen`` are the versions its reader saw when it was run last."""

    id: SavedSearchId
    name: str
    query: str
    filters: dict[str, object]
    is_shared: bool
    created_by: UserId
    created_at: datetime
    updated_at: datetime
    ran_at: datetime | None
    seen: list[VersionId]


def record_saved_search(
    session: Session,
    search_id: SavedSearchId,
    *,
    name: str,
    query: str,
    filters: Mapping[str, object],
    is_shared: bool,
    user_id: UserId,
) -> bool:
    """Insert a search; False when the person has one of that name."""
    params = {
        "id": search_id,
        "name": name,
        "query": query,
        "filters": json.dumps(filters),
        "is_shared": is_shared,
        "user_id": user_id,
    }
    return session.execute(QUERIES["record_saved_search"], params) == 1


def find_saved_search(
    session: Session, search_id: SavedSearchId, *, user_id: UserId
) -> SavedSearch | None:
    """Return a search that the person may see."""
    params = {"id": search_id, "user_id": user_id}
    return session.find(QUERIES["find_saved_search"], SavedSearch, params)


def list_saved_searches(
    session: Session, *, user_id: UserId, after_name: str, after_id: UUID, limit: int
) -> list[SavedSearch]:
    """List what the person may see, by name, behind the given one."""
    params = {"user_id": user_id, "after_name": after_name, "after_id": after_id, "limit": limit}
    return session.all(QUERIES["list_saved_searches"], SavedSearch, params)


def change_saved_search(
    session: Session,
    search_id: SavedSearchId,
    *,
    name: str | None,
    query: str | None,
    filters: Mapping[str, object] | None,
    is_shared: bool | None,
) -> bool:
    """Change what is given; False when its owner has another search of that name."""
    params = {
        "id": search_id,
        "name": name,
        "query": query,
        "filters": None if filters is None else json.dumps(filters),
        "is_shared": is_shared,
    }
    return session.execute(QUERIES["change_saved_search"], params) == 1


def remove_saved_search(session: Session, search_id: SavedSearchId) -> None:
    """Delete a search."""
    session.execute(QUERIES["remove_saved_search"], {"id": search_id})


def record_run(
    session: Session, search_id: SavedSearchId, *, user_id: UserId, version_ids: Sequence[VersionId]
) -> None:
    """Keep what the person has seen now."""
    params = {"id": search_id, "user_id": user_id, "version_ids": list(version_ids)}
    session.execute(QUERIES["record_search_run"], params)


def forget_runs(session: Session, search_id: SavedSearchId) -> None:
    """Forget what anybody has seen of it."""
    session.execute(QUERIES["forget_search_runs"], {"id": search_id})
