"""Sessions of lent databases that go on: a new one would read the whole catalog again.

What a ``Database`` closes is emptied with DISCARD ALL and given to the next ``Database`` on the
same address; settings, plans and locks are gone then, only the catalog's cache stays warm.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from shared.adapters.database import Database, _is_over

MOST = 2  # sessions kept for one address

Session = Connection[TupleRow]


class KeptSessions:
    """The sessions that are kept, by address; only those of databases that were made known."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._kept: dict[str, list[Session]] = defaultdict(list)
        self._lock = threading.Lock()

    def allow(self, name: str) -> None:
        """Keep sessions of this database from now on."""
        self._names.add(name)

    def processes(self) -> list[int]:
        """Name the server's processes of what is kept."""
        with self._lock:
            return [each.info.backend_pid for kept in self._kept.values() for each in kept]

    def take(self, url: str) -> Session | None:
        """Take a session that was kept, if one lives."""
        with self._lock:
            kept = self._kept[url]
            while kept:
                found = kept.pop()
                if not _is_over(found):
                    return found
                found.close()
        return None

    def keep(self, url: str, session: Session) -> bool:
        """Keep a session; False when it must be closed."""
        if _name_of(url) not in self._names or session.closed:
            return False
        if session.info.transaction_status is not TransactionStatus.IDLE:
            return False
        try:
            session.execute("DISCARD ALL")
        except psycopg.Error:
            return False
        with self._lock:
            kept = self._kept[url]
            if len(kept) >= MOST:
                return False
            kept.append(session)
        return True

    def end(self, name: str | None = None) -> None:
        """Close what is kept for a database, or everything."""
        with self._lock:
            for url in [each for each in self._kept if name in {None, _name_of(each)}]:
                for session in self._kept.pop(url):
                    session.close()
        self._names -= self._names if name is None else {name}


def _name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def sessions_going_on() -> Iterator[KeptSessions]:
    """Let every ``Database`` of this process take and leave sessions."""
    kept = KeptSessions()
    connect, close = Database._connect, Database.close

    def take_or_connect(database: Database) -> Session:
        # Whoever signs in anew each time is not let in by somebody else's session.
        if database._sign_in is not None:
            return connect(database)
        return kept.take(database._url) or connect(database)

    def leave_or_close(database: Database) -> None:
        session: Any = database._connection
        goes_on = session is not None and database._sign_in is None
        if goes_on and kept.keep(database._url, session):
            database._connection = None
        close(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "_connect", take_or_connect)
        patch.setattr(Database, "close", leave_or_close)
        yield kept
    kept.end()
