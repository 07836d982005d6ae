"""A small OpenAI-compatible server on 127.0.0.1 that answers, stalls, refuses or talks rubbish."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Die ", "Frist ", "beträgt ", "drei ", "Monate."]


class ModelServer(ThreadingHTTPServer):
    """Behaves as ``moods`` say, one per request; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moods = ["ok"]
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.release = threading.Event()
        self.hung_up = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def next_mood(self) -> str:
        return self.moods.pop(0) if len(self.moods) > 1 else self.moods[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.hung_up.set()


@contextmanager
def model_server(*moods: str) -> Iterator[ModelServer]:
    server = ModelServer()
    server.moods = list(moods) or ["ok"]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Keep quiet."""

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.requests.append(json.loads(self.rfile.read(length)))
        self.server.keys.append(self.headers.get("authorization", ""))
        mood = self.server.next_mood()
        if mood.isdigit():
            self._refuse(int(mood))
        elif mood == "garbage":
            self._send(200, b"<html>not a model</html>", "text/html")
        elif mood == "stall":
            self.server.release.wait(20)
            self._send(200, b"{}", "application/json")
        else:
            self._stream(mood)

    def _refuse(self, status: int) -> None:
        message = {"error": {"message": "secret prompt and sk-key inside", "type": "x"}}
        self._send(status, json.dumps(message).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, mood: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        spoken = [] if mood in {"silent", "filtered"} else WORDS
        for number, word in enumerate(spoken):
            self._event({"content": word}, None)
            if mood == "dies" and number == 1:
                self.close_connection = True
                self.connection.close()
                return
            if mood == "endless":
                self._talk_until_hung_up()
        self._event({}, "content_filter" if mood == "filtered" else "stop")
        self._chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _talk_until_hung_up(self) -> None:
        while not self.server.release.wait(0.01):
            self._event({"content": "und "}, None)

    def _event(self, delta: dict[str, str], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        self._chunk(b"data: " + json.dumps(body | {"choices": [choice]}).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()
