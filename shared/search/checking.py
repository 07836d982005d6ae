"""What can only be checked against the index itself: versions that are asked for by name."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.kernel.errors import InvalidError
from shared.search import discovery_store as store
from shared.search.model import Filters


def check_versions(session: Session, filters: Filters) -> None:
    """Raise InvalidError when ``filters`` name a version that is not searched (any more)."""
    if not filters.version_ids:
        return
    old = store.list_old_versions(session, filters.version_ids)
    if old:
        raise InvalidError(
            f"Version {old[0]} is not searched: only a document's current version is.",
            hint="Leave version_ids out, or read the older version's text by its number.",
            fields={"filters.version_ids": "names a version that is not current"},
        )
