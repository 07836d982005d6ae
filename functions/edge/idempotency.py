"""Idempotency-Key: a POST that is sent again gets the first answer, and nothing happens twice.

Powertools' idempotency over Postgres. Keys belong to a caller and a route; another request under
a used key is refused; what failed is forgotten, so the same key may try again. A crash between
the work and the keeping of its answer leaves the key taken until its time is over; then the work
is done anew (draft-ietf-httpapi-idempotency-key-header leaves that open; Stripe does the same).
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.edge.caller import gateway_context, principal_of
from functions.edge.limiting import route_key_of
from functions.edge.payloads import read_body, replay
from functions.edge.refusing import refuse
from shared.identity.model import Principal
from shared.kernel.errors import InvalidError, KontorError
from shared.limits.requests import keeps_answer, kept_s
from shared.wiring import app as wired

HEADER = b"idempotency-key"
REPLAYED = (b"idempotent-replayed", b"true")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_MOST_BYTES = 6 * 1024 * 1024  # what Lambda takes and gives at most
_FAILURE = 400


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer: status, headers as pairs, the body in base64."""

    status: int
    headers: list[list[str]]
    body: str

    async def send(self, send: Send, *, is_replayed: bool) -> None:
        """Send it, now or again."""
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers
        ]
        if is_replayed:
            headers.append(REPLAYED)
        start = {"type": "http.response.start", "status": self.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": base64.b64decode(self.body)})


class FailedError(Exception):
    """Carries an answer that must not be kept."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(recorded.status)
        self.recorded = recorded


class Idempotency:
    """ASGI middleware: carries a POST with a key out once."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, or answer as the first time."""
        key = dict(scope.get("headers", ())).get(HEADER) if scope["type"] == "http" else None
        context = gateway_context(scope) if key is not None else {}
        route_key = route_key_of(scope) if context else ""
        if key is None or not keeps_answer(route_key):
            await self._inner(scope, receive, send)
            return
        try:
            body = await read_body(receive, most=_MOST_BYTES)
            request = _Request(
                principal_of(context), route_key, _checked(key), _fingerprint(scope, body)
            )
            recorded, is_replayed = await self._once(request, scope, replay(body, receive))
        except KontorError as error:
            await refuse(scope, receive, send, error)
            return
        except FailedError as failed:
            recorded, is_replayed = failed.recorded, False
        await recorded.send(send, is_replayed=is_replayed)

    async def _once(
        self, request: _Request, scope: Scope, receive: Receive
    ) -> tuple[Recorded, bool]:
        """Run the application unless it has; its part runs on this loop, Powertools beside it."""
        loop = asyncio.get_running_loop()
        deadline_s = _deadline_s(scope)

        def run() -> dict[str, object]:
            recording = _record(self._inner, scope, receive)
            recorded = asyncio.run_coroutine_threadsafe(recording, loop).result()
            if recorded.status >= _FAILURE:
                raise FailedError(recorded)
            return asdict(recorded)

        return await asyncio.to_thread(_carry_out_once, request, run, deadline_s)


@dataclass(frozen=True, slots=True)
class _Request:
    principal: Principal
    route_key: str
    key: str
    fingerprint: str


def _carry_out_once(
    request: _Request, run: Callable[[], dict[str, object]], deadline_s: float
) -> tuple[Recorded, bool]:
    from functions.edge.idempotency_store import carry_out_once  # loads Powertools

    answer, is_replayed = carry_out_once(
        wired().database,
        request.principal,
        route_key=request.route_key,
        key=request.key,
        fingerprint=request.fingerprint,
        work=run,
        deadline_s=deadline_s,
        kept_s=kept_s(request.route_key),
    )
    return Recorded(**answer), is_replayed


def _checked(key: bytes) -> str:
    text = key.decode("latin-1")
    if not _KEY.fullmatch(text):
        raise InvalidError(
            "This is not an Idempotency-Key.",
            hint="Send 1 to 255 visible ASCII characters, best a random UUID.",
            fields={"Idempotency-Key": "1 to 255 visible ASCII characters"},
        )
    return text


def _fingerprint(scope: Scope, body: bytes) -> str:
    """Return what makes two requests the same: path, query and body."""
    parts = (scope["path"].encode(), scope["query_string"], body)
    return sha256(b"\0".join(parts)).hexdigest()


def _deadline_s(scope: Scope) -> float:
    """Return how long this invocation has left: Lambda's context knows, else 30 s."""
    context = scope.get("aws.context")
    if context is None or not hasattr(context, "get_remaining_time_in_millis"):
        return 30.0
    return float(context.get_remaining_time_in_millis()) / 1000


async def _record(inner: ASGIApp, scope: Scope, receive: Receive) -> Recorded:
    """Run the application and keep what it sends."""
    head: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
        else:
            body.extend(message.get("body", b""))

    await inner(scope, receive, keep)
    headers = [[n.decode("latin-1"), v.decode("latin-1")] for n, v in head.get("headers", ())]
    return Recorded(int(head["status"]), headers, base64.b64encode(bytes(body)).decode())
