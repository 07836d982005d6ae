"""Postgres: one connection per process, one tenant per transaction, rows as dataclasses.

Tenant and viewer are set with ``set_config(…, is_local => true)`` at the start of every
transaction and fall off with it; row-level security does the rest. Nothing here uses session
state, so RDS Proxy can multiplex the connections.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from shared.adapters.queries import Query
from shared.kernel.context import viewer
from shared.kernel.errors import ConflictError, InvalidError, KontorError, UnavailableError
from shared.kernel.ids import TenantId

logger = logging.getLogger(__name__)
Row = TypeVar("Row")
Params = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Session:
    """An open transaction of one tenant; ``tenant_id`` is ``None`` only for system work."""

    connection: Connection[TupleRow]
    tenant_id: TenantId | None

    def _parameters(self, params: Params | None) -> dict[str, object]:
        merged: dict[str, object] = {"tenant_id": self.tenant_id}
        merged.update(params or {})
        return merged

    def find(
        self, query: Query, row: Callable[..., Row], params: Params | None = None
    ) -> Row | None:
        """Run a ``:one`` query; returns its row as ``row``, or ``None`` when there is none.

        ``%(tenant_id)s`` is always available and is the transaction's tenant.
        """
        cursor = self.connection.execute(query.sql, self._parameters(params))
        found = cursor.fetchone()
        if found is None:
            return None
        names = [column.name for column in cursor.description or ()]
        return row(**dict(zip(names, found, strict=True)))

    def get(self, query: Query, row: Callable[..., Row], params: Params | None = None) -> Row:
        """Run a ``:one`` query that always answers (aggregates, RETURNING after INSERT)."""
        found = self.find(query, row, params)
        if found is None:
            raise LookupError(f"query {query.name} answered no row")
        return found

    def all(self, query: Query, row: Callable[..., Row], params: Params | None = None) -> list[Row]:
        """Run a ``:many`` query; returns its rows in the query's order."""
        cursor = self.connection.execute(query.sql, self._parameters(params))
        names = [column.name for column in cursor.description or ()]
        return [row(**dict(zip(names, values, strict=True))) for values in cursor]

    def execute(self, query: Query, params: Params | None = None) -> int:
        """Run an ``:exec`` query; returns how many rows it changed."""
        return self.connection.execute(query.sql, self._parameters(params)).rowcount

    def use_vectors(self) -> None:
        """Teach this connection pgvector's types; needed before vectors are written."""
        from pgvector.psycopg import register_vector

        register_vector(self.connection)


class Database:
    """A lazily opened connection that heals itself; threads need a ``Database`` each."""

    def __init__(
        self,
        url: str,
        *,
        application: str = "kontor",
        connect_timeout_s: int = 30,
        renew: Callable[[], str] | None = None,
    ) -> None:
        """``renew`` reads the address anew; it is asked when the server lets nobody in."""
        self._url = url
        self._renew = renew
        self._application = application
        self._connect_timeout_s = connect_timeout_s
        self._connection: Connection[TupleRow] | None = None

    @contextmanager
    def transaction(self, tenant_id: TenantId) -> Iterator[Session]:
        """Open a transaction in which only ``tenant_id``'s rows exist; commits on success.

        Of them, only those exist that the viewer of the work in hand may see (kernel.context).

        Raises UnavailableError when Postgres is away (retry later), ConflictError when two
        transactions collided, InvalidError for text Postgres cannot store.
        """
        with self._transaction(tenant_id) as session:
            yield session

    @contextmanager
    def system_transaction(self) -> Iterator[Session]:
        """Open a transaction without a tenant: tenant tables look empty in it.

        Only the SECURITY DEFINER functions made for it answer there (sign-in, sweep).
        """
        with self._transaction(None) as session:
            yield session

    @contextmanager
    def _transaction(self, tenant_id: TenantId | None) -> Iterator[Session]:
        try:
            try:
                connection, transaction = self._begin(tenant_id)
            except psycopg.OperationalError:
                # The server ended the connection between our look at it and its use: nothing
                # has been done yet, so beginning again on a new one is safe.
                self.close()
                connection, transaction = self._begin(tenant_id)
            with transaction:
                yield Session(connection, tenant_id)
        except psycopg.Error as error:
            raise translate(error) from error

    def _begin(self, tenant_id: TenantId | None) -> tuple[Connection[TupleRow], ExitStack]:
        """Begin a transaction bound to ``tenant_id``; the stack commits or rolls it back."""
        connection = self._open()
        with ExitStack() as begun:
            begun.enter_context(connection.transaction())
            if tenant_id is not None:
                connection.execute(
                    "SELECT set_config('app.tenant_id', %s, true),"
                    " set_config('app.viewer', %s, true)",
                    (str(tenant_id), viewer()),
                )
            return connection, begun.pop_all()

    def _open(self) -> Connection[TupleRow]:
        if self._connection is not None and not _is_over(self._connection):
            return self._connection
        self.close()
        try:
            connection = self._connect()
        except psycopg.Error as error:
            # A password that was changed: whoever keeps it knows the new one.
            renewed = self._renew() if self._renew is not None else self._url
            if renewed == self._url:
                raise _away() from error
            self._url = renewed
            try:
                connection = self._connect()
            except psycopg.Error as second:
                raise _away() from second
        self._connection = connection
        return connection

    def _connect(self) -> Connection[TupleRow]:
        # No server-side prepared statements: they pin RDS Proxy sessions and, after five
        # executions, switch to generic plans that ignore the tenant's size.
        return psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=self._connect_timeout_s,
            application_name=self._application,
        )

    def find(self, query: Query, row: Callable[..., Row], params: Params) -> Row | None:
        """Run one ``:one`` query that needs no tenant, in one round trip and by itself.

        Raises as ``transaction`` does.
        """
        try:
            try:
                return Session(self._open(), None).find(query, row, params)
            except psycopg.OperationalError:
                # As in ``transaction``: the server ended the connection before the statement.
                self.close()
                return Session(self._open(), None).find(query, row, params)
        except psycopg.Error as error:
            raise translate(error) from error

    def check(self) -> None:
        """Make one round trip; raises UnavailableError when Postgres is away."""
        with self.system_transaction() as session:
            session.connection.execute("SELECT 1")

    def close(self) -> None:
        """Close the connection; the next transaction opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _away() -> UnavailableError:
    return UnavailableError("The database does not answer.", hint="Try again in a moment.")


def _is_over(connection: Connection[TupleRow]) -> bool:
    """Tell whether the server has ended a connection while nothing was asked of it.

    Nobody listens for notifications here, so an idle connection has nothing to read but its end.
    Without this look, every warm worker would fail once after a restart of the server.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


# Classes of SQLSTATE that are the server's trouble: connection, transaction rolled back, resources,
# object in use, operator intervention, system error.
_PASSING_CLASSES = {"08", "40", "53", "55", "57", "58"}
# A transaction that idled too long; a server that just became a replica.
_PASSING_STATES = {"25P03", "25006"}


def translate(error: psycopg.Error) -> KontorError:
    """Turn a Postgres error into ours; bugs (syntax, missing columns) stay what they are."""
    state = error.sqlstate or ""
    if isinstance(error, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected):
        return UnavailableError("Two changes collided in the database.", hint="Try again.")
    if isinstance(error, psycopg.errors.DiskFull):
        return UnavailableError("The database's disk is full.", hint="Try again when it has room.")
    if isinstance(error, psycopg.errors.UniqueViolation):
        name = error.diag.constraint_name or ""
        return ConflictError(f"This exists already ({name}).", hint="Choose another name.")
    if state in {"22021", "22P05"} or (isinstance(error, psycopg.DataError) and not state):
        return InvalidError("A text holds characters that cannot be stored (such as NUL).")
    if state[:2] in _PASSING_CLASSES or state in _PASSING_STATES or _is_lost(error):
        return UnavailableError("The database does not answer.", hint="Try again in a moment.")
    return UnexpectedDatabaseError(f"The database refused a statement ({state or 'client'}).")


def _is_lost(error: psycopg.Error) -> bool:
    """Tell whether the connection broke: such errors have no SQLSTATE, or none of the server's."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


class UnexpectedDatabaseError(KontorError):
    """The statement itself is wrong: a bug of ours, never the caller's."""
