"""Parity: say in words where two routing models differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass

from infra.local.documents import Json, compact
from infra.local.routing import RoutingModel

_PARTS = (
    "functions",
    "http_routes",
    "socket_routes",
    "queues",
    "rules",
    "schedules",
    "urls",
    "state_machines",
    "resources",
)


def differences(first: RoutingModel, second: RoutingModel) -> list[str]:
    """Return one sentence per difference, none when both route every event alike.

    Order does not matter, nor does where a value was written: only what it says.
    """
    found: list[str] = []
    for part in _PARTS:
        mine = _by_identity(getattr(first, part))
        theirs = _by_identity(getattr(second, part))
        for identity in sorted(mine.keys() | theirs.keys()):
            if identity not in theirs:
                found.append(f"{part}: {identity} is only in the first.")
            elif identity not in mine:
                found.append(f"{part}: {identity} is only in the second.")
            else:
                found += _changes(f"{part}: {identity}", mine[identity], theirs[identity])
    for single in ("http_cors", "socket_selection"):
        here, there = plain(getattr(first, single)), plain(getattr(second, single))
        found += _changes(single, {single: here}, {single: there})
    return found


def plain(value: object) -> Json:
    """Return dataclasses as mappings without the fields that carry no meaning, sets in order."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.compare}
    if isinstance(value, Mapping):
        # JSONPath is the default query language; the deploy plugin writes it into every state.
        return {
            str(key): plain(inner)
            for key, inner in value.items()
            if (key, inner) != ("QueryLanguage", "JSONPath")
        }
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, str | bool):
        return value
    return str(value)  # CloudFormation reads 3 and "3" alike


def _by_identity(members: Iterable[object]) -> dict[str, dict[str, Json]]:
    named: dict[str, dict[str, Json]] = {}
    for member in members:
        record = plain(member)
        assert isinstance(record, dict)
        identity = str(record.get("logical_id") or record.get("key") or compact(record))
        named[identity] = record
    return named


def _changes(where: str, mine: Mapping[str, Json], theirs: Mapping[str, Json]) -> list[str]:
    return [
        f"{where}: {name} is {compact(mine.get(name))} in the first, "
        f"{compact(theirs.get(name))} in the second."
        for name in sorted(mine.keys() | theirs.keys())
        if compact(mine.get(name)) != compact(theirs.get(name))
    ]
