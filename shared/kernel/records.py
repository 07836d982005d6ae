"""Writes dataclasses as JSON and reads them back by their own type hints.

For caches: what is read was written by the same product, perhaps by an older release, so a
record that does not fit any more is an error to be caught, never a half-filled object.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

Record = TypeVar("Record")


def to_json(record: object) -> str:
    """Write a dataclass, everything in it included, as compact JSON."""
    return json.dumps(_plain(record), ensure_ascii=False, separators=(",", ":"))


def from_json(kind: type[Record], text: str | bytes) -> Record:
    """Read a dataclass; raises ValueError when the text is not one of that kind."""
    try:
        found = _read(kind, json.loads(text))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no {kind.__name__}: {error}") from error
    if not isinstance(found, kind):
        raise ValueError(f"this is no {kind.__name__}")  # noqa: TRY004 - one error for any misfit
    return found


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in _fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _read(kind: Any, value: Any) -> Any:
    """Read one value as its hint says; ``object`` is taken as JSON has it."""
    kind = _unwrapped(kind)
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _read_union(get_args(kind), value)
    if origin is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{value!r} is none of {get_args(kind)}")
        return value
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _read_record(kind, value)
    if origin is not None:
        return _read_many(kind, origin, value)
    return _read_plain(kind, value)


def _unwrapped(kind: Any) -> Any:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    return kind


def _read_union(kinds: Sequence[Any], value: Any) -> Any:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others:
        try:
            return _read(kind, value)
        except (ValueError, TypeError, KeyError):
            continue
    raise ValueError(f"{value!r} is none of {others}")


def _read_record(kind: Any, value: Any) -> Any:
    hints = _hints(kind)
    unknown = set(value) - {field.name for field in _fields(kind)}
    if unknown:
        raise ValueError(f"{kind.__name__} has no {sorted(unknown)}")
    return kind(**{name: _read(hints[name], each) for name, each in value.items()})


def _read_many(kind: Any, origin: Any, value: Any) -> Any:
    arguments = get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _read(arguments[1], each) for key, each in value.items()}
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no list")  # noqa: TRY004 - one error for any misfit
    if origin is tuple and arguments[-1] is not Ellipsis:
        pairs = zip(arguments, value, strict=True)
        return tuple(_read(each, one) for each, one in pairs)
    made = (_read(arguments[0], each) for each in value)
    return tuple(made) if origin is tuple else list(made)


def _read_plain(kind: Any, value: Any) -> Any:
    if kind is UUID:
        return UUID(value)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in {str, int, float, bool} and type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value


@cache
def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(field for field in dataclasses.fields(kind) if field.init)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
