"""The whole HTTP API in this process: any documented operation, called through its handler.

Operations, fields and valid samples come from the description that the product writes of itself,
so whatever is added to it is attacked as well.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from jsonschema import Draft202012Validator

from infra.local.serverless import load_service
from shared.identity.model import Principal
from tests.describing import described
from tests.functions.http_events import http_event
from tests.house.tree import ROOT

ANY_ID = "01a21f9c-78b6-7676-b35d-3268b4871ac9"
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One place in a request that a value goes to: ``part`` is path, query or body."""

    part: str
    path: Path
    kind: str


@dataclass
class Request:
    """A request being put together; ``raw`` replaces the body as it is written."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None

    def put(self, where: Field, value: Any) -> Request:
        """Return a copy with a value in one field."""
        copy = Request(dict(self.path), dict(self.query), deepcopy(self.body))
        if where.part == "path":
            copy.path[str(where.path[0])] = str(value)
        elif where.part == "query":
            copy.query[str(where.path[0])] = value
        else:
            copy.body = _put(copy.body, where.path, value)
        return copy


def _put(body: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        items = list(body) if isinstance(body, list) and body else [None]
        items[first] = _put(items[first], rest, value)
        return items
    known = dict(body) if isinstance(body, dict) else {}
    known[first] = _put(known.get(first), rest, value)
    return known


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def key(self) -> str:
        """Return the gateway's name of it."""
        return f"{self.method} {self.path}"


class Api:
    """Calls operations; ``token`` is for those that verify it themselves."""

    def __init__(self, token: str = "") -> None:
        self.document = described()
        self.token = token
        service = load_service(ROOT)
        self._functions = {
            route.key: service.function(route.function).key for route in service.http_routes
        }
        self.operations = [
            Operation(method.upper(), path, described)
            for path, methods in self.document["paths"].items()
            for method, described in methods.items()
        ]

    # -- calling -------------------------------------------------------------------------------

    def call(self, operation: Operation, request: Request, who: Principal | None) -> Reply:
        """Send a request as the gateway would hand it on."""
        path = operation.path
        for name, value in request.path.items():
            path = path.replace("{" + name + "}", quote(value, safe="", errors="surrogatepass"))
        content = request.raw
        if content is None and request.body is not None:
            content = json.dumps(request.body).encode()
        function = self._functions.get(operation.key, "chat_stream")
        module = importlib.import_module(f"functions.{function}.handler")
        if hasattr(module.handler, "router"):  # an ASGI application verifies tokens itself
            return self._over_asgi(module.handler, operation, path, request, content, who)
        event = http_event(operation.method, path, principal=who)
        event["routeKey"] = event["requestContext"]["routeKey"] = operation.key
        event["rawQueryString"] = _query(request.query)
        event["body"] = None if content is None else base64.b64encode(content).decode()
        event["isBase64Encoded"] = True
        answer = module.handler(event, None)
        text = answer.get("body") or ""
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        return Reply(
            answer["statusCode"], {k.lower(): v for k, v in answer["headers"].items()}, body
        )

    def _over_asgi(
        self,
        application: Any,
        operation: Operation,
        path: str,
        request: Request,
        content: bytes | None,
        who: Principal | None,
    ) -> Reply:
        headers = {"content-type": "application/json"}
        if who is not None:
            headers["authorization"] = f"Bearer {self.token}"

        async def send() -> Reply:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                url = f"{path}?{_query(request.query)}" if request.query else path
                answer = await client.request(
                    operation.method, url, content=content, headers=headers
                )
                return Reply(answer.status_code, dict(answer.headers), answer.content)

        return asyncio.run(send())

    # -- what is said about it -----------------------------------------------------------------

    def undocumented(self, operation: Operation, reply: Reply) -> str:
        """Complain when an answer is not what the description says; empty when it is."""
        said = operation.described["responses"].get(str(reply.status))
        if said is None:
            return f"{operation.key}: {reply.status} is not documented"
        said = self._resolve(said)
        content = said.get("content", {})
        if not content:
            return f"{operation.key}: {reply.status} has a body" if reply.body else ""
        kind = reply.headers.get("content-type", "").partition(";")[0]
        if kind not in content:
            return f"{operation.key}: {reply.status} answers {kind}, not {sorted(content)}"
        schema = content[kind].get("schema")
        if not schema or not kind.endswith("json"):
            return ""
        first = next(
            _validator(json.dumps(schema, sort_keys=True)).iter_errors(json.loads(reply.body)), None
        )
        return f"{operation.key}: {reply.status}: {first.message[:200]}" if first else ""

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            node: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                node = node[step]
            part = node
        return part

    # -- samples and fields --------------------------------------------------------------------

    def sample(self, operation: Operation) -> Request:
        """Make a valid request."""
        request = Request()
        for parameter in map(self._resolve, operation.described.get("parameters", [])):
            if parameter["in"] == "path":
                request.path[parameter["name"]] = str(self._value(parameter["schema"]))
            elif parameter["in"] == "query" and parameter.get("required"):
                request.query[parameter["name"]] = self._value(parameter["schema"])
        schema = self._body_schema(operation)
        if schema is not None:
            request.body = self._value(schema)
        return request

    def fields(self, operation: Operation) -> Iterator[Field]:
        """Name every place of a request that takes a text, a number or a truth value."""
        for each, _ in self.described_fields(operation):
            yield each

    def described_fields(self, operation: Operation) -> Iterator[tuple[Field, dict[str, Any]]]:
        """Name every place as ``fields`` does, with what is said of it."""
        for part, path, schema in self.leaves(operation):
            yield Field(part, path if part == "body" else path[:1], str(schema["type"])), schema

    def leaves(self, operation: Operation) -> Iterator[tuple[str, Path, dict[str, Any]]]:
        """Walk over what a request may hold: its part, the place in it, the place's schema."""
        for parameter in map(self._resolve, operation.described.get("parameters", [])):
            if parameter["in"] in {"path", "query"}:
                for path, schema in self._leaves(parameter["schema"], (parameter["name"],), ()):
                    yield parameter["in"], path, schema
        body = self._body_schema(operation)
        if body is not None:
            for path, schema in self._leaves(body, (), ()):
                yield "body", path, schema

    def _body_schema(self, operation: Operation) -> dict[str, Any] | None:
        content = operation.described.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return schema

    def _leaves(
        self, schema: dict[str, Any], path: Path, above: tuple[str, ...]
    ) -> Iterator[tuple[Path, dict[str, Any]]]:
        if "$ref" in schema:
            if schema["$ref"] in above:
                return
            above = (*above, schema["$ref"])
        part = self._resolve(schema)
        for key in ("anyOf", "oneOf", "allOf"):
            for each in part.get(key, ()):
                yield from self._leaves(each, path, above)
        if part.get("type") in {"string", "integer", "number", "boolean"}:
            yield path, part
        for name, each in part.get("properties", {}).items():
            yield from self._leaves(each, (*path, name), above)
        if isinstance(part.get("items"), dict):
            yield from self._leaves(part["items"], (*path, 0), above)
        if isinstance(part.get("additionalProperties"), dict):
            yield from self._leaves(part["additionalProperties"], (*path, "k"), above)

    def _value(self, schema: dict[str, Any]) -> Any:  # noqa: C901, PLR0911 - one line per kind
        part = self._resolve(schema)
        if part.get("examples"):
            return deepcopy(part["examples"][0])
        if "const" in part or "enum" in part:
            return part.get("const", part.get("enum", [None])[0])
        for key in ("anyOf", "oneOf", "allOf"):
            if key in part:
                return self._value(part[key][0])
        kind = part.get("type")
        if kind == "object":
            needed = part.get("required", ())
            return {name: self._value(part["properties"][name]) for name in needed}
        if kind == "array":
            return [self._value(part["items"]) for _ in range(part.get("minItems", 0))]
        if kind in {"integer", "number"}:
            low = part.get("minimum", part.get("exclusiveMinimum", 0) + 1)
            return int(low) if kind == "integer" else low
        if kind == "boolean":
            return False
        if part.get("format") == "uuid":
            return ANY_ID
        if part.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        return "x" * max(1, part.get("minLength", 1)) if kind == "string" else None


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": described()["components"]})


def _query(values: Mapping[str, Any]) -> str:
    return urlencode(
        {name: _text(value) for name, value in values.items()}, errors="surrogatepass", doseq=True
    )


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, list) else str(value)
