"""Checks requests against OpenSearch's own API specification (OpenAPI), without a server.

The specification leaves most objects open; those where an unknown key is a typing mistake are
closed here. ``oneOf`` is read as ``anyOf``: several official examples fit two alternatives.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FILE = "opensearch-openapi.min.json.gz"
_CLOSED = (
    "_common.query_dsl___QueryContainer",
    "_common.query_dsl___BoolQuery",
    "_common.query_dsl___KnnQuery",
    "_common.mapping___KnnVectorProperty",
)
_METHODS = {"get", "put", "post", "delete", "head"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and what was answered; bodies of bulk requests are lists."""

    method: str
    path: str
    body: Any
    status: int
    reply: Any


class Specification:
    """The specification, ready to judge exchanges."""

    def __init__(self, folder: Path) -> None:
        self._whole = json.loads(gzip.decompress((folder / FILE).read_bytes()))
        components = self._whole["components"]
        for body in components["requestBodies"].values():
            for media in body.get("content", {}).values():
                schema = media.get("schema", {})
                if schema.get("properties") and not schema.get("additionalProperties"):
                    schema["unevaluatedProperties"] = False
        for name in _CLOSED:
            components["schemas"][name].setdefault("unevaluatedProperties", False)
        self._whole = _loosened(self._whole)
        resource = Resource.from_contents(self._whole, default_specification=DRAFT202012)
        self._registry: Any = Registry().with_resource("urn:os", resource)
        self._operations = [
            (path, method, operation)
            for path, item in sorted(
                self._whole["paths"].items(), key=lambda each: (each[0].count("{"), -len(each[0]))
            )
            for method, operation in item.items()
            if method in _METHODS
        ]

    def complaints(self, exchange: Exchange) -> list[str]:
        """Say what of an exchange does not fit; nothing when all does."""
        asked = urlsplit(exchange.path)
        operation = self._find(exchange.method, asked.path)
        where = f"{exchange.method} {asked.path}"
        if operation is None:
            return [f"{where}: unknown"]
        parameters = [self._resolved(each) for each in operation.get("parameters", [])]
        known = {each["name"] for each in parameters if each.get("in") == "query"}
        found = [
            f"{where}: unknown parameter {name}"
            for name, _ in parse_qsl(asked.query, keep_blank_values=True)
            if name not in known
        ]
        wanted = self._resolved(operation.get("requestBody") or {})
        if exchange.body is not None and not wanted:
            found.append(f"{where}: takes no body")
        elif exchange.body is not None:
            media = next(iter(wanted["content"].values()))
            found += [f"{where}: {each}" for each in self._misfits(media["schema"], exchange.body)]
        return found + [f"{where}: reply {each}" for each in self._reply(operation, exchange)]

    def _find(self, method: str, path: str) -> Any:
        for template, verb, operation in self._operations:
            parts = re.split(r"\{[^}]+\}", template)
            pattern = "[^/]+".join(map(re.escape, parts))
            # A name in the path cannot begin with an underscore: those are the API's own.
            is_own = path.startswith("/_") == template.startswith("/_")
            if verb == method.lower() and is_own and re.fullmatch(pattern, path):
                return operation
        return None

    def _reply(self, operation: Any, exchange: Exchange) -> list[str]:
        if exchange.reply is None:
            return []
        responses = operation.get("responses", {})
        answer = self._resolved(responses.get(str(exchange.status)) or {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        return self._misfits(schema, exchange.reply) if schema else []

    def _resolved(self, part: Any) -> Any:
        while "$ref" in part:
            found = self._whole
            for name in part["$ref"].removeprefix("urn:os")[2:].split("/"):
                found = found[unquote(name).replace("~1", "/").replace("~0", "~")]
            part = found
        return part

    def _misfits(self, schema: Any, body: Any) -> list[str]:
        found = []
        for error in Draft202012Validator(schema, registry=self._registry).iter_errors(body):
            while error.context:
                error = max(error.context, key=lambda each: len(each.absolute_path))  # noqa: PLW2901
            place = "/".join(map(str, error.absolute_path))
            found.append(f"{place}: {error.message[:200]}")
        return found


def _loosened(part: Any) -> Any:
    """Read ``oneOf`` as ``anyOf``, and let references find the whole from anywhere."""
    if isinstance(part, list):
        return [_loosened(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {}
    for name, value in part.items():
        if name == "$ref" and isinstance(value, str) and value.startswith("#"):
            made[name] = f"urn:os{value}"
        else:
            made["anyOf" if name == "oneOf" and "anyOf" not in part else name] = _loosened(value)
    return made
