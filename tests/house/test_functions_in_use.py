"""Functions in the database: each has a caller, so that what a release replaced does not stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from infra.local.postgres import EmbeddedPostgres
from shared.adapters.queries import load_queries
from tests.databases import Databases
from tests.house.tree import ROOT, sources

_CALLED = re.compile(r"\bkontor\.(\w+)\(")
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def schema(postgres: EmbeddedPostgres, databases: Databases) -> Iterator[Connection]:
    """The migrated schema as its owner sees it; whatever is done to it is undone."""
    with databases.lend() as name, psycopg.connect(postgres.dsn(name)) as connection:
        yield connection
        connection.rollback()


def uncalled(connection: Connection) -> list[str]:
    """Name the functions that nothing in use calls, from the queries, code and rules down."""
    bodies = {
        str(name): str(body)
        for name, body in connection.execute(
            "SELECT p.proname, string_agg(pg_get_functiondef(p.oid), ' ') FROM pg_proc AS p"
            " WHERE p.pronamespace = 'kontor'::regnamespace AND p.prokind = 'f'"
            " GROUP BY p.proname"
        )
    }
    wanted = [*_rules(connection), *_code()]
    reached: set[str] = set()
    while wanted:
        for name in _CALLED.findall(wanted.pop()):
            if name in bodies and name not in reached:
                reached.add(name)
                wanted.append(bodies[name])
    return sorted(set(bodies) - reached)


def _rules(connection: Connection) -> list[str]:
    """What the database itself calls: triggers, policies, defaults, generated columns, indexes."""
    rows = connection.execute(
        """
        SELECT format('kontor.%s()', p.proname)
        FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND p.pronamespace = 'kontor'::regnamespace
        UNION ALL
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t WHERE NOT t.tgisinternal
        UNION ALL
        SELECT concat_ws(' ', pg_get_expr(p.polqual, p.polrelid),
            pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy AS p
        UNION ALL
        SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
        UNION ALL
        SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c
        WHERE c.connamespace = 'kontor'::regnamespace
        UNION ALL
        SELECT i.indexdef FROM pg_indexes AS i WHERE i.schemaname = 'kontor'
        """
    ).fetchall()
    return [str(text) for (text,) in rows]


def _code() -> list[str]:
    """What named queries ask, and the statements that stand in code; what words say is no call."""
    packages = sorted(
        ".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("shared/**/queries.sql")
    )
    named = [query.sql for name in packages for query in load_queries(name).by_name.values()]
    written = [
        node.value
        for source in sources(ROOT)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if "SELECT " in node.value or "CALL " in node.value
    ]
    return [*named, *written]


def test_every_function_has_a_caller(schema: Connection) -> None:
    assert not uncalled(schema), "drop it in a post migration, or call it"


def test_a_function_without_a_caller_is_found(schema: Connection) -> None:
    with schema.transaction(force_rollback=True):
        schema.execute(
            "CREATE FUNCTION kontor.left_over() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "CREATE FUNCTION kontor.left_under() RETURNS int LANGUAGE sql"
            " AS 'SELECT kontor.left_over()'"
        )
        assert {"left_over", "left_under"} <= set(uncalled(schema))
