"""The whole HTTP API in one process: every route behind its authorizer, as the gateway has it."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.routing import HttpRoute
from infra.local.serverless import load_service
from shared.identity.model import Principal
from tests.functions.http_events import Answer, Handler, http_event, read_answer

ROOT = Path(__file__).parents[2]
_STREAMED = frozenset({"openai"})
"""Functions that a server of their own answers for; they verify tokens themselves."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API and the function that answers it."""

    method: str
    template: str
    function: str
    is_guarded: bool

    @property
    def key(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def names(self) -> list[str]:
        """The path's parameters."""
        return re.findall(r"\{(\w+)\+?\}", self.template)

    def path(self, values: Mapping[str, object]) -> str:
        return re.sub(r"\{(\w+)\+?\}", lambda found: str(values[found[1]]), self.template)


@cache
def routes() -> tuple[Route, ...]:
    """List what function.yml files serve over HTTP."""
    model = load_service(ROOT)
    return tuple(
        _route(route, model.function(route.function).key)
        for route in model.http_routes
        if model.function(route.function).key not in _STREAMED
    )


def _route(route: HttpRoute, function: str) -> Route:
    method, _, template = route.key.partition(" ")
    return Route(method, template, function, route.authorizer is not None)


def handler_of(function: str) -> Handler:
    """Return a function's Lambda handler."""
    handler: Handler = importlib.import_module(f"functions.{function}.handler").handler
    return handler


def send(
    route: Route,
    path: str,
    *,
    principal: Principal | None = None,
    token: str | None = None,
    body: object = None,
    query: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
) -> Answer:
    """Send a request through the authorizer, if the route has one, to its function.

    With a ``principal`` the authorizer is taken to have found that one; with a ``token`` it is
    asked. Without either nobody is there.
    """
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    event = http_event(
        route.method, path, body=body, query=query, headers=headers, principal=principal
    )
    event["routeKey"] = event["requestContext"]["routeKey"] = route.key
    event["requestContext"]["http"]["sourceIp"] = address
    if route.is_guarded and principal is None:
        found = handler_of("authorizer")(event, None)
        if not found["isAuthorized"]:
            return Answer(401, {}, {"detail": "refused by the authorizer"})
        event["requestContext"]["authorizer"] = {"lambda": found["context"]}
    return read_answer(handler_of(route.function)(event, None))


def text_of(answer: Answer) -> str:
    """Return everything an answer says, headers included, for looking things up in it."""
    return json.dumps([answer.body, dict(answer.headers)], ensure_ascii=False, default=str)


def minimal(  # noqa: PLR0911 - one for each kind
    schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = ""
) -> Any:
    """Write the smallest value that a JSON schema of ours allows."""
    if "$ref" in schema:
        return minimal(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, name)
    for known in ("const", "default", "enum", "examples"):
        if known in schema:
            return schema[known][0] if known in {"enum", "examples"} else schema[known]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return minimal(schema[several][0], schemas, name)
    match schema.get("type"):
        case "object" | None:
            inner = schema.get("properties", {})
            return {key: minimal(inner[key], schemas, key) for key in schema.get("required", ())}
        case "array":
            one = minimal(schema.get("items", {}), schemas, name)
            return [one] * max(1, schema.get("minItems", 0))
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return False
        case _:
            return _text(schema, name)


def _text(schema: Mapping[str, Any], name: str) -> str:
    forms = {
        "uuid": "00000000-0000-7000-8000-000000000000",
        "date-time": "2030-01-01T00:00:00Z",
        "date": "2030-01-01",
        "uri": "https://example.org/",
    }
    if schema.get("format") in forms:
        return forms[schema["format"]]
    if "email" in name:
        return "zoe@example.org"
    return "x" * max(3, schema.get("minLength", 0))
