"""Records come back equal, and what is none is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NewType
from uuid import UUID, uuid4

import pytest

from shared.kernel.records import from_json, to_json

Number = NewType("Number", UUID)


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Whole:
    id: Number
    kind: Literal["a", "b"]
    made_at: datetime | None
    parts: tuple[Part, ...]
    span: tuple[int, int]
    words: list[str]
    facts: dict[str, object] = field(default_factory=dict)
    by_name: dict[str, Part] = field(default_factory=dict)
    either: int | str = 0


WHOLE = Whole(
    Number(uuid4()),
    "a",
    datetime(2026, 3, 1, tzinfo=UTC),
    (Part("ä"), Part("b", 1.0)),
    (1, 2),
    ["x"],
    {"deep": [{"n": None}]},
    {"p": Part("c")},
    "text",
)


def test_a_record_comes_back_equal() -> None:
    assert from_json(Whole, to_json(WHOLE)) == WHOLE
    assert from_json(Whole, to_json(WHOLE).encode()) == WHOLE


@pytest.mark.parametrize(
    "change",
    [
        ('"kind":"a"', '"kind":"c"'),
        ('"span":[1,2]', '"span":[1]'),
        ('"words":["x"]', '"words":"x"'),
        ('"words":["x"]', '"words":[1]'),
        ('"kind":"a"', '"kind":"a","more":1'),
        ('"parts":[', '"parts":[{"share":1},'),
        ('"kind":"a",', ""),
        ("{", ""),
    ],
)
def test_what_does_not_fit_is_refused(change: tuple[str, str]) -> None:
    text = to_json(WHOLE)
    assert change[0] in text
    with pytest.raises(ValueError, match=r"."):
        from_json(Whole, text.replace(*change, 1))
