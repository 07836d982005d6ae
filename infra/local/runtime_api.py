"""The Lambda Runtime API (2018-06-01) for one execution environment, over loopback HTTP.

The runtime inside the function process asks ``/next``, gets an event, and posts a response, a
streamed response or an error. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from uuid import uuid4

logger = logging.getLogger(__name__)


class ClientGoneError(Exception):
    """The reader of a streamed response went away; raised by an invocation's ``on_chunk``."""


@dataclass(slots=True)
class Invocation:
    """One event on its way through a function.

    ``on_chunk`` takes the pieces of a streamed response as they come. Exactly one of ``result``
    and ``error`` is set when ``done`` is.
    """

    event: bytes
    timeout_s: float
    arn: str
    on_chunk: Callable[[bytes], None] | None = None
    request_id: str = field(default_factory=lambda: str(uuid4()))
    done: threading.Event = field(default_factory=threading.Event)
    taken: threading.Event = field(default_factory=threading.Event)
    deadline: float = 0.0  # seconds since the epoch, set when the runtime takes the event
    result: bytes | None = None
    error: bytes | None = None

    def finish(self, *, result: bytes | None = None, error: bytes | None = None) -> None:
        """Set the outcome once; later ones are ignored."""
        if not self.done.is_set():
            self.result, self.error = result, error
            self.done.set()


def error_document(kind: str, message: str) -> bytes:
    """Return an error in the shape every Lambda caller sees."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class RuntimeApi:
    """Serves one execution environment on a port of its own (the runtime knows only host:port)."""

    def __init__(self) -> None:
        self._events: SimpleQueue[Invocation | None] = SimpleQueue()
        self.current: Invocation | None = None
        self.ready = threading.Event()
        self.ready_at = 0.0
        self.init_error: bytes | None = None
        api = self

        class Handler(_Handler):
            runtime_api = api

        self._server = _Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.2},
            name="runtime-api",
            daemon=True,
        )
        thread.start()

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def give(self, invocation: Invocation) -> None:
        """Hand an event to the runtime's next ``/next``."""
        self._events.put(invocation)

    def close(self) -> None:
        """Stop serving; a runtime that still waits gets no answer."""
        self._events.put(None)
        threading.Thread(target=self._shut, name="runtime-api-close", daemon=True).start()

    def _shut(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> Invocation | None:
        """Wait for the next event; the first wait means initialisation is over."""
        if not self.ready.is_set():
            self.ready_at = time.perf_counter()
            self.ready.set()
        invocation = self._events.get()
        if invocation is not None:
            invocation.deadline = time.time() + invocation.timeout_s
            self.current = invocation
            invocation.taken.set()
        return invocation

    def fail_init(self, body: bytes) -> None:
        """Record that the function could not be initialised."""
        self.init_error = body
        self.ready.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Note a broken connection: it is how the death of a function process looks from here."""
        logger.debug("runtime connection broke", extra={"client": str(client_address)})


class _Handler(BaseHTTPRequestHandler):
    """One connection of the runtime. Without Nagle and with buffered writes a call takes 0.2 ms."""

    runtime_api: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Say nothing: the pool reports every invocation."""

    def do_GET(self) -> None:
        """Answer ``/next`` with an event, as soon as there is one."""
        invocation = self.runtime_api.take()
        if invocation is None:
            self.close_connection = True
            return
        self._answer(
            200,
            invocation.event,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{'0' * 24}",
            },
        )

    def do_POST(self) -> None:
        """Take a response, an error or an initialisation error."""
        invocation = self.runtime_api.current
        if self.path.endswith("/init/error"):
            self.runtime_api.fail_init(self._body())
        elif invocation is None or f"/{invocation.request_id}/" not in self.path:
            self._body()
            self._answer(400, error_document("InvalidRequestID", "This invocation is over."))
            return
        elif self.path.endswith("/error"):
            invocation.finish(error=self._body())
        elif self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            if not self._stream(invocation):
                return
        else:
            invocation.finish(result=self._body())
        self._answer(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _stream(self, invocation: Invocation) -> bool:
        """Pass a chunked response on; returns False when its reader is gone."""
        collected = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            piece = self.rfile.read(size)
            self.rfile.readline()
            if invocation.on_chunk is None:
                collected += piece
                continue
            try:
                invocation.on_chunk(piece)
            except ClientGoneError:
                # Breaking the connection is how the function learns that nobody listens.
                self.close_connection = True
                invocation.finish(result=b"")
                return False
        trailers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            trailers[name.lower()] = value.strip()
        if "lambda-runtime-function-error-type" in trailers:
            invocation.finish(error=_trailer_error(trailers))
        else:
            invocation.finish(result=bytes(collected))
        return True

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _trailer_error(trailers: dict[str, str]) -> bytes:
    kind = trailers["lambda-runtime-function-error-type"]
    try:
        return base64.b64decode(trailers.get("lambda-runtime-function-error-body", ""))
    except binascii.Error:
        return error_document(kind, "The stream broke off.")
