"""The gateway's hands: run functions from the event loop without blocking it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from infra.local.pool import Outcome, Pool

WAITING_REQUESTS = 64


class Invoker:
    """Runs invocations on threads; every function is named by its logical id."""

    def __init__(self, pool: Pool, keys: dict[str, str]) -> None:
        self._pool = pool
        self._keys = keys
        self._threads = ThreadPoolExecutor(WAITING_REQUESTS, thread_name_prefix="gateway")

    async def invoke(self, function: str, event: dict[str, Any], *, limit_s: float) -> Outcome:
        """Run a function. Raises TimeoutError after ``limit_s``; the function itself runs on."""
        loop = asyncio.get_running_loop()
        body = json.dumps(event).encode()
        work = loop.run_in_executor(self._threads, self._pool.invoke, self._keys[function], body)
        return await asyncio.wait_for(asyncio.shield(work), limit_s)

    def stream(
        self, function: str, event: dict[str, Any], on_chunk: Callable[[bytes], None]
    ) -> asyncio.Future[Outcome]:
        """Start a function whose response comes in pieces, on a worker thread."""
        body = json.dumps(event).encode()
        key = self._keys[function]
        return asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self._pool.invoke(key, body, on_chunk=on_chunk)
        )

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
