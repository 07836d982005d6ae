"""Keyset paging: a page of items and an opaque cursor that names the last one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.kernel.errors import InvalidError

T = TypeVar("T")
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in order and the cursor for the next page; ``None`` when this was the last."""

    items: Sequence[T]
    next_cursor: str | None


def encode_cursor(*key: str) -> str:
    """Pack the sort key of the last item into an opaque URL-safe string."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> tuple[str, ...]:
    """Unpack a cursor made by ``encode_cursor``.

    Raises InvalidError when the cursor was not made for a list with ``parts`` sort columns.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error) as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
    if not (isinstance(key, list) and len(key) == parts and all(isinstance(k, str) for k in key)):
        raise InvalidError("The cursor belongs to another list.", hint="Start without it.")
    return tuple(key)


def clamp_limit(limit: int) -> int:
    """Keep a requested page size within 1 and 200."""
    return max(1, min(limit, MAX_PAGE))
