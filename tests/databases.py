"""Databases that tests hand on: emptying one takes a tenth of the time that copying one does.

A test gets a database nobody can tell from a fresh copy of the template. What it wrote is
deleted afterwards and its seeds are put back; a database whose schema it changed is dropped
instead. One session of ours stays in each, and some of the product's: a new one would read the
whole catalog again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.local.postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from tests.sessions import KeptSessions, Session

TEMPLATE = "kontor_template"

_OURS = """
SELECT n.oid FROM pg_namespace AS n
WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_(toast|temp)'
"""
# Every change of a definition writes a new row into a catalog, with a new xmin; deleting and
# vacuuming rows of a table does not.
_DEFINITIONS = f"""
SELECT 'class', count(*), sum(xmin::text::bigint) FROM pg_class WHERE relnamespace IN ({_OURS})
UNION ALL
SELECT 'attribute', count(*), sum(a.xmin::text::bigint)
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relnamespace IN ({_OURS})
UNION ALL
SELECT 'function', count(*), sum(xmin::text::bigint) FROM pg_proc WHERE pronamespace IN ({_OURS})
UNION ALL
SELECT 'constraint', count(*), sum(xmin::text::bigint)
FROM pg_constraint WHERE connamespace IN ({_OURS})
UNION ALL
SELECT 'policy', count(*), sum(xmin::text::bigint) FROM pg_policy
UNION ALL
SELECT 'trigger', count(*), sum(xmin::text::bigint) FROM pg_trigger
UNION ALL
SELECT 'namespace', count(*), sum(xmin::text::bigint) FROM pg_namespace WHERE oid IN ({_OURS})
UNION ALL
SELECT 'setting', count(*), 0 FROM pg_db_role_setting AS s
JOIN pg_database AS d ON d.oid = s.setdatabase AND d.datname = current_database()
ORDER BY 1
"""
_TABLES_WITH_ROWS = f"""
SELECT c.oid::regclass::text FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace IN ({_OURS}) AND pg_relation_size(c.oid) > 0
ORDER BY 1
"""
_END_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND NOT pid = ANY(%s)
"""

Rows = list[TupleRow]


class Databases:
    """Hands out migrated databases of one server, and takes them back."""

    def __init__(self, server: EmbeddedPostgres, kept: KeptSessions) -> None:
        self._server = server
        self._kept = kept
        self._spare: list[str] = []
        self._sessions: dict[str, Session] = {}
        server.create_database(TEMPLATE)
        migrate(server.dsn(TEMPLATE))
        with psycopg.connect(server.dsn(TEMPLATE), autocommit=True) as connection:
            self._definitions = connection.execute(_DEFINITIONS).fetchall()
            self._seeds = {
                table: _content(connection, table) for table in _tables_with_rows(connection)
            }

    @contextmanager
    def lend(self, *, is_new: bool = False) -> Iterator[str]:
        """Lend the name of a database that holds the schema and its seeds, nothing else."""
        if self._spare and not is_new:
            name = self._spare.pop()
        else:
            name = f"t_{uuid4().hex[:12]}"
            self._server.create_database(name, template=TEMPLATE)
        self._kept.allow(name)
        yield name
        if self._empties(name):
            self._spare.append(name)
        else:
            self._kept.end(name)
            if name in self._sessions:
                self._sessions.pop(name).close()
            self._server.drop_database(name)

    def session(self, name: str) -> Session:
        """Return the owner's own session in a database, for setting scenes."""
        if name not in self._sessions:
            self._sessions[name] = psycopg.connect(self._server.dsn(name), autocommit=True)
        return self._sessions[name]

    def close(self) -> None:
        """End the sessions; the server may stop."""
        for session in self._sessions.values():
            session.close()

    def _empties(self, name: str) -> bool:
        """Empty a database; False when a test changed what cannot be put right so."""
        try:
            connection = self.session(name)
            connection.execute(_END_SESSIONS, [self._kept.processes()])
            if connection.execute(_DEFINITIONS).fetchall() != self._definitions:
                return False
            tables = _tables_with_rows(connection)
            _delete_rows(connection, [each for each in tables if each not in self._seeds])
            for table, rows in self._seeds.items():
                if _content(connection, table) != rows:
                    _put_back(connection, table, rows)
        except psycopg.OperationalError:  # dropped or broken by the test itself
            return False
        return True


def _tables_with_rows(connection: Connection[TupleRow]) -> list[str]:
    return [name for (name,) in connection.execute(_TABLES_WITH_ROWS)]


def _content(connection: Connection[TupleRow], table: str) -> Rows:
    query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(_identifier(table))
    return connection.execute(query).fetchall()


def _delete_rows(connection: Connection[TupleRow], tables: list[str]) -> None:
    """Delete without asking foreign keys and triggers; vacuum gives the space back."""
    if tables:
        connection.execute("SET session_replication_role = replica")
        names = [_identifier(table) for table in tables]
        for name in names:
            connection.execute(sql.SQL("DELETE FROM {}").format(name))
        connection.execute(sql.SQL("VACUUM (TRUNCATE) {}").format(sql.SQL(", ").join(names)))
        connection.execute("SET session_replication_role = DEFAULT")
    connection.execute("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence")


def _put_back(connection: Connection[TupleRow], table: str, rows: Rows) -> None:
    """Make a table hold exactly these rows, without asking foreign keys and triggers."""
    name = _identifier(table)
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(sql.SQL("DELETE FROM {}").format(name))
        put = sql.SQL("INSERT INTO {} SELECT (unnest(%s::text[]::{}[])).*").format(name, name)
        connection.execute(put, [[text for (text,) in rows]])


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
