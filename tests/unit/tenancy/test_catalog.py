"""Every table of tenants is known: it is exported or left out for a reason, and it is erased."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infra.local.postgres import EmbeddedPostgres
from shared.tenancy.model import EXPORTED, LEFT_OUT
from tests.databases import Databases

Connection = psycopg.Connection[tuple[object, ...]]


def tables(connection: Connection) -> set[str]:
    """List what the catalog knows with a column tenant_id, by another way than the eraser does."""
    rows = connection.execute(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = 'kontor' AND column_name = 'tenant_id'"
    ).fetchall()
    return {str(name) for (name,) in rows}


def partitions(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
    ).fetchall()
    return {str(name) for (name,) in rows}


def unknown(connection: Connection) -> list[str]:
    """Complain of tables that neither the exporter nor its list of reasons knows."""
    there = tables(connection) - partitions(connection)
    known = (set(EXPORTED) - {"tenants"}) | set(LEFT_OUT)
    return [f"{name}: export it, or say why not" for name in sorted(there - known)] + [
        f"{name}: there is no such table" for name in sorted(known - there)
    ]


def unerased(connection: Connection) -> set[str]:
    """Return tables that the eraser does not go through."""
    rows = connection.execute("SELECT name FROM kontor.tenant_tables()").fetchall()
    return tables(connection) - partitions(connection) - {str(name) for (name,) in rows}


@pytest.fixture
def catalog(postgres: EmbeddedPostgres, databases: Databases) -> Iterator[Connection]:
    with databases.lend() as name, psycopg.connect(postgres.dsn(name)) as connection:
        yield connection
        connection.rollback()


def test_every_table_is_known(catalog: Connection) -> None:
    assert not unknown(catalog)
    assert not unerased(catalog)
    assert len(tables(catalog)) > 50
    assert not set(EXPORTED) & set(LEFT_OUT)


def test_new_table_is_refused_until_somebody_decides(catalog: Connection) -> None:
    catalog.execute(
        "CREATE TABLE kontor.notes (tenant_id uuid NOT NULL, id uuid, PRIMARY KEY (tenant_id, id))"
    )
    assert unknown(catalog) == ["notes: export it, or say why not"]
    assert not unerased(catalog), "it is erased without anybody's doing"


def test_those_that_point_to_others_go_first(catalog: Connection) -> None:
    depth = dict(catalog.execute("SELECT name, depth FROM kontor.tenant_tables()").fetchall())
    pairs = catalog.execute(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'kontor'::regnamespace"
        " AND conrelid <> confrelid"
    ).fetchall()
    for source, target in pairs:
        names = [str(each).removeprefix("kontor.") for each in (source, target)]
        if names[1] in depth and names[0] in depth:
            assert depth[names[0]] < depth[names[1]], names


def test_proofs_of_identity_are_withheld(catalog: Connection) -> None:
    def secret(table: str) -> object:
        return catalog.execute("SELECT kontor.secret_columns(%s)", (table,)).fetchone()

    assert secret("users") == (["password_hash"],)
    assert secret("webhook_endpoints") == (["former_secret_name", "secret_name"],)
    assert secret("llm_routes") == (["key_secret"],)
    assert secret("llm_spending") == ([],)
    assert secret("audit_events") == ([],)
    catalog.execute("CREATE TABLE kontor.passes (tenant_id uuid, refresh_token_sha text, otp text)")
    assert secret("passes") == (["otp", "refresh_token_sha"],)
