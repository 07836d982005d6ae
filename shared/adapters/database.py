"""Postgres: one connection per process, one tenant per transaction, rows as dataclasses.

Tenant and viewer are set with ``set_config(…, is_local => true)`` at the start of every
transaction and fall off with it; row-level security does the rest. Nothing here uses session
state, so RDS Proxy can multiplex the connections.
"""

from __future__ import annotations

import json
import logging
import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TypeVar

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads

from shared.adapters.queries import Query
from shared.kernel.context import LONGEST_AGENT, correlation_id, origin, viewer
from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    KontorError,
    RefusedError,
    UnavailableError,
)
from shared.kernel.ids import TenantId

logger = logging.getLogger(__name__)
Row = TypeVar("Row")
Params = Mapping[str, object]

_BEGIN = sql.SQL("BEGIN;")
_BIND = sql.SQL(
    "SELECT set_config('app.tenant_id', {tenant}, true), set_config('app.viewer', {viewer}, true),"
    " set_config('app.origin', {origin}, true),"
    " {viewer} <> '' AND kontor.is_suspended({tenant}::uuid)"
)
_NOTHING = sql.Composed([])


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
        return None if found is None else _maker(cursor, row)(found)

    def get(self, query: Query, row: Callable[..., Row], params: Params | None = None) -> Row:
        """Run a ``:one`` query that always answers (aggregates, RETURNING after INSERT)."""
        found = self.find(query, row, params)
        if found is None:
            raise LookupError(f"query {query.name} answered no row")
        return found

    def all(self, query: Query, row: Callable[..., Row], params: Params | None = None) -> list[Row]:
        """Run a ``:many`` query; returns its rows in the query's order."""
        cursor = self.connection.execute(query.sql, self._parameters(params))
        make = _maker(cursor, row)
        return [make(values) for values in cursor.fetchall()]

    def execute(self, query: Query, params: Params | None = None) -> int:
        """Run an ``:exec`` query; returns how many rows it changed."""
        return self.connection.execute(query.sql, self._parameters(params)).rowcount

    def use_vectors(self) -> None:
        """Teach this connection pgvector's types; needed before vectors are written."""
        from pgvector.psycopg import register_vector

        if self.connection.adapters.types.get("sparsevec") is None:  # four look-ups in catalogues
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
        sign_in: Callable[[str], str] | None = None,
    ) -> None:
        """``renew`` reads the address anew; it is asked when the server lets nobody in.

        ``sign_in`` makes the password of each new connection to an address.
        """
        self._url = url
        self._renew = renew
        self._sign_in = sign_in
        self._application = application
        self._connect_timeout_s = connect_timeout_s
        self._connection: Connection[TupleRow] | None = None

    @contextmanager
    def transaction(self, tenant_id: TenantId) -> Iterator[Session]:
        """Open a transaction in which only ``tenant_id``'s rows exist; commits on success.

        Of them, only those exist that the viewer of the work in hand may see (kernel.context).

        Raises UnavailableError when Postgres is away (retry later), ConflictError when two
        transactions collided, InvalidError for text Postgres cannot store, SuspendedError for
        people whose tenant is suspended.
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
        """Begin a transaction bound to ``tenant_id``; the stack commits or rolls it back.

        Beginning and binding are one round trip. Within another transaction, as when a cache
        is asked in the middle of a search, it is a savepoint of that one.
        """
        connection = self._open()
        bind = _NOTHING if tenant_id is None else _binding(tenant_id)
        with ExitStack() as begun:
            if connection.info.transaction_status is TransactionStatus.IDLE:
                begun.push(partial(_end, connection))
                bound = connection.execute(_BEGIN + bind)
                bound.nextset()
            else:
                begun.enter_context(connection.transaction())
                bound = connection.execute(bind)
            if tenant_id is not None:
                _refuse_suspended(bound)
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
        set_json_loads(_loads, connection)
        self._connection = connection
        return connection

    def _connect(self) -> Connection[TupleRow]:
        # No server-side prepared statements: they pin RDS Proxy sessions and, after five
        # executions, switch to generic plans that ignore the tenant's size.
        return psycopg.connect(
            self._url,
            password=self._sign_in(self._url) if self._sign_in is not None else None,
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


def _loads(data: bytes | str) -> object:
    """Read JSON; most of what is stored is an empty list, and a search answers fifty of them."""
    text = data if isinstance(data, str) else bytes(data).decode()
    return [] if text == "[]" else json.loads(text)


def _end(
    connection: Connection[TupleRow],
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """Commit what went well and roll back what did not."""
    if error is None:
        connection.commit()
        return
    try:
        connection.rollback()
    except psycopg.Error:
        # The connection is gone, and the transaction with it: ``error`` says why.
        logger.warning("a transaction could not be rolled back")


def _maker(cursor: Cursor[TupleRow], row: Callable[..., Row]) -> Callable[[TupleRow], Row]:
    """Return what makes a ``row`` of a result's values, by position where their order allows."""
    result = cursor.pgresult
    assert result is not None, "the statement has just been run"
    names = tuple((result.fname(at) or b"").decode() for at in range(result.nfields))
    if getattr(row, "__match_args__", None) == names:
        return lambda values: row(*values)
    return lambda values: row(**dict(zip(names, values, strict=True)))


def _binding(tenant_id: TenantId) -> sql.Composed:
    """Write what names tenant, viewer and origin to a transaction."""
    return _BIND.format(tenant=str(tenant_id), viewer=viewer(), origin=_origin_text())


def _refuse_suspended(bound: Cursor[TupleRow]) -> None:
    """Raise SuspendedError when somebody looks on and the tenant is suspended.

    This is the one place that every door leads through. The system's own work goes on.
    """
    found = bound.fetchone()
    if found and found[3]:
        raise SuspendedError(
            "Your organisation's access is suspended.", hint="Ask whoever runs this server."
        )


def _origin_text() -> str:
    """Write where the work in hand comes from for the trail (``kontor.origin``)."""
    here = origin()
    known = {
        "correlation": correlation_id(),
        "address": here.address,
        "agent": "".join(each for each in here.user_agent if each.isprintable())[:LONGEST_AGENT],
        "credential": here.credential,
        "session": here.session_id,
    }
    return json.dumps({name: value for name, value in known.items() if value})


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
    if isinstance(error, psycopg.errors.UniqueViolation | psycopg.errors.ForeignKeyViolation):
        return _conflict(error)
    if state in {"22021", "22P05"} or (isinstance(error, psycopg.DataError) and not state):
        return InvalidError("A text holds characters that cannot be stored (such as NUL).")
    if state[:2] in _PASSING_CLASSES or state in _PASSING_STATES or _is_lost(error):
        return UnavailableError("The database does not answer.", hint="Try again in a moment.")
    return UnexpectedDatabaseError(f"The database refused a statement ({state or 'client'}).")


def _conflict(error: psycopg.Error) -> ConflictError:
    """Say which rule two rows broke together."""
    if isinstance(error, psycopg.errors.ForeignKeyViolation):
        return ConflictError(
            "Something else still depends on this, or this on something that is gone.",
            hint="Remove what is in it first; some of it you may not see.",
        )
    name = error.diag.constraint_name or ""
    return ConflictError(f"This exists already ({name}).", hint="Choose another name.")


def _is_lost(error: psycopg.Error) -> bool:
    """Tell whether the connection broke: such errors have no SQLSTATE, or none of the server's."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


class SuspendedError(RefusedError):
    """The whole tenant is suspended: nothing is allowed until it is resumed."""


class UnexpectedDatabaseError(KontorError):
    """The statement itself is wrong: a bug of ours, never the caller's."""
