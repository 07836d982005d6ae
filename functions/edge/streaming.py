"""Streamed answers: synchronous work in a thread writes pieces, each sent while the next is made.

Every piece waits until the connection has taken it, so a slow reader slows the work and one that
left ends it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from shared.kernel.errors import KontorError

Write = Callable[[bytes], None]
Refuse = Callable[[KontorError], Response]


class ReaderGoneError(Exception):
    """Raised by a ``Write`` when nobody reads any more."""


class Streamed(Response):
    """Calls ``work`` with a function that writes to the client; returns when the work has ended.

    The status is sent with the first piece. An error of ours before it is answered by ``refuse``;
    later ones the work must turn into something it writes. ReaderGoneError must end it.
    """

    def __init__(
        self, work: Callable[[Write], object], *, media_type: str, refuse: Refuse | None = None
    ) -> None:
        self.media_type = media_type
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._work = work
        self._refuse = refuse
        self._is_gone = threading.Event()
        self._has_begun = False
        self._writing: Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each piece as it comes; returns when the work is done.

        A server that gives up cancels this; the work is still brought to its (early) end.
        """
        loop = asyncio.get_running_loop()

        def put(sending: Coroutine[Any, Any, None]) -> None:
            self._put(loop, sending)

        watching = asyncio.create_task(self._watch(receive))
        working = asyncio.create_task(asyncio.to_thread(self._run, put, send))
        try:
            refusal = await asyncio.shield(working)
        except asyncio.CancelledError:
            self._leave()
            await working
            raise
        finally:
            watching.cancel()
        if self._is_gone.is_set():
            return
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if not self._has_begun:
            await send(self._head())
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

    def _head(self) -> Message:
        headers = [item for item in self.raw_headers if item[0] != b"content-length"]
        return {"type": "http.response.start", "status": 200, "headers": headers}

    def _run(self, put: Callable[[Coroutine[Any, Any, None]], None], send: Send) -> Response | None:
        """Do the work; returns what to answer instead when it was refused before it began."""

        def write(piece: bytes) -> None:
            if not self._has_begun:
                self._has_begun = True
                put(_sent(send, self._head()))
            put(_sent(send, {"type": "http.response.body", "body": piece, "more_body": True}))

        try:
            self._work(write)
        except ReaderGoneError:
            return None
        except KontorError as error:
            if self._has_begun or self._refuse is None:
                raise
            return self._refuse(error)
        return None

    def _put(self, loop: asyncio.AbstractEventLoop, sending: Coroutine[Any, Any, None]) -> None:
        """Wait until the connection has taken something. Raises ReaderGoneError."""
        self._writing = asyncio.run_coroutine_threadsafe(sending, loop)
        if self._is_gone.is_set():
            self._writing.cancel()
        try:
            self._writing.result()
        except (OSError, CancelledError) as error:
            self._is_gone.set()
            raise ReaderGoneError from error


async def _sent(send: Send, message: Message) -> None:
    await send(message)
