"""What comes in, looked at before any model sees it: size, depth, and text that is text.

Postgres stores no NUL and UTF-8 has no lone surrogates, yet JSON can write both; a thousand
brackets cost a byte each and a stack frame each. All of it is the sender's mistake, never ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.edge.refusing import refuse
from shared.kernel.errors import InvalidError, KontorError, MalformedError, TooLargeError
from shared.wiring import app as wired

DEEPEST = 64
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NO_TEXT = "A text holds characters that cannot be stored (NUL or half a character)."
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def read_json(body: bytes) -> object:
    """Parse JSON as it came in.

    Raises MalformedError when it is none or nested too deep, InvalidError for a text that cannot
    be stored, naming its field.
    """
    if _is_too_deep(body):
        raise MalformedError(f"The JSON is nested deeper than {DEEPEST} levels.")
    try:
        value: object = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise MalformedError(
            "The body is not JSON.",
            hint="Send JSON in UTF-8, and say content-type: application/json.",
        ) from error
    if b"\\u" in body:  # both can only come as an escape: UTF-8 has neither in a JSON string
        for path, text in _texts(value, ""):
            if _UNSTORABLE.search(text):
                where = _UNSTORABLE.sub("?", path) or "body"
                raise InvalidError(_NO_TEXT, fields={where: "holds NUL or half a character"})
    return value


def check_address(path: str, query: bytes) -> None:
    """Look at a path and a query string. Raises InvalidError for a text that cannot be stored."""
    asked = unquote_to_bytes(query.replace(b"+", b" "))
    try:
        is_text = b"\0" not in asked and bool(asked.decode("utf-8") or True)
    except UnicodeDecodeError:
        is_text = False
    if not is_text or _UNSTORABLE.search(path):
        raise InvalidError("The address holds characters that are no text (NUL or broken UTF-8).")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_too_deep(body: bytes) -> bool:
    """Tell whether brackets nest deeper than allowed, without parsing them."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    brackets = _STRINGS.sub(b"", body).translate(None, _NO_BRACKETS)
    depths = accumulate(1 if bracket in b"[{" else -1 for bracket in brackets)
    return any(depth > DEEPEST for depth in depths)


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Walk over every string, keys included, with the path of where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}.{index}".lstrip("."))
    elif isinstance(value, dict):
        for key, each in value.items():
            where = f"{path}.{key}".lstrip(".")
            yield where, key
            yield from _texts(each, where)


class CheckedPayloads:
    """ASGI middleware: refuses what is no request before any route reads it.

    ``takes_files``: bodies are files there, whatever their type says, and are left alone.
    """

    def __init__(self, inner: ASGIApp, *, takes_files: bool = False) -> None:
        self._inner = inner
        self._takes_files = takes_files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check and run the request, or refuse it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            check_address(scope["path"], scope["query_string"])
            if self._is_json(scope):
                body = await read_body(receive, most=wired().settings.max_json_bytes)
                if body:
                    read_json(body)
                receive = replay(body, receive)
        except KontorError as error:
            await refuse(scope, receive, send, error)
            return
        await self._inner(scope, receive, send)

    def _is_json(self, scope: Scope) -> bool:
        if self._takes_files or scope["method"] not in _WITH_BODY:
            return False
        said: bytes = dict(scope["headers"]).get(b"content-type", b"")
        kind = said.partition(b";")[0].strip().lower()
        return kind == b"application/json" or kind.endswith(b"+json")


async def read_body(receive: Receive, *, most: int) -> bytes:
    """Read a whole body. Raises TooLargeError as soon as it is longer than ``most`` bytes."""
    body = bytearray()
    has_more = True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > most:
            raise TooLargeError(f"The body is longer than {most:,} bytes.")
    return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body once more, then what the connection says."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
