"""A small web server on 127.0.0.1 that answers as the test wrote, and notes what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Page:
    """One answer of the server."""

    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    says_length: bool = True


@dataclass
class Asked:
    """One request the server saw."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Page | Callable[["Asked"], Page]


class WebServer(ThreadingHTTPServer):
    """Serves ``pages`` by path without query; everything else is 404."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self.drips: threading.Event = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet when somebody hangs up."""


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    server = WebServer()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.drips.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Keep quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.server.asked.append(asked)
        found = self.server.pages.get(self.path.partition("?")[0], Page(b"no", status=404))
        page = found if isinstance(found, Page) else found(asked)
        self.send_response(page.status)
        self.send_header("content-type", page.kind)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if page.says_length and "content-length" not in page.headers:
            self.send_header("content-length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body)
        if page.kind.endswith("drip"):
            while not self.server.drips.wait(0.02):
                self.wfile.write(b".")
                self.wfile.flush()
        self.close_connection = True
