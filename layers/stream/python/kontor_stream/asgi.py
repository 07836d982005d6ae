"""An ASGI application as a streaming Lambda handler: function URL event in, pieces out."""

from __future__ import annotations

import asyncio
import base64
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PIECES_AHEAD = 64
LEAVING_S = 10.0


@dataclass(frozen=True)
class StreamedAnswer:
    """The head (statusCode, headers, cookies), the body's pieces, and how to stop the work."""

    head: dict[str, Any]
    body: Iterator[bytes]
    close: Callable[[], None]


def asgi_handler(
    application: Any,
) -> Callable[[dict[str, Any], Any], StreamedAnswer | dict[str, Any]]:
    """Return a handler that runs ``application`` for one event at a time.

    Function URLs are answered in pieces. An HTTP API takes no pieces: its events name a route,
    and are answered whole.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="asgi", daemon=True).start()

    def handler(event: dict[str, Any], context: Any) -> StreamedAnswer | dict[str, Any]:
        answer = _Exchange(application, loop, event, context).begin()
        is_whole = event["requestContext"].get("routeKey", "$default") != "$default"
        return _collected(answer) if is_whole else answer

    return handler


def _collected(answer: StreamedAnswer) -> dict[str, Any]:
    try:
        body = b"".join(answer.body)
    finally:
        answer.close()
    return {**answer.head, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}


class _Exchange:
    """One request to the application and its answer."""

    def __init__(
        self, application: Any, loop: asyncio.AbstractEventLoop, event: dict[str, Any], context: Any
    ) -> None:
        self._application = application
        self._loop = loop
        self._scope = _scope(event, context)
        body = event.get("body") or ""
        self._body = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        self._messages: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
        self._room = asyncio.Semaphore(PIECES_AHEAD)
        self._gone = asyncio.Event()
        self._is_read = False
        self._ended = threading.Event()

    def begin(self) -> StreamedAnswer:
        """Run the application up to its response's head. Raises what it raises before that."""
        self._task = asyncio.run_coroutine_threadsafe(self._run(), self._loop)
        first = self._messages.get()
        if isinstance(first, BaseException):
            raise first
        if first is None:
            raise RuntimeError("the application ended without a response")
        head: dict[str, Any] = {"statusCode": first["status"], "headers": {}, "cookies": []}
        for name, value in first.get("headers", []):
            if name.lower() == b"set-cookie":
                head["cookies"].append(value.decode("latin-1"))
            else:
                head["headers"][name.decode("latin-1")] = value.decode("latin-1")
        return StreamedAnswer(head, self._pieces(), self._close)

    def _pieces(self) -> Iterator[bytes]:
        while (message := self._messages.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            self._loop.call_soon_threadsafe(self._room.release)
            if message["type"] == "http.response.body" and message.get("body"):
                yield message["body"]

    def _close(self) -> None:
        """Tell the application that the client is gone; cancel it if it is still at work.

        Waits for what it still has to put away: Lambda freezes the process after the answer.
        """

        def leave() -> None:
            self._gone.set()
            self._task.cancel()

        self._loop.call_soon_threadsafe(leave)
        self._ended.wait(LEAVING_S)

    async def _run(self) -> None:
        try:
            await self._application(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - carried over to the runtime's thread
            self._messages.put(error)
        finally:
            self._messages.put(None)
            self._ended.set()

    async def _receive(self) -> dict[str, Any]:
        if self._is_read:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._is_read = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await self._room.acquire()  # a fast application waits for a slow reader
        self._messages.put(message)


def _scope(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = event["requestContext"]
    http = request.get("http", {})
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in (event.get("headers") or {}).items()
    ]
    if cookies := event.get("cookies"):
        headers.append((b"cookie", "; ".join(cookies).encode("latin-1")))
    path = event.get("rawPath") or "/"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": http.get("method", "GET"),
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": (event.get("rawQueryString") or "").encode(),
        "headers": headers,
        "client": (http.get("sourceIp", "0.0.0.0"), 0),  # noqa: S104 - an address, not a bind
        "server": (request.get("domainName", "lambda"), 443),
        "state": {},
        "aws.event": event,
        "aws.context": context,
    }
