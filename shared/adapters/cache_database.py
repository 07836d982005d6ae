"""A cache in Postgres, in an unlogged table that every process shares."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.adapters.cache import CacheKey, Entry
from shared.adapters.database import Database, Session
from shared.adapters.queries import load_queries
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId

logger = logging.getLogger(__name__)
QUERIES = load_queries("shared.adapters")


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A value and when it expires."""

    content: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CorpusState:
    """What every key of a tenant's cache names: the corpus as it is, and who asks."""

    version: int
    audience: str


@dataclass(frozen=True, slots=True)
class CacheSizes:
    """How much of a tenant lies in the database's caches."""

    entry_count: int
    size_bytes: int
    answer_count: int
    vector_count: int


class DatabaseCache:
    """Keeps entries behind row-level security; a database that is away only misses."""

    name = "database"

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: CacheKey) -> Entry | None:
        """Return an entry that has not expired."""
        params = {"digest": key.digest}
        try:
            with self._database.transaction(key.tenant_id) as session:
                row = session.find(QUERIES["find_cache_entry"], EntryRow, params)
        except UnavailableError as error:
            logger.warning("cache was not read", extra={"reason": error.detail})
            return None
        return None if row is None else Entry(row.content, row.expires_at.timestamp())

    def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep an entry; expired ones make room."""
        params = {
            "digest": key.digest,
            "space": key.space,
            "content": entry.value,
            "expires_at": datetime.fromtimestamp(entry.expires_at, UTC),
        }
        try:
            with self._database.transaction(key.tenant_id) as session:
                session.execute(QUERIES["record_cache_entry"], params)
        except UnavailableError as error:
            logger.warning("cache was not written", extra={"reason": error.detail})

    def clear(self, tenant_id: TenantId) -> None:
        """Forget everything of one tenant."""
        with self._database.transaction(tenant_id) as session:
            session.execute(QUERIES["remove_cache_entries"])


def find_corpus_state(session: Session) -> CorpusState:
    """Return the tenant's corpus version and audience; read it before what is to be cached."""
    return session.get(QUERIES["find_corpus_state"], CorpusState)


def clear_caches(session: Session) -> None:
    """Make everything cached for the tenant worthless from the commit on, in every process."""
    session.execute(QUERIES["clear_caches"])


def remove_expired(session: Session) -> int:
    """Delete what has expired; returns how many entries and answers."""
    removed = session.execute(QUERIES["remove_expired_entries"])
    return removed + session.execute(QUERIES["remove_expired_answers"])


def find_sizes(session: Session) -> CacheSizes:
    """Count what lies in the database's caches."""
    return session.get(QUERIES["find_cache_sizes"], CacheSizes)
