"""Named queries against the migrated schema: what Postgres says of a statement, and complaints."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import types
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg
from psycopg import pq

from shared.adapters.queries import Query

_PLACEHOLDER = re.compile(r"%\((\w+)\)[sbt]|%%")
_ALIAS = re.compile(r"(FROM|JOIN|UPDATE|INTO)\s+kontor\.(\w+)(?:\s+AS\s+(\w+))?", re.IGNORECASE)
OPERATORS_ONLY = "Operators only"
WITHOUT_LIMIT = "Without LIMIT: "
FITTING = {
    str: {"text", "varchar", "bpchar", "name"},
    int: {"int2", "int4", "int8"},
    float: {"float4", "float8"},
    bool: {"bool"},
    bytes: {"bytea"},
    UUID: {"uuid"},
    datetime: {"timestamptz"},
    dict: {"json", "jsonb"},
}


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer: Postgres's type name, and whether its table allows NULL."""

    name: str
    type: str
    may_be_null: bool


def numbered(sql: str) -> tuple[str, list[str]]:
    """Turn ``%(name)s`` placeholders into ``$1 …``; returns the names in order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PLACEHOLDER.sub(number, sql), names


def describe(connection: psycopg.Connection[Any], query: Query) -> list[Column]:
    """Let Postgres parse a query and name its columns; raises psycopg.Error when it cannot."""
    statement, _ = numbered(query.sql)
    wire = connection.pgconn
    prepared = wire.prepare(b"", statement.encode())
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.ProgrammingError(prepared.error_message.decode())
    answer = wire.describe_prepared(b"")
    return [
        Column(
            (answer.fname(place) or b"").decode(),
            _type_name(connection, answer.ftype(place)),
            _may_be_null(connection, answer.ftable(place), answer.ftablecol(place)),
        )
        for place in range(answer.nfields)
    ]


def _type_name(connection: psycopg.Connection[Any], oid: int) -> str:
    row = connection.execute("SELECT typname FROM pg_type WHERE oid = %s", (oid,)).fetchone()
    assert row is not None
    return str(row[0])


def _may_be_null(connection: psycopg.Connection[Any], table: int, column: int) -> bool:
    """Tell for plain table columns; of expressions Postgres knows nothing, so they pass."""
    row = connection.execute(
        "SELECT NOT attnotnull FROM pg_attribute WHERE attrelid = %s AND attnum = %s",
        (table, column),
    ).fetchone()
    return bool(row and row[0])


def misfits(columns: Iterable[Column], row_type: type) -> Iterator[str]:
    """Complain where an answer's columns and a row dataclass differ."""
    fields = {field.name for field in dataclasses.fields(row_type)}
    hints = get_type_hints(row_type)
    by_name = {column.name: column for column in columns}
    if set(by_name) != fields:
        missing, extra = sorted(fields - set(by_name)), sorted(set(by_name) - fields)
        yield f"{row_type.__name__}: columns missing {missing}, too many {extra}"
    for name in sorted(fields & set(by_name)):
        kinds, is_optional = _unwrapped(hints[name])
        column = by_name[name]
        if column.may_be_null and not is_optional:
            yield f"{row_type.__name__}.{name}: the column may be NULL, the field may not"
        if not any(_fits(kind, column.type) for kind in kinds):
            yield f"{row_type.__name__}.{name}: {hints[name]} does not hold {column.type}"


def _unwrapped(hint: Any) -> tuple[list[Any], bool]:
    parts = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    kinds = [part for part in parts if part is not type(None)]
    plain = [type(kind) for part in kinds if get_origin(part) is Literal for kind in get_args(part)]
    return plain or kinds, len(kinds) < len(parts)


def _fits(kind: Any, type_name: str) -> bool:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    origin = get_origin(kind) or kind
    if origin in {object, Any}:
        return True
    if type_name.startswith("_"):
        (item, *_) = get_args(kind) or (object,)
        return origin in {list, tuple} and _fits(item, type_name[1:])
    if type_name in {"json", "jsonb"}:
        return origin in {dict, list}
    for plain, fitting in FITTING.items():
        if isinstance(origin, type) and issubclass(origin, plain) and origin is not bool:
            return type_name in fitting
    return origin is bool and type_name == "bool"


def find_row_type(package: str, name: str) -> type | None:
    """Find the dataclass a query's header names, in any module of its package."""
    folder = importlib.import_module(package).__path__
    for found in pkgutil.iter_modules(folder, f"{package}."):
        if found.ispkg:
            continue
        candidate = getattr(importlib.import_module(found.name), name, None)
        if isinstance(candidate, type) and dataclasses.is_dataclass(candidate):
            return candidate
    return None


def unguarded(query: Query, tenant_tables: set[str]) -> list[str]:
    """Complain of tenant tables a statement reads or writes without naming the tenant."""
    sql = re.sub(r"\s+", " ", query.sql)
    complaints = []
    for verb, table, alias in _ALIAS.findall(sql):
        if table not in tenant_tables:
            continue
        column = "id" if table == "tenants" else "tenant_id"
        name = rf"(?:{alias}\.)" if alias else rf"(?:{table}\.)?"
        is_named = re.search(rf"(?<![\w.]){name}{column} = ", sql) or re.search(
            rf"= {name}{column}\b", sql
        )
        if verb.upper() == "INTO":
            is_named = re.search(rf"INTO kontor\.{table}(?: AS \w+)? \([^)]*\b{column}\b", sql)
        if not is_named or "%(tenant_id)s" not in sql:
            complaints.append(f"{query.name}: {table} {alias} without {column} = %(tenant_id)s")
    return complaints


def endless(query: Query, comment: str = "") -> list[str]:
    """Complain of lists without a LIMIT, unless the comment says why."""
    if WITHOUT_LIMIT in comment:
        return []
    is_list = query.rows == "many" and "RETURNING" not in query.sql
    return [f"{query.name}: a list needs a LIMIT"] if is_list and "LIMIT" not in query.sql else []


def starred(query: Query) -> list[str]:
    """Complain of ``SELECT *``, which changes its meaning with every migration."""
    has_star = re.search(r"(SELECT|,)\s+(\w+\.)?\*", query.sql)
    return [f"{query.name}: name the columns"] if has_star else []
