"""A bare ASGI application whose answers come in pieces."""

from __future__ import annotations

import asyncio
from typing import Any

LEFT: list[str] = []


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    request = await receive()
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/event-stream"), (b"set-cookie", b"s=1")],
    }
    if scope["path"] == "/early":
        raise LookupError("before the head")
    if scope["path"] == "/left":
        body = ",".join(LEFT).encode()
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    await send(start)
    if scope["path"] == "/forever":
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1024, "more_body": True})
                await asyncio.sleep(0.005)
        finally:
            LEFT.append("stopped")
    for number in range(5):
        piece = b"data: %d %b\n\n" % (number, request["body"])
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if scope["path"] == "/midway" and number == 2:
            raise LookupError("after the head")
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b""})
