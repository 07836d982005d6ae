"""A database that was lent before cannot be told from a new one, or is not lent again."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from infra.local.postgres import EmbeddedPostgres
from shared.adapters.database import Database
from shared.kernel.errors import UnavailableError
from tests.conftest import add_tenant
from tests.databases import Databases


def _lend_and(databases: Databases, postgres: EmbeddedPostgres, statement: str) -> tuple[str, str]:
    """Run a statement in a lent database; returns its name and that of the next one lent."""
    with databases.lend() as first, psycopg.connect(postgres.dsn(first)) as owner:
        add_tenant(owner, "acme")
        owner.execute(statement)
    with databases.lend() as second, psycopg.connect(postgres.dsn(second)) as owner:
        assert owner.execute("SELECT count(*) FROM kontor.tenants").fetchone() == (0,)
        assert owner.execute("SELECT count(*) > 0 FROM kontor.embedding_models").fetchone()
    return first, second


def test_rows_are_gone_when_a_database_is_lent_again(
    databases: Databases, postgres: EmbeddedPostgres
) -> None:
    first, second = _lend_and(databases, postgres, "SELECT 1")
    assert first == second


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE kontor.chunks DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_tenant ON kontor.folders",
        "CREATE TABLE public.left_behind (id integer)",
        "ALTER TABLE kontor.folders ADD COLUMN left_behind integer",
        "CREATE FUNCTION kontor.left_behind() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "REVOKE SELECT ON kontor.folders FROM kontor_app",
    ],
)
def test_a_database_whose_schema_changed_is_not_lent_again(
    databases: Databases, postgres: EmbeddedPostgres, statement: str
) -> None:
    first, second = _lend_and(databases, postgres, statement)
    assert first != second


SEEDED = ("embedding_models", "plans", "rate_limits", "role_templates", "schema_migrations")


def _seeds(postgres: EmbeddedPostgres, name: str) -> list[list[TupleRow]]:
    with psycopg.connect(postgres.dsn(name)) as owner:
        return [
            owner.execute(f"SELECT t::text FROM kontor.{one} AS t ORDER BY 1").fetchall()
            for one in SEEDED
        ]


@pytest.fixture(scope="module")
def seeds(databases: Databases, postgres: EmbeddedPostgres) -> list[list[TupleRow]]:
    """What a database that nobody has used holds."""
    with databases.lend(is_new=True) as name:
        return _seeds(postgres, name)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE kontor.embedding_models SET revision = 'x'",
        "INSERT INTO kontor.embedding_models VALUES (99, 'x', 'y', 3)",
        "DELETE FROM kontor.rate_limits WHERE plan = 'public'",
        "DELETE FROM kontor.schema_migrations",
        "UPDATE kontor.role_templates SET permissions = '{}'",
    ],
)
def test_seeds_are_put_back_as_a_new_database_has_them(
    databases: Databases, postgres: EmbeddedPostgres, seeds: list[list[TupleRow]], statement: str
) -> None:
    first, second = _lend_and(databases, postgres, statement)
    assert first == second
    assert all(seeds)
    assert _seeds(postgres, second) == seeds


def test_a_session_that_goes_on_keeps_nothing_of_who_had_it(
    databases: Databases, postgres: EmbeddedPostgres
) -> None:
    with databases.lend() as name:
        url = postgres.dsn(name, user="kontor_app")
        first = Database(url)
        with first.system_transaction() as session:
            session.connection.execute("SET work_mem = '5MB'")
            session.connection.execute("CREATE TEMPORARY TABLE left_behind (id integer)")
            session.connection.execute("SELECT pg_advisory_lock(7)")
            process = session.connection.info.backend_pid
        first.close()
        second = Database(url)
        with second.system_transaction() as session:
            assert session.connection.info.backend_pid == process
            asked = session.connection.execute(
                "SELECT current_setting('work_mem') <> '5MB', to_regclass('left_behind') IS NULL,"
                " NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')"
            )
            assert asked.fetchone() == (True, True, True)
        second.close()


def test_a_session_that_broke_off_or_ended_is_not_handed_on(
    databases: Databases, postgres: EmbeddedPostgres
) -> None:
    with databases.lend() as name:
        url = postgres.dsn(name, user="kontor_app")
        first = Database(url)
        with first.system_transaction() as session:
            ended = session.connection.info.backend_pid
        first.close()
        owner = databases.session(name)
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", (ended,))
        second = Database(url)
        with pytest.raises(UnavailableError), second.system_transaction() as session:
            assert session.connection.info.backend_pid != ended
            broken_off = session.connection.info.backend_pid
            second.close()
        third = Database(url)
        with third.system_transaction() as session:
            assert session.connection.info.backend_pid != broken_off
        third.close()
