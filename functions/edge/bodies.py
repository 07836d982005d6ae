"""The base of every JSON body: what it says is taken literally, what it should not say is refused.

Pydantic reads "5", true and 5.0 as the number 5 unless told otherwise, and its strict mode refuses
the texts that JSON has for dates and ids. So numbers and truth values alone are strict here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

Name = Annotated[str, Field(max_length=255)]
Words = Annotated[str, Field(max_length=4096)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]


def _written(value: object) -> object:
    """Refuse numbers, which pydantic would count as seconds or milliseconds since 1970."""
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return value
    raise ValueError("write the moment out, such as 2026-01-31T12:00:00Z")


Moment = Annotated[datetime, BeforeValidator(_written)]
"""A moment as ISO 8601 writes it; a number is none, in a body or an address."""
Metadata = dict[Name, Words | Whole | float | bool | None]
"""What people say about a document: Postgres' own numbers, texts of a page at most."""
_LITERAL = frozenset({"int", "float", "bool"})


def _make_literal(part: Any) -> None:
    if isinstance(part, dict):
        if part.get("type") in _LITERAL:
            part["strict"] = True
        for each in part.values():
            _make_literal(each)
    elif isinstance(part, list | tuple):
        for each in part:
            _make_literal(each)


class Body(BaseModel):
    """A body that came as JSON."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        """Make every number and truth value of the model strict, however deep it stands."""
        schema = handler(source)
        _make_literal(schema)
        return schema
