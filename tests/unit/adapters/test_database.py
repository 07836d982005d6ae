"""Sessions on a real Postgres: one tenant per transaction, errors in our words."""

from __future__ import annotations

import pytest

from shared.adapters.database import Database, UnexpectedDatabaseError
from shared.kernel.context import working_on
from shared.kernel.errors import ConflictError, InvalidError, UnavailableError
from shared.kernel.ids import TenantId


def _visible(database: Database, tenant: TenantId) -> list[str]:
    with database.transaction(tenant) as session:
        return [slug for (slug,) in session.connection.execute("SELECT slug FROM kontor.tenants")]


def test_a_transaction_sees_its_tenant_and_a_system_transaction_none(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    assert _visible(database, tenant) == ["acme"]
    assert _visible(database, other_tenant) == ["globex"]
    with database.system_transaction() as session:
        assert session.connection.execute("SELECT slug FROM kontor.tenants").fetchall() == []


def test_a_transaction_sees_with_the_eyes_of_the_work_in_hand(
    database: Database, tenant: TenantId
) -> None:
    def seen_as() -> str:
        with database.transaction(tenant) as session:
            row = session.connection.execute("SELECT current_setting('app.viewer')").fetchone()
        assert row is not None
        return str(row[0])

    with working_on(correlation="c", viewer="user:ada"):
        assert seen_as() == "user:ada"
    assert seen_as() == ""


def test_the_tenant_falls_off_after_a_failed_transaction(
    database: Database, tenant: TenantId
) -> None:
    with pytest.raises(RuntimeError), database.transaction(tenant):
        raise RuntimeError
    with database.system_transaction() as session:
        row = session.connection.execute("SELECT current_setting('app.tenant_id', true)").fetchone()
    assert row in {("",), (None,)}


def _end_connections(owner_url: str) -> None:
    import psycopg

    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'kontor_app'"
            " AND datname = current_database()"
        )


def test_a_connection_lost_while_idle_is_replaced_unnoticed(
    database: Database, tenant: TenantId, owner_url: str
) -> None:
    for _ in range(10):  # The end may arrive before the look at the connection, or just after it.
        assert _visible(database, tenant) == ["acme"]
        _end_connections(owner_url)
        assert _visible(database, tenant) == ["acme"]


def test_a_connection_lost_in_a_transaction_heals_at_the_next(
    database: Database, tenant: TenantId, owner_url: str
) -> None:
    with pytest.raises(UnavailableError), database.transaction(tenant) as session:
        _end_connections(owner_url)
        session.connection.execute("SELECT 1")
    assert _visible(database, tenant) == ["acme"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "INSERT INTO kontor.folders (tenant_id, id, name, path, created_by)"
            " SELECT %(t)s, gen_random_uuid(), 'a', 'a', gen_random_uuid()"
            " FROM generate_series(1, 2)",
            ConflictError,
        ),
        ("SELECT nonsense", UnexpectedDatabaseError),
        ("SELECT pg_sleep(60)", UnavailableError),
    ],
)
def test_errors_speak_our_language(
    database: Database, tenant: TenantId, statement: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected), database.transaction(tenant) as session:
        session.connection.execute("SET LOCAL statement_timeout = '500ms'")
        session.connection.execute(statement, {"t": tenant})


def test_nul_in_a_text_is_the_callers_mistake(database: Database, tenant: TenantId) -> None:
    with pytest.raises(InvalidError), database.transaction(tenant) as session:
        session.connection.execute("SELECT %s::text", ("a\0b",))


def test_no_server_is_a_matter_of_time() -> None:
    nowhere = Database("host=127.0.0.1 port=9 dbname=x user=x", connect_timeout_s=2)
    with pytest.raises(UnavailableError), nowhere.system_transaction():
        pass
