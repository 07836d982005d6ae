"""What API Gateway and function URLs hand to functions, and how they read the answers.

Payload format 2.0 for HTTP, 1.0 for WebSockets:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from infra.local.provision import ACCOUNT
from shared.kernel.clock import now

TEXTUAL = ("text/", "application/json", "application/javascript", "application/xml")
MAX_EVENT_BYTES = 6 * 1024 * 1024  # Lambda's limit for synchronous payloads, both ways


@dataclass(frozen=True, slots=True)
class Matched:
    """Which route a request took: its key, path parameters and the path the function sees."""

    route_key: str
    path: str
    parameters: Mapping[str, str]
    api: str


def joined_headers(headers: Headers) -> dict[str, str]:
    """Return headers in lower case, repeated ones joined by commas, cookies left out."""
    names = dict.fromkeys(name for name in headers if name != "cookie")
    return {name: ",".join(headers.getlist(name)) for name in names}


def http_event(request: Request, body: bytes, matched: Matched) -> dict[str, Any]:
    """Build the event of payload format 2.0."""
    query = request.url.query
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": matched.route_key,
        "rawPath": matched.path,
        "rawQueryString": query,
        "headers": joined_headers(request.headers),
        "requestContext": _http_context(request, matched),
        "isBase64Encoded": False,
    }
    if cookies := request.headers.getlist("cookie"):
        event["cookies"] = [part.strip() for line in cookies for part in line.split(";")]
    if query:
        names = dict.fromkeys(request.query_params)
        event["queryStringParameters"] = {
            name: ",".join(request.query_params.getlist(name)) for name in names
        }
    if matched.parameters:
        event["pathParameters"] = dict(matched.parameters)
    if body:
        event["body"], event["isBase64Encoded"] = _encoded(
            body, request.headers.get("content-type", "")
        )
    return event


def _http_context(request: Request, matched: Matched) -> dict[str, Any]:
    moment = now()
    return {
        "accountId": ACCOUNT,
        "apiId": matched.api,
        "domainName": request.headers.get("host", "127.0.0.1"),
        "domainPrefix": matched.api,
        "http": {
            "method": request.method,
            "path": matched.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client.host if request.client else "127.0.0.1",
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": str(uuid4()),
        "routeKey": matched.route_key,
        "stage": "$default",
        "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(moment.timestamp() * 1000),
    }


def _encoded(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return a body as text, or in base64 when its type is not textual."""
    kind = content_type.partition(";")[0].strip().lower()
    is_textual = not kind or kind.startswith(TEXTUAL) or kind.endswith(("+json", "+xml"))
    if is_textual:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            return base64.b64encode(body).decode(), True
    return base64.b64encode(body).decode(), True


def http_response(payload: bytes) -> Response:
    """Read a function's answer as payload format 2.0 does: a response, or any JSON as the body.

    Raises ValueError when the answer cannot be a response.
    """
    answer = json.loads(payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return Response(
            answer if isinstance(answer, str) else json.dumps(answer),
            media_type="application/json",
        )
    body = answer.get("body") or ""
    if not isinstance(body, str):
        body = json.dumps(body)
    try:
        content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise ValueError("the body is not base64") from error
    return response_of(answer, content)


def response_of(head: Mapping[str, Any], content: bytes) -> Response:
    """Make a response from statusCode, headers and cookies."""
    headers = {str(k).lower(): str(v) for k, v in (head.get("headers") or {}).items()}
    headers.setdefault("content-type", "application/json")
    response = Response(content, int(head["statusCode"]), headers)
    for cookie in head.get("cookies") or []:
        response.headers.append("set-cookie", str(cookie))
    return response


def message(status: int, words: str) -> JSONResponse:
    """Return one of API Gateway's own answers."""
    return JSONResponse({"message": words}, status)


def socket_context(
    *, route: str, kind: str, connection_id: str, connected_at_ms: int, connection: HTTPConnection
) -> dict[str, Any]:
    """Build a WebSocket event's requestContext."""
    moment = now()
    request_id = str(uuid4())
    context: dict[str, Any] = {
        "routeKey": route,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "messageDirection": "IN",
        "stage": "local",
        "connectedAt": connected_at_ms,
        "requestTimeEpoch": int(moment.timestamp() * 1000),
        "identity": {
            "sourceIp": connection.client.host if connection.client else "127.0.0.1",
            "userAgent": connection.headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "domainName": connection.headers.get("host", "127.0.0.1"),
        "connectionId": connection_id,
        "apiId": "sockets",
    }
    if kind == "MESSAGE":
        context["messageId"] = str(uuid4())
    return context


def handshake_fields(connection: HTTPConnection) -> dict[str, Any]:
    """Return the headers and query of a WebSocket handshake, single and multi-valued."""
    headers, query = connection.headers, connection.query_params
    fields: dict[str, Any] = {
        "headers": {name: headers.getlist(name)[-1] for name in headers},
        "multiValueHeaders": {name: headers.getlist(name) for name in headers},
    }
    if query:
        fields["queryStringParameters"] = {name: query.getlist(name)[-1] for name in query}
        fields["multiValueQueryStringParameters"] = {name: query.getlist(name) for name in query}
    return fields
