"""Walls between tenants: in the catalog, and felt by a role that tries to get over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest

from shared.adapters.database import Database, UnexpectedDatabaseError
from shared.kernel.ids import TenantId, new_id
from tests.house import walls
from tests.house.walls import Connection

Check = Callable[[Connection], list[str]]
CHECKS: list[Check] = [
    walls.open_tables,
    walls.loose_functions,
    walls.loose_views,
    walls.mighty_roles,
    walls.too_many_rights,
]
NULLABLE = f"""
    CREATE TABLE kontor.notes (tenant_id uuid);
    ALTER TABLE kontor.notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON kontor.notes USING {walls.POLICY}
"""
BREACHES: list[tuple[Check, str]] = [
    (walls.open_tables, "CREATE TABLE kontor.notes (id uuid)"),
    (walls.open_tables, "CREATE TABLE kontor.notes (tenant_id uuid NOT NULL)"),
    (walls.open_tables, "ALTER TABLE kontor.users DISABLE ROW LEVEL SECURITY"),
    (walls.open_tables, "ALTER TABLE kontor.chunks_3 DISABLE ROW LEVEL SECURITY"),
    (walls.open_tables, "CREATE POLICY p ON kontor.chunks_3 USING (true)"),
    (walls.open_tables, "DROP POLICY own_tenant ON kontor.jobs"),
    (walls.open_tables, "CREATE POLICY everybody ON kontor.jobs USING (true)"),
    (walls.open_tables, "ALTER POLICY own_tenant ON kontor.jobs USING (true)"),
    (walls.open_tables, "ALTER POLICY own_tenant ON kontor.jobs WITH CHECK (true)"),
    (walls.open_tables, NULLABLE),
    (walls.loose_functions, "ALTER FUNCTION kontor.find_sign_in RESET search_path"),
    (walls.loose_functions, "ALTER FUNCTION kontor.find_sign_in SET search_path = pg_temp, kontor"),
    (walls.loose_functions, "GRANT EXECUTE ON FUNCTION kontor.find_sign_in TO public"),
    (walls.loose_views, "CREATE VIEW kontor.everybody AS SELECT email FROM kontor.users"),
    (walls.mighty_roles, "ALTER ROLE kontor_app BYPASSRLS"),
    (walls.mighty_roles, "ALTER ROLE kontor_app SUPERUSER"),
    (walls.mighty_roles, "ALTER TABLE kontor.users OWNER TO kontor_app"),
    (walls.mighty_roles, "GRANT kontor_owner TO kontor_app"),
    (walls.mighty_roles, "GRANT CREATE ON SCHEMA kontor TO kontor_app"),
    (walls.too_many_rights, "GRANT DELETE ON kontor.audit_events TO kontor_app"),
    (walls.too_many_rights, "GRANT UPDATE ON kontor.audit_links TO kontor_app"),
    (walls.too_many_rights, "GRANT INSERT ON kontor.audit_heads TO kontor_app"),
    (walls.too_many_rights, "GRANT INSERT ON kontor.tenant_erasures TO kontor_app"),
    (walls.too_many_rights, "GRANT UPDATE ON kontor.tenant_quotas TO kontor_app"),
    (walls.too_many_rights, "GRANT INSERT ON kontor.signing_keys TO kontor_app"),
    (walls.too_many_rights, "GRANT UPDATE ON kontor.tenants TO kontor_app"),
    (walls.too_many_rights, "GRANT TRUNCATE ON kontor.users TO kontor_app"),
]


@pytest.fixture
def catalog(owner_url: str) -> Iterator[Connection]:
    """The owner's connection, inside a transaction that is always undone."""
    with psycopg.connect(owner_url) as connection:
        yield connection
        connection.rollback()


def test_walls_stand(catalog: Connection) -> None:
    assert not [complaint for check in CHECKS for complaint in check(catalog)]


def test_every_breach_is_refused(catalog: Connection) -> None:
    for check, statement in BREACHES:
        with catalog.transaction(force_rollback=True):
            catalog.execute(statement.encode())
            assert check(catalog), statement
    assert not [complaint for check in CHECKS for complaint in check(catalog)]


# -- felt by the role -------------------------------------------------------------------------

TABLES = ["tenants", "users", "folders", "audit_events", "inbox"]


FURNITURE = """
    INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role)
    VALUES (%(tenant)s, %(id)s, 'ada@a.example', 'Ada', 'x', 'admin');
    INSERT INTO kontor.folders (tenant_id, id, name, path, created_by)
    VALUES (%(tenant)s, %(id)s, 'a', 'a', %(id)s);
    INSERT INTO kontor.audit_events (tenant_id, id, action, subject, correlation_id)
    VALUES (%(tenant)s, %(id)s, 'a.b', 'c:1', '');
    INSERT INTO kontor.inbox (tenant_id, consumer, message_key) VALUES (%(tenant)s, 'x', 'y')
"""


def furnish(owner_url: str, tenant: TenantId) -> None:
    """Put one row of the tenant into several tables."""
    with psycopg.connect(owner_url) as connection:
        for statement in FURNITURE.split(";"):
            connection.execute(statement.encode(), {"tenant": tenant, "id": new_id()})


@pytest.fixture
def furnished(owner_url: str, tenant: TenantId, other_tenant: TenantId) -> None:
    furnish(owner_url, tenant)
    furnish(owner_url, other_tenant)


def count(database: Database, tenant: TenantId | None, table: str) -> int:
    opened = database.system_transaction() if tenant is None else database.transaction(tenant)
    with opened as session:
        row = session.connection.execute(f"SELECT count(*) FROM kontor.{table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.usefixtures("furnished")
def test_each_tenant_sees_its_own_rows_only(
    database: Database, owner_url: str, tenant: TenantId, other_tenant: TenantId
) -> None:
    for table in TABLES:
        with psycopg.connect(owner_url) as connection:
            rows = connection.execute(f"SELECT count(*) FROM kontor.{table}".encode()).fetchone()
        assert rows is not None
        assert rows[0] >= 2, table
        assert count(database, tenant, table) * 2 == rows[0], table
        assert count(database, other_tenant, table) * 2 == rows[0], table


@pytest.mark.usefixtures("furnished")
def test_without_a_tenant_nothing_is_seen(database: Database, tenant: TenantId) -> None:
    for table in TABLES:
        assert count(database, None, table) == 0, table
        count(database, tenant, table)
        assert count(database, None, table) == 0, f"{table}: the last transaction's tenant stayed"


def test_sign_in_function_answers_without_a_tenant_only_what_it_must(
    database: Database, owner_url: str, tenant: TenantId
) -> None:
    furnish(owner_url, tenant)
    with database.system_transaction() as session:
        cursor = session.connection.execute(
            "SELECT * FROM kontor.find_sign_in('ADA@a.example', NULL)"
        )
        assert [column.name for column in cursor.description or ()] == [
            "tenant_id",
            "tenant_slug",
            "user_id",
            "password_hash",
        ]
        assert len(cursor.fetchall()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO kontor.inbox (tenant_id, consumer, message_key) VALUES (%(other)s, 'a', 'b')",
        "UPDATE kontor.inbox SET tenant_id = %(other)s",
        "INSERT INTO kontor.tenants (id, slug, name) VALUES (%(id)s, 'evil', 'Evil')",
        "SELECT id FROM kontor.chunks_0",
        "SELECT chunk_id FROM kontor.chunk_vectors_0",
        "SELECT sha256 FROM kontor.schema_migrations",
        "SET ROLE kontor_owner",
        "CREATE TABLE kontor.mine (id uuid)",
    ],
)
@pytest.mark.usefixtures("furnished")
def test_stepping_over_the_wall_is_refused(
    database: Database, tenant: TenantId, other_tenant: TenantId, statement: str
) -> None:
    with (
        pytest.raises(UnexpectedDatabaseError) as refused,
        database.transaction(tenant) as session,
    ):
        session.connection.execute(statement.encode(), {"other": other_tenant, "id": uuid4()})
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.mark.usefixtures("furnished")
def test_changing_and_removing_reach_only_own_rows(
    database: Database, owner_url: str, tenant: TenantId, other_tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        changed = session.connection.execute("UPDATE kontor.users SET display_name = 'Eve'")
        removed = session.connection.execute("DELETE FROM kontor.inbox")
        assert (changed.rowcount, removed.rowcount) == (1, 1)
    assert count(database, other_tenant, "inbox") == 1
    with psycopg.connect(owner_url) as connection:
        names = connection.execute(
            "SELECT display_name FROM kontor.users WHERE tenant_id = %s", (other_tenant,)
        ).fetchone()
    assert names == ("Ada",)
