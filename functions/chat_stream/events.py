"""Server-sent events: an answer's events as an ASGI response, written while it is given.

Answering is synchronous and runs in a thread; every event it emits waits until the connection
has taken it, so a slow reader slows the answer and one that left ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from shared.answering.model import AnswerEvent, Emit, ListenerGoneError
from shared.kernel.errors import KontorError

logger = logging.getLogger(__name__)


class EventStream(Response):
    """Calls ``tell`` with an ``emit`` that writes to the client; errors become ``event: error``."""

    media_type = "text/event-stream"

    def __init__(self, tell: Callable[[Emit], object]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._tell = tell
        self._is_gone = threading.Event()
        self._writing: Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then each event as it comes; returns when the answer is kept.

        A server that gives up cancels this; the answer is still brought to its (early) end.
        """
        headers = [item for item in self.raw_headers if item[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        watching = asyncio.create_task(self._watch(receive))
        telling = asyncio.create_task(
            asyncio.to_thread(self._run, asyncio.get_running_loop(), send)
        )
        try:
            await asyncio.shield(telling)
        except asyncio.CancelledError:
            self._leave()
            await telling
            raise
        finally:
            watching.cancel()
        if not self._is_gone.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        """Note that nobody listens any more, and let go of a write that nobody takes."""
        self._is_gone.set()
        if self._writing is not None:
            self._writing.cancel()

    def _run(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        def write(name: str, data: Mapping[str, object]) -> None:
            body = f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
            message: Message = {"type": "http.response.body", "body": body, "more_body": True}
            self._writing = asyncio.run_coroutine_threadsafe(_sent(send, message), loop)
            if self._is_gone.is_set():
                self._writing.cancel()
            try:
                self._writing.result()
            except (OSError, CancelledError) as error:
                self._is_gone.set()
                raise ListenerGoneError from error

        def emit(event: AnswerEvent) -> None:
            write(event.kind, event.payload())

        with contextlib.suppress(ListenerGoneError):
            try:
                self._tell(emit)
            except KontorError as error:
                logger.info("answer broke off", extra={"code": error.code})
                write("error", error.problem())
            except Exception:
                logger.exception("answer failed")
                write("error", KontorError("The answer could not be given.").problem())


async def _sent(send: Send, message: Message) -> None:
    await send(message)
