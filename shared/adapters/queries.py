"""Named SQL: a room's ``queries.sql`` read once, so Python asks for statements by name.

Format: ``-- :name find_document :one Document`` (``:one``, ``:many`` or ``:exec``; the row type
is a dataclass in the room's ``model.py`` or ``store.py``), then comment lines that say why, then
the statement with ``%(parameter)s`` placeholders. A guard prepares every query on the migrated
schema and compares its columns with the row type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

_HEADER = re.compile(r"^-- :name (\w+) :(one|many|exec)(?: (\w+))?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement: how many rows it answers, and the name of their dataclass."""

    name: str
    rows: Literal["one", "many", "exec"]
    row_type: str
    sql: str


@dataclass(frozen=True, slots=True)
class Queries:
    """The statements of one room, by name."""

    room: str
    by_name: dict[str, Query]

    def __getitem__(self, name: str) -> Query:
        """Return the statement called ``name``; a wrong name is a bug and raises KeyError."""
        return self.by_name[name]


def parse_queries(room: str, text: str) -> Queries:
    """Split a ``queries.sql`` into its named statements; duplicate names raise ValueError."""
    parts = _HEADER.split(text)
    found: dict[str, Query] = {}
    for name, rows, row_type, body in zip(
        parts[1::4], parts[2::4], parts[3::4], parts[4::4], strict=True
    ):
        if name in found:
            raise ValueError(f"{room}: query {name} is defined twice")
        statement = re.sub(r"^\s*--.*\n", "", body, flags=re.MULTILINE).strip().rstrip(";")
        found[name] = Query(name, rows, row_type or "", statement)  # type: ignore[arg-type]
    return Queries(room, found)


@cache
def load_queries(package: str) -> Queries:
    """Read ``queries.sql`` of a package such as ``shared.documents``."""
    return parse_queries(package, files(package).joinpath("queries.sql").read_text("utf-8"))
