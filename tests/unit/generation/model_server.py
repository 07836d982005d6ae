"""A small server on 127.0.0.1 that speaks four protocols, and answers, stalls or talks rubbish.

OpenAI's chat completions, Anthropic's messages, Ollama's chat and Bedrock's converse-stream; each
behaves as ``moods`` say, one per request, and reports the same token counts.
"""

from __future__ import annotations

import binascii
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Die ", "Frist ", "beträgt ", "drei ", "Monate."]
TOKENS_IN, TOKENS_OUT = 21, 7
TOOL_CALL = {"name": "find_weather", "arguments": '{"city": "Köln"}'}


class ModelServer(ThreadingHTTPServer):
    """Behaves as ``moods`` say, one per request; the last one stays."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moods = ["ok"]
        self.words = WORDS
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.release = threading.Event()
        self.hung_up = threading.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        """Where OpenAI's protocol is spoken."""
        return f"{self.root}/v1"

    @property
    def keys(self) -> list[str]:
        return [each.get("authorization", "") for each in self.headers]

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
    disable_nagle_algorithm = True
    server: ModelServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Keep quiet."""

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.requests.append(json.loads(self.rfile.read(length)))
        self.server.headers.append({k.lower(): v for k, v in self.headers.items()})
        mood = self.server.next_mood()
        if mood.startswith("307 "):
            self._send(307, b"", "text/plain", {"location": mood.split()[1] + self.path})
        elif mood.partition(" ")[0].isdigit():
            self._refuse(*mood.split())
        elif mood == "garbage":
            self._send(200, b"<html>not a model</html>", "text/html")
        elif mood == "broken-json":
            self._send(200, b'data: {"id": "c", "choices": [{"del\n\n', "text/event-stream")
        elif mood == "stall":
            self.server.release.wait(20)
            self.close_connection = True
        else:
            self._stream(mood, self._speaker())

    def _speaker(self) -> _Speaker:
        if self.path.endswith("/messages"):
            return _Anthropic()
        if self.path.endswith("/api/chat"):
            return _Ollama()
        if self.path.endswith("/converse-stream"):
            return _Bedrock()
        return _OpenAI()

    def _refuse(self, status: str, retry_after: str = "") -> None:
        message = {"error": {"message": "secret prompt and sk-key inside", "type": "x"}}
        headers = {"retry-after": retry_after} if retry_after else {}
        self._send(int(status), json.dumps(message).encode(), "application/json", headers)

    def _send(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, mood: str, speaker: _Speaker) -> None:
        self.send_response(200)
        self.send_header("content-type", speaker.kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._chunk(speaker.start())
        if mood == "tools":
            self._chunk(speaker.tool_call())
        words = [] if mood in {"silent", "filtered", "tools"} else self.server.words
        for number, word in enumerate(words):
            self._chunk(speaker.word(word))
            if mood == "dies" and number == 1:
                self.close_connection = True
                self.connection.close()
                return
            if mood == "endless":
                while not self.server.release.wait(0.01):
                    self._chunk(speaker.word("und "))
        finish = {"filtered": "content_filter", "tools": "tool_calls"}.get(mood, "stop")
        self._chunk(speaker.end(finish, has_usage=mood != "no-usage"))
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()


class _Speaker:
    """One protocol's way of saying an answer; the parent is OpenAI's server-sent events."""

    kind = "text/event-stream"

    def start(self) -> bytes:
        return b""

    def word(self, text: str) -> bytes:
        raise NotImplementedError

    def tool_call(self) -> bytes:
        raise NotImplementedError

    def end(self, finish: str, *, has_usage: bool) -> bytes:
        raise NotImplementedError


class _OpenAI(_Speaker):
    def word(self, text: str) -> bytes:
        return self._event({"content": text}, None)

    def tool_call(self) -> bytes:
        call = {"index": 0, "id": "call_1", "type": "function", "function": TOOL_CALL}
        return self._event({"role": "assistant", "tool_calls": [call]}, None)

    def end(self, finish: str, *, has_usage: bool) -> bytes:
        usage = {
            "prompt_tokens": TOKENS_IN,
            "completion_tokens": TOKENS_OUT,
            "total_tokens": TOKENS_IN + TOKENS_OUT,
        }
        last = self._body() | {"choices": [], "usage": usage}
        told = b"data: " + json.dumps(last).encode() + b"\n\n" if has_usage else b""
        return self._event({}, finish) + told + b"data: [DONE]\n\n"

    def _event(self, delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + json.dumps(self._body() | {"choices": [choice]}).encode() + b"\n\n"

    def _body(self) -> dict[str, Any]:
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


class _Anthropic(_Speaker):
    def start(self) -> bytes:
        message = {
            "id": "m", "type": "message", "role": "assistant", "content": [], "model": "claude",
            "stop_reason": None, "usage": {"input_tokens": TOKENS_IN, "output_tokens": 1},
        }  # fmt: skip
        block = {"type": "text", "text": ""}
        return self._event("message_start", message=message) + self._event(
            "content_block_start", index=0, content_block=block
        )

    def word(self, text: str) -> bytes:
        return self._event(
            "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
        )

    def end(self, finish: str, *, has_usage: bool) -> bytes:
        return (
            self._event("content_block_stop", index=0)
            + self._event(
                "message_delta",
                delta={"stop_reason": "end_turn", "stop_sequence": None},
                usage={"output_tokens": TOKENS_OUT},
            )
            + self._event("message_stop")
        )

    def _event(self, name: str, **fields: Any) -> bytes:
        return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()


class _Ollama(_Speaker):
    kind = "application/x-ndjson"

    def word(self, text: str) -> bytes:
        return self._line({"message": {"role": "assistant", "content": text}, "done": False})

    def end(self, finish: str, *, has_usage: bool) -> bytes:
        counts = {"prompt_eval_count": TOKENS_IN, "eval_count": TOKENS_OUT}
        said = {"message": {"role": "assistant", "content": ""}, "done": True}
        return self._line({**said, "done_reason": "stop", **counts})

    def _line(self, body: dict[str, Any]) -> bytes:
        return json.dumps({"model": "m", "created_at": "2026-01-01", **body}).encode() + b"\n"


class _Bedrock(_Speaker):
    """AWS's binary event stream: length, headers, payload, each with its checksum."""

    kind = "application/vnd.amazon.eventstream"

    def start(self) -> bytes:
        return self._event("messageStart", {"role": "assistant"})

    def word(self, text: str) -> bytes:
        return self._event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})

    def end(self, finish: str, *, has_usage: bool) -> bytes:
        usage = {
            "inputTokens": TOKENS_IN,
            "outputTokens": TOKENS_OUT,
            "totalTokens": TOKENS_IN + TOKENS_OUT,
        }
        return (
            self._event("contentBlockStop", {"contentBlockIndex": 0})
            + self._event("messageStop", {"stopReason": "end_turn"})
            + self._event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})
        )

    def _event(self, name: str, payload: dict[str, Any]) -> bytes:
        named = {
            ":event-type": name,
            ":content-type": "application/json",
            ":message-type": "event",
        }
        headers = b"".join(
            struct.pack("!B", len(key)) + key.encode() + b"\x07"
            + struct.pack("!H", len(value)) + value.encode()
            for key, value in named.items()
        )  # fmt: skip
        body = json.dumps(payload).encode()
        prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
        message = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + body
        return message + struct.pack("!I", binascii.crc32(message))
