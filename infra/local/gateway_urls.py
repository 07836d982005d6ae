"""Function URLs: a function's own address, answered whole or streamed piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from infra.local.gateway_events import (
    MAX_EVENT_BYTES,
    Matched,
    http_event,
    http_response,
    response_of,
)
from infra.local.gateway_http import RequestTooLargeError, apply_cors, is_preflight, read_body
from infra.local.invoker import Invoker
from infra.local.pool import Outcome
from infra.local.routing import FunctionUrl, RoutingModel
from infra.local.runtime_api import ClientGoneError
from shared.kernel.errors import KontorError

logger = logging.getLogger(__name__)

PRELUDE_END = b"\0" * 8
PIECES_AHEAD = 32  # what a fast function may be ahead of a slow reader
URL_LIMIT_S = 900.0


def _failure(status: int, words: str) -> JSONResponse:
    return JSONResponse({"Message": words}, status)


class FunctionUrls:
    """Serves ``/_url/<function>/…`` for every function with a URL."""

    def __init__(self, model: RoutingModel, invoker: Invoker) -> None:
        self._invoker = invoker
        self._urls = {model.function(url.function).key: url for url in model.urls}

    async def serve(self, request: Request) -> Response:
        """Answer one request; streamed answers start before the function is done."""
        key = request.path_params["function"]
        url = self._urls.get(key)
        if url is None:
            return _failure(404, "There is no such function URL.")
        if url.cors is not None and is_preflight(request):
            response = Response(status_code=200)
        elif url.needs_signature and "AWS4-HMAC" not in request.headers.get("authorization", ""):
            response = _failure(403, "Forbidden")
        else:
            response = await self._answer(request, url, key)
        if url.cors is not None:
            apply_cors(response, url.cors, request)
        return response

    async def _answer(self, request: Request, url: FunctionUrl, key: str) -> Response:
        path = "/" + request.path_params.get("path", "")
        try:
            body = await read_body(request, MAX_EVENT_BYTES)
        except RequestTooLargeError:
            return _failure(413, "Request Entity Too Large")
        event = http_event(request, body, Matched("$default", path, {}, key))
        try:
            if url.is_streaming:
                return await self._stream(request, url, event)
            outcome = await self._invoker.invoke(url.function, event, limit_s=URL_LIMIT_S)
        except (TimeoutError, KontorError):
            return _failure(504, "Gateway Timeout")
        return _whole(outcome)

    async def _stream(self, request: Request, url: FunctionUrl, event: dict[str, Any]) -> Response:
        pieces = _Pieces(asyncio.get_running_loop())
        running = self._invoker.stream(url.function, event, pieces.put)
        running.add_done_callback(lambda _: pieces.finish())
        head, first = await pieces.prelude()
        if head is None:
            return _whole(await running)
        return _StreamedResponse(head, first, pieces, running)


def _whole(outcome: Outcome) -> Response:
    if outcome.is_error:
        return _failure(502, "Internal Server Error")
    try:
        return http_response(outcome.payload)
    except (ValueError, TypeError):
        return _failure(502, "Internal Server Error")


class _Pieces:
    """A bounded pipe from the function's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_AHEAD)
        self._is_abandoned = False

    def put(self, piece: bytes) -> None:
        """Pass one piece on; waits for a slow reader. Raises ClientGoneError when it left."""
        if not self._is_abandoned:
            asyncio.run_coroutine_threadsafe(self._queue.put(piece), self._loop).result()
        if self._is_abandoned:
            raise ClientGoneError

    def finish(self) -> None:
        """Mark the end; called on the event loop when the function is done."""
        self._loop.create_task(self._queue.put(None))

    def abandon(self) -> None:
        """Stop reading: the function's next piece fails."""
        self._is_abandoned = True
        while not self._queue.empty():
            self._queue.get_nowait()

    async def next(self) -> bytes | None:
        """Return the next piece, ``None`` at the end."""
        return await self._queue.get()

    async def prelude(self) -> tuple[dict[str, Any] | None, bytes]:
        """Read the response's head; returns it with the first bytes of the body.

        A function that failed or answered whole sends none: then the head is ``None``.
        """
        buffered = b""
        while PRELUDE_END not in buffered:
            piece = await self.next()
            if piece is None:
                return None, b""
            buffered += piece
        head, _, first = buffered.partition(PRELUDE_END)
        parsed: dict[str, Any] = json.loads(head)
        return parsed, first


class _StreamedResponse(Response):
    """Sends pieces as they come; breaks the connection off when the function fails midway."""

    def __init__(
        self,
        head: dict[str, Any],
        first: bytes,
        pieces: _Pieces,
        running: asyncio.Future[Outcome],
    ) -> None:
        super().__init__()
        self.status_code = int(head.get("statusCode", 200))
        template = response_of({"statusCode": self.status_code, **head}, b"")
        self.raw_headers = [h for h in template.raw_headers if h[0] != b"content-length"]
        self._first = first
        self._pieces = pieces
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await task
            self._pieces.abandon()

    async def _send(self, send: Send) -> None:
        piece: bytes | None = self._first
        while piece is not None:
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await self._pieces.next()
        outcome = await self._running
        if outcome.is_error:
            # Leaving the body unfinished is how HTTP/1.1 says that it is broken.
            logger.warning("stream broke off", extra={"error_type": outcome.error_type})
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
