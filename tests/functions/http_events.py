"""HTTP API events (payload 2.0) as API Gateway sends them, and answers read back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from functions.edge.caller import context_of
from shared.identity.model import Principal

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answered; ``body`` is parsed JSON, ``None`` when there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


def http_event(
    method: str,
    path: str,
    *,
    body: object = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    principal: Principal | None = None,
) -> dict[str, Any]:
    """Build a request; ``principal`` is what the authorizer would have found."""
    context: dict[str, Any] = {
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "test",
        },
        "requestId": "request",
        "routeKey": f"{method} {path}",
        "stage": "$default",
    }
    if principal is not None:
        context["authorizer"] = {"lambda": context_of(principal)}
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"content-type": "application/json", "host": "test", **(headers or {})},
        "requestContext": context,
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def call(handler: Handler, method: str, path: str, **request: Any) -> Answer:
    """Send one request through a whole handler; ``request`` as for ``http_event``."""
    answer = handler(http_event(method, path, **request), None)
    text = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        text = base64.b64decode(text).decode()
    headers = {key.lower(): value for key, value in answer["headers"].items()}
    return Answer(answer["statusCode"], headers, json.loads(text) if text else None)
