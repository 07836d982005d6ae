"""A receiver in a process of its own that behaves as its path says: ok, broken, slow, gone …

Run as a program with the file that it writes what it got into, one JSON object a line; it prints
its port.
"""

from __future__ import annotations

import http.server
import json
import sys
import time
from pathlib import Path

SLOW_S = 3.0


class Receiver(http.server.BaseHTTPRequestHandler):
    """Notes every request and answers by its path."""

    got: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kept = {"path": self.path, "headers": dict(self.headers), "body": body.decode()}
        with self.got.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
        if self.path == "/slow":
            time.sleep(SLOW_S)
        status = {"/500": 500, "/gone": 410, "/moved": 307, "/flaky": 503, "/long": 200}.get(
            self.path, 204
        )
        if self.path == "/flaky" and len(self.got.read_text("utf-8").splitlines()) > 1:
            status = 200
        self.send_response(status)
        if self.path == "/moved":
            self.send_header("location", "/ok")
        body = b"x" * (200_000 if self.path == "/long" else 0)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Say nothing."""


if __name__ == "__main__":
    Receiver.got = Path(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
