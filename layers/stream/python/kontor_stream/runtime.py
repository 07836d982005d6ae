"""The custom runtime: takes events from the Runtime API and streams the answers back.

Protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html (response streaming:
chunked body, a JSON head, eight zero bytes, then the body; errors after that go into trailers).
"""

from __future__ import annotations

import base64
import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from kontor_stream.asgi import StreamedAnswer, asgi_handler

VERSION = "/2018-06-01/runtime"
HEAD_END = b"\0" * 8
STREAM_HEADERS = (
    ("Lambda-Runtime-Function-Response-Mode", "streaming"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Type", "application/vnd.awslambda.http-integration-response"),
    ("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"),
)
Handler = Callable[[dict[str, Any], "Context"], Any]


@dataclass(frozen=True)
class Context:
    """The invocation's context, as far as every Lambda function may rely on it."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before Lambda ends the invocation."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def serve(handler_name: str) -> NoReturn:
    """Load the handler, then serve one event after the other."""
    api = os.environ["AWS_LAMBDA_RUNTIME_API"]  # noqa: TID251 - a layer knows no settings
    connection = http.client.HTTPConnection(api)
    try:
        handler = load(handler_name)
    except Exception as error:  # noqa: BLE001 - whatever import raises is reported, then we end
        _post_error(connection, f"{VERSION}/init/error", error)
        traceback.print_exc()
        sys.exit(1)
    while True:
        connection.request("GET", f"{VERSION}/invocation/next")
        answer = connection.getresponse()
        event = json.loads(answer.read())
        context = _context(answer)
        path = f"{VERSION}/invocation/{context.aws_request_id}"
        try:
            _invoke(connection, path, handler, event, context)
        except (ConnectionError, http.client.HTTPException):
            # The reader of our stream is gone; the next event comes over a new connection.
            connection.close()
            connection = http.client.HTTPConnection(api)


def load(handler_name: str) -> Handler:
    """Return the handler of ``package.module.attribute``.

    A module that has an ASGI application named ``app`` is served through that.
    """
    module_name, _, attribute = handler_name.replace("/", ".").rpartition(".")
    module = importlib.import_module(module_name)
    if hasattr(module, "app"):
        return asgi_handler(module.app)
    handler: Handler = getattr(module, attribute)
    return handler


def _context(answer: http.client.HTTPResponse) -> Context:
    environment = os.environ  # noqa: TID251 - as above
    return Context(
        aws_request_id=answer.headers["Lambda-Runtime-Aws-Request-Id"],
        invoked_function_arn=answer.headers.get("Lambda-Runtime-Invoked-Function-Arn", ""),
        deadline_ms=int(answer.headers.get("Lambda-Runtime-Deadline-Ms", "0")),
        function_name=environment.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        function_version=environment.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        memory_limit_in_mb=environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
        log_group_name=environment.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        log_stream_name=environment.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
    )


def _invoke(
    connection: http.client.HTTPConnection,
    path: str,
    handler: Handler,
    event: dict[str, Any],
    context: Context,
) -> None:
    try:
        result = handler(event, context)
        body = b"" if isinstance(result, StreamedAnswer) else json.dumps(result).encode()
    except Exception as error:  # noqa: BLE001 - the function's errors are its caller's to judge
        traceback.print_exc()
        _post_error(connection, f"{path}/error", error)
        return
    if isinstance(result, StreamedAnswer):
        _stream(connection, f"{path}/response", result)
    else:
        _post(connection, f"{path}/response", body, {"Content-Type": "application/json"})


def _stream(connection: http.client.HTTPConnection, path: str, answer: StreamedAnswer) -> None:
    connection.putrequest("POST", path)
    for name, value in STREAM_HEADERS:
        connection.putheader(name, value)
    connection.endheaders()
    trailers = b""
    pieces = iter(answer.body)
    try:
        _send_chunk(connection, json.dumps(answer.head).encode() + HEAD_END)
        while True:
            try:
                piece = next(pieces)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - it comes too late for a status code
                traceback.print_exc()
                trailers = _error_trailers(error)
                break
            _send_chunk(connection, piece)
    finally:
        answer.close()
    connection.send(b"0\r\n" + trailers + b"\r\n")
    connection.getresponse().read()


def _send_chunk(connection: http.client.HTTPConnection, piece: bytes) -> None:
    if piece:
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))


def _error_trailers(error: Exception) -> bytes:
    body = base64.b64encode(_error_document(error))
    kind = type(error).__name__.encode()
    return (
        b"Lambda-Runtime-Function-Error-Type: " + kind + b"\r\n"
        b"Lambda-Runtime-Function-Error-Body: " + body + b"\r\n"
    )


def _error_document(error: Exception) -> bytes:
    return json.dumps(
        {
            "errorType": type(error).__name__,
            "errorMessage": str(error),
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
    ).encode()


def _post_error(connection: http.client.HTTPConnection, path: str, error: Exception) -> None:
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-Error-Type": type(error).__name__,
    }
    _post(connection, path, _error_document(error), headers)


def _post(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> None:
    connection.request("POST", path, body, headers)
    connection.getresponse().read()


__all__ = ["Context", "load", "serve"]
