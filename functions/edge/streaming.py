"""Streamed answers: synchronous work in a thread writes pieces, each sent while the next is made.

Every piece waits until the connection has taken it, so a slow reader slows the work and one that
left ends it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

Write = Callable[[bytes], None]


class ReaderGoneError(Exception):
    """Raised by a ``Write`` when nobody reads any more."""


class Streamed(Response):
    """Calls ``work`` with a function that writes to the client; returns when the work has ended.

    The work must let ReaderGoneError end it, and turn its own errors into something it writes:
    the status has been sent before it begins.
    """

    def __init__(self, work: Callable[[Write], object], *, media_type: str) -> None:
        self.media_type = media_type
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._work = work
        self._is_gone = threading.Event()
        self._writing: Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then each piece as it comes; returns when the work is done.

        A server that gives up cancels this; the work is still brought to its (early) end.
        """
        headers = [item for item in self.raw_headers if item[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        watching = asyncio.create_task(self._watch(receive))
        working = asyncio.create_task(
            asyncio.to_thread(self._run, asyncio.get_running_loop(), send)
        )
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            self._leave()
            await working
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
        def write(piece: bytes) -> None:
            message: Message = {"type": "http.response.body", "body": piece, "more_body": True}
            self._writing = asyncio.run_coroutine_threadsafe(_sent(send, message), loop)
            if self._is_gone.is_set():
                self._writing.cancel()
            try:
                self._writing.result()
            except (OSError, CancelledError) as error:
                self._is_gone.set()
                raise ReaderGoneError from error

        try:
            self._work(write)
        except ReaderGoneError:
            return


async def _sent(send: Send, message: Message) -> None:
    await send(message)
