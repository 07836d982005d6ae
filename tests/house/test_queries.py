"""Queries: every named statement fits the migrated schema, its row type and its tenant."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infra.local.postgres import EmbeddedPostgres
from shared.adapters.queries import Query, load_queries
from tests.databases import Databases
from tests.house import queries as guard
from tests.house.tree import ROOT, sources

PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("shared/**/queries.sql")
)


def _comment(text: str, name: str) -> str:
    lines = text.partition(f"-- :name {name} ")[2].splitlines()[1:]
    comment = []
    for line in lines:
        if not line.startswith("--"):
            break
        comment.append(line)
    return "\n".join(comment)


TEXTS = {
    package: (ROOT / package.replace(".", "/") / "queries.sql").read_text("utf-8")
    for package in PACKAGES
}
ALL = [
    (f"{package}:{query.name}", package, query)
    for package in PACKAGES
    for query in load_queries(package).by_name.values()
]
COMMENTS = {name: _comment(TEXTS[package], query.name) for name, package, query in ALL}


@pytest.fixture(scope="module")
def schema(postgres: EmbeddedPostgres, databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    """A migrated database as functions see it."""
    with (
        databases.lend() as name,
        psycopg.connect(postgres.dsn(name, user="kontor_app"), autocommit=True) as connection,
    ):
        yield connection


@pytest.fixture(scope="module")
def tenant_tables(schema: psycopg.Connection[Any]) -> set[str]:
    rows = schema.execute(
        "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'kontor'::regnamespace AND a.attname = 'tenant_id'"
        " AND c.relkind IN ('r', 'p')"
    ).fetchall()
    return {str(name) for (name,) in rows} | {"tenants"}


def test_queries_fit_schema_and_row_type(schema: psycopg.Connection[Any]) -> None:
    assert not [
        f"{name}: {flaw}" for name, package, query in ALL for flaw in _flaws(schema, package, query)
    ]


def _flaws(schema: psycopg.Connection[Any], package: str, query: Query) -> list[str]:
    try:
        columns = guard.describe(schema, query)
    except psycopg.Error as error:
        return [str(error)]
    if query.rows == "exec":
        answers = {column.type for column in columns} - {"void"}
        return ["an :exec query answers nothing"] if answers else []
    row_type = guard.find_row_type(package, query.row_type)
    if row_type is None:
        return [f"there is no dataclass {query.row_type!r}"]
    return list(guard.misfits(columns, row_type))


def test_queries_name_their_tenant_columns_and_limit(tenant_tables: set[str]) -> None:
    assert not [n for n, _, query in ALL if guard.unguarded(query, tenant_tables)]
    assert not [n for n, _, query in ALL if guard.endless(query, COMMENTS[n])]
    assert not [n for n, _, query in ALL if guard.starred(query)]


def test_functions_may_run_the_queries(schema: psycopg.Connection[Any]) -> None:
    """EXPLAIN starts the executor, which checks the role's rights, and runs nothing."""
    refused = set()
    for name, _, query in ALL:
        statement, _ = guard.numbered(query.sql)
        try:
            _raise(schema, f"EXPLAIN (GENERIC_PLAN) {statement}".encode())
        except psycopg.errors.InsufficientPrivilege:
            refused.add(name)
        except psycopg.Error as error:
            error.add_note(name)
            raise
    assert refused == {name for name in COMMENTS if guard.OPERATORS_ONLY in COMMENTS[name]}


def _raise(connection: psycopg.Connection[Any], statement: bytes) -> None:
    answer = connection.pgconn.exec_(statement)
    if answer.error_message:
        raise psycopg.errors.error_from_result(answer)


def test_queries_say_why() -> None:
    assert not [name for name, comment in COMMENTS.items() if len(comment) <= 10]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_query_is_used_and_every_used_one_exists(package: str) -> None:
    known = set(load_queries(package).by_name)
    named: set[str] = set()
    asked: set[str] = set()
    for source in sources(ROOT, package.replace(".", "/")):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                is_query = isinstance(node.value, ast.Name) and node.value.id == "QUERIES"
                asked |= {str(node.slice.value)} if is_query else set()
    assert asked <= known
    assert known <= named


# -- each check seen refusing ------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row type of this test."""

    id: UUID
    email: str
    token_epoch: int


USERS = "FROM kontor.users WHERE tenant_id = %(tenant_id)s"


def broken(sql: str, rows: str = "one") -> Query:
    return Query("broken", rows, "Row", sql)  # type: ignore[arg-type]


def test_right_query_passes(schema: psycopg.Connection[Any], tenant_tables: set[str]) -> None:
    query = broken(f"SELECT id, email, token_epoch {USERS}")
    assert not list(guard.misfits(guard.describe(schema, query), Row))
    assert not guard.unguarded(query, tenant_tables)


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT id, email {USERS}",
        f"SELECT id, email, token_epoch, role {USERS}",
        f"SELECT id, email, token_epoch::text {USERS}",
        f"SELECT id::text, email, token_epoch {USERS}",
        f"SELECT id, signed_in_at AS email, token_epoch {USERS}",
        f"SELECT id, email, is_active AS token_epoch {USERS}",
        "SELECT actor_id AS id, action AS email, 1 AS token_epoch FROM kontor.audit_events",
    ],
)
def test_misfitting_columns_are_refused(schema: psycopg.Connection[Any], sql: str) -> None:
    assert list(guard.misfits(guard.describe(schema, broken(sql)), Row))


@pytest.mark.parametrize("sql", ["SELECT nothing FROM kontor.users", "SELEC 1", "SELECT 1 FROM x"])
def test_statement_that_does_not_parse_is_refused(
    schema: psycopg.Connection[Any], sql: str
) -> None:
    with pytest.raises(psycopg.Error):
        guard.describe(schema, broken(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM kontor.users WHERE id = %(id)s",
        "SELECT id FROM kontor.tenants WHERE slug = %(tenant_id)s",
        "SELECT u.id FROM kontor.users AS u WHERE u.tenant_id = %(other)s",
        "SELECT id FROM kontor.users JOIN kontor.jobs AS j WHERE tenant_id = %(tenant_id)s",
        "UPDATE kontor.users SET role = 'admin' WHERE id = %(id)s",
        "DELETE FROM kontor.jobs WHERE id = %(id)s AND %(tenant_id)s IS NOT NULL",
        "INSERT INTO kontor.users (id, email) VALUES (%(tenant_id)s, 'x')",
    ],
)
def test_statement_without_its_tenant_is_refused(tenant_tables: set[str], sql: str) -> None:
    assert guard.unguarded(broken(sql), tenant_tables)


def test_list_without_limit_and_star_are_refused() -> None:
    assert guard.endless(broken(f"SELECT id {USERS}", "many"))
    assert guard.starred(broken(f"SELECT * {USERS}"))
    assert guard.starred(broken("SELECT u.id, u.* FROM kontor.users AS u"))
    assert not guard.starred(broken(f"SELECT count(*) {USERS}"))


def test_statement_beyond_the_roles_rights_is_refused(schema: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _raise(schema, b"EXPLAIN (GENERIC_PLAN) DELETE FROM kontor.tenants WHERE id = $1")


def test_there_are_queries_to_guard() -> None:
    assert Path(ROOT / "shared/identity/queries.sql").exists()
    assert len(ALL) > 50
