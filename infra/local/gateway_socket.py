"""The WebSocket API: handshake with authorizer, route selection, and ``@connections``."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from infra.local.gateway_events import handshake_fields, socket_context
from infra.local.gateway_http import allows
from infra.local.invoker import Invoker
from infra.local.pool import Outcome
from infra.local.provision import ACCOUNT
from infra.local.routing import Authorizer, RoutingModel, SocketRoute
from shared.kernel.clock import now
from shared.kernel.errors import KontorError

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 128 * 1024
INTEGRATION_LIMIT_S = 29.0
AT_ONCE_PER_CONNECTION = 16
GOING_AWAY, TOO_BIG, NORMAL = 1001, 1009, 1000


@dataclass(eq=False, slots=True)
class _Connection:
    socket: WebSocket
    id: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
    )
    connected_at: float = field(default_factory=time.time)
    last_active_at: float = field(default_factory=time.time)
    authorizer: dict[str, Any] | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    room: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(AT_ONCE_PER_CONNECTION)
    )


class _RefusedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SocketApi:
    """Serves the model's WebSocket routes."""

    def __init__(self, model: RoutingModel, invoker: Invoker) -> None:
        self._model = model
        self._invoker = invoker
        self._routes = {route.key: route for route in model.socket_routes}
        self._connections: dict[str, _Connection] = {}
        self._selection = (model.socket_selection or "").removeprefix("$request.body.").split(".")

    async def serve(self, socket: WebSocket) -> None:
        """Carry one connection from its handshake to its end."""
        connection = _Connection(socket)
        try:
            protocol = await self._connect(connection)
        except _RefusedError as refused:
            await socket.send_denial_response(
                JSONResponse({"message": _words(refused.status)}, refused.status)
            )
            return
        self._connections[connection.id] = connection
        await socket.accept(subprotocol=protocol)
        code = NORMAL
        try:
            code = await self._listen(connection)
        finally:
            self._connections.pop(connection.id, None)
            for task in connection.tasks:
                task.cancel()
            await self._disconnect(connection, code)

    # -- handshake -----------------------------------------------------------------------------

    async def _connect(self, connection: _Connection) -> str | None:
        """Ask authorizer and ``$connect``; returns the subprotocol the function chose."""
        route = self._routes.get("$connect")
        if route is None:
            return None
        fields = handshake_fields(connection.socket)
        context = self._context(connection, "$connect", "CONNECT")
        event = {**fields, "requestContext": context, "isBase64Encoded": False}
        if route.authorizer is not None:
            connection.authorizer = await self._authorize(connection, route.authorizer, event)
            context["authorizer"] = connection.authorizer
        outcome = await self._call(route, event)
        if outcome is None or outcome.is_error:
            raise _RefusedError(502)
        answer = _answer(outcome)
        status = int(answer.get("statusCode", 200))
        if not 200 <= status < 300:  # noqa: PLR2004 - the success class of HTTP
            raise _RefusedError(status)
        headers = {str(k).lower(): str(v) for k, v in (answer.get("headers") or {}).items()}
        return headers.get("sec-websocket-protocol")

    async def _authorize(
        self, connection: _Connection, authorizer: Authorizer, event: dict[str, Any]
    ) -> dict[str, Any]:
        if not all(_identity(connection.socket, s) for s in authorizer.identity_sources):
            raise _RefusedError(401)
        arn = f"arn:aws:execute-api:{self._model.region}:{ACCOUNT}:sockets/local/$connect"
        asked = {**event, "type": "REQUEST", "methodArn": arn}
        try:
            outcome = await self._invoker.invoke(
                authorizer.function, asked, limit_s=INTEGRATION_LIMIT_S
            )
        except (TimeoutError, KontorError) as error:
            raise _RefusedError(500) from error
        decision = _answer(outcome)
        if outcome.is_error:
            # The documented way to say 401 is to raise exactly this word.
            raise _RefusedError(401 if decision.get("errorMessage") == "Unauthorized" else 500)
        if not allows(decision):
            raise _RefusedError(403)
        return {
            "principalId": str(decision.get("principalId", "")),
            **{str(k): v for k, v in (decision.get("context") or {}).items()},
        }

    # -- messages ------------------------------------------------------------------------------

    async def _listen(self, connection: _Connection) -> int:
        """Read until the client leaves; returns the closing code."""
        while True:
            try:
                received = await connection.socket.receive()
            except RuntimeError:  # closed by us meanwhile
                return NORMAL
            if received["type"] == "websocket.disconnect":
                return int(received.get("code") or NORMAL)
            data = received.get("bytes")
            body = data if data is not None else str(received.get("text") or "").encode()
            if len(body) > MAX_MESSAGE_BYTES:
                await connection.socket.close(TOO_BIG)
                return TOO_BIG
            connection.last_active_at = time.time()
            await connection.room.acquire()
            task = asyncio.create_task(self._handle(connection, body, is_binary=data is not None))
            connection.tasks.add(task)
            task.add_done_callback(connection.tasks.discard)

    async def _handle(self, connection: _Connection, body: bytes, *, is_binary: bool) -> None:
        try:
            await self._route(connection, body, is_binary=is_binary)
        except (WebSocketDisconnect, RuntimeError):
            logger.debug("connection left", extra={"connection_id": connection.id})
        finally:
            connection.room.release()

    async def _route(self, connection: _Connection, body: bytes, *, is_binary: bool) -> None:
        route = self._select(body)
        context = self._context(connection, route.key if route else "$default", "MESSAGE")
        if route is None:
            await self._complain(connection, "Forbidden", context["requestId"])
            return
        if connection.authorizer is not None:
            context["authorizer"] = connection.authorizer
        event = {
            "requestContext": context,
            "body": base64.b64encode(body).decode() if is_binary else body.decode(),
            "isBase64Encoded": is_binary,
        }
        outcome = await self._call(route, event)
        if outcome is None or outcome.is_error:
            await self._complain(connection, "Internal server error", context["requestId"])
        elif route.answers:
            answer = _answer(outcome)
            if answer.get("body"):
                await connection.socket.send_text(str(answer["body"]))

    def _select(self, body: bytes) -> SocketRoute | None:
        """Choose the route the selection expression names, else ``$default``."""
        try:
            value = json.loads(body)
            for step in self._selection:
                value = value[step]
        except (ValueError, KeyError, TypeError, IndexError):
            value = None
        chosen = self._routes.get(value) if isinstance(value, str) else None
        if chosen is not None and not chosen.key.startswith("$"):
            return chosen
        return self._routes.get("$default")

    async def _complain(self, connection: _Connection, words: str, request_id: str) -> None:
        problem = {"message": words, "connectionId": connection.id, "requestId": request_id}
        await connection.socket.send_text(json.dumps(problem))

    async def _disconnect(self, connection: _Connection, code: int) -> None:
        route = self._routes.get("$disconnect")
        if route is None:
            return
        context = self._context(connection, "$disconnect", "DISCONNECT")
        context |= {"disconnectStatusCode": code, "disconnectReason": ""}
        if connection.authorizer is not None:
            context["authorizer"] = connection.authorizer
        fields = handshake_fields(connection.socket)
        await self._call(route, {**fields, "requestContext": context, "isBase64Encoded": False})

    async def _call(self, route: SocketRoute, event: dict[str, Any]) -> Outcome | None:
        """Run a route's function; ``None`` when it cannot answer in time."""
        try:
            return await self._invoker.invoke(route.function, event, limit_s=INTEGRATION_LIMIT_S)
        except (TimeoutError, KontorError, RuntimeError) as error:
            logger.warning("route failed", extra={"route": route.key, "reason": str(error)})
            return None

    def _context(self, connection: _Connection, route: str, kind: str) -> dict[str, Any]:
        return socket_context(
            route=route,
            kind=kind,
            connection_id=connection.id,
            connected_at_ms=int(connection.connected_at * 1000),
            connection=connection.socket,
        )

    # -- @connections --------------------------------------------------------------------------

    async def manage(self, request: Request) -> Response:
        """Answer apigatewaymanagementapi: POST sends, GET describes, DELETE closes."""
        connection = self._connections.get(request.path_params["connection_id"])
        if connection is None or connection.socket.client_state is not WebSocketState.CONNECTED:
            return _gone()
        if request.method == "GET":
            return JSONResponse(_description(connection))
        if request.method == "DELETE":
            self._connections.pop(connection.id, None)
            with contextlib.suppress(RuntimeError):
                await connection.socket.close(NORMAL)
            return Response(status_code=204)
        body = await request.body()
        if len(body) > MAX_MESSAGE_BYTES:
            return _problem(413, "PayloadTooLargeException", "Payload too large")
        try:
            await _send(connection.socket, body)
        except (RuntimeError, WebSocketDisconnect):
            return _gone()
        connection.last_active_at = time.time()
        return Response(status_code=200)

    async def close(self) -> None:
        """Close every connection, as a stage does when it is redeployed."""
        for connection in list(self._connections.values()):
            with contextlib.suppress(RuntimeError):
                await connection.socket.close(GOING_AWAY)


async def _send(socket: WebSocket, body: bytes) -> None:
    try:
        await socket.send_text(body.decode())
    except UnicodeDecodeError:
        await socket.send_bytes(body)


def _answer(outcome: Outcome) -> dict[str, Any]:
    try:
        parsed = json.loads(outcome.payload)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _identity(socket: WebSocket, source: str) -> str:
    """Return an identity source's value, e.g. of ``route.request.header.Auth``."""
    _, _, place, name = source.split(".", 3)
    values = socket.headers if place == "header" else socket.query_params
    return str(values.get(name, ""))


def _description(connection: _Connection) -> dict[str, Any]:
    def moment(seconds: float) -> str:
        then = now().fromtimestamp(seconds, now().tzinfo)
        return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    client = connection.socket.client
    return {
        "connectedAt": moment(connection.connected_at),
        "identity": {
            "sourceIp": client.host if client else "127.0.0.1",
            "userAgent": connection.socket.headers.get("user-agent", ""),
        },
        "lastActiveAt": moment(connection.last_active_at),
    }


def _gone() -> Response:
    return _problem(410, "GoneException", "Gone")


def _problem(status: int, kind: str, words: str) -> Response:
    return JSONResponse({"message": words}, status, headers={"x-amzn-errortype": kind})


def _words(status: int) -> str:
    return {401: "Unauthorized", 403: "Forbidden"}.get(status, "Internal server error")
