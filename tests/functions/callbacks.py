"""API Gateway's management endpoint for open WebSocket connections, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Callbacks:
    """Keeps the frames that are posted to connections, says 410 once the client has left."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.receivers: list[str] = []
        self.paths: set[str] = set()
        self.closed: list[str] = []
        self.patience = 1_000_000
        outer = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                is_gone = len(outer.frames) >= outer.patience
                if not is_gone:
                    outer.frames.append(json.loads(body))
                    outer.receivers.append(unquote(self.path.rpartition("/")[2]))
                    outer.paths.add(self.path)
                self.send_response(410 if is_gone else 200)
                if is_gone:
                    self.send_header("x-amzn-ErrorType", "GoneException")
                self.send_header("content-length", "0")
                self.end_headers()

            def do_DELETE(self) -> None:
                outer.closed.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of one type."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def drain(self) -> list[tuple[str, dict[str, Any]]]:
        """Take what was posted since: the connection and the frame."""
        taken = list(zip(self.receivers, self.frames, strict=True))
        self.receivers.clear()
        self.frames.clear()
        return taken


@contextmanager
def listening() -> Iterator[Callbacks]:
    """Run the endpoint."""
    made = Callbacks()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()
