"""The API's description: every HTTP function's routes in one committed OpenAPI file.

Routes come from the functions' routers; which of them need a token is read from the same
``function.yml`` files that the gateway is made of.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from infra.local.serverless import load_service
from shared.kernel.errors import InvalidError
from shared.kernel.version import VERSION
from shared.limits.requests import keeps_answer

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra" / "resources" / "openapi.json"
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")
_OPENAI = "/v1/"  # OpenAI's paths: their function verifies tokens itself, errors have their shape
_OPENAI_ERROR = {
    "type": "object",
    "description": "What went wrong, as OpenAI's clients expect it.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {
                name: {"type": ["string", "null"]} for name in ("message", "type", "param", "code")
            },
        }
    },
}
_STATUSES = {
    "400": "No request at all: not JSON, or nested without end",
    "401": "Nobody we know: sign in (again)",
    "403": "Known, but not allowed",
    "404": "Not there, or not yours: the same answer",
    "409": "True elsewhere already, or being worked on",
    "413": "More bytes than the limit",
    "415": "A type that is not read",
    "422": "The request is wrong; `fields` says where",
    "429": "Too fast, or over budget",
    "500": "Something went wrong on our side",
    "503": "A part is away: try again later, nothing is lost",
}
_BY_GATEWAY = frozenset({"401", "403", "404", "413", "500", "503"})
"""Statuses that API Gateway answers itself, in its own shape, before or instead of a function."""
_GATEWAY_MESSAGE = {
    "type": "object",
    "description": "What the gateway says itself: no token, no such address, too much at once.",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
}
_SECONDS = {"schema": {"type": "integer"}, "description": "Seconds to wait"}
_HEADERS = {"429": {"Retry-After": _SECONDS}, "503": {"Retry-After": _SECONDS}}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request, best with a random UUID. Sent again within a day it does "
    "nothing twice and gets the first answer, with the header Idempotent-Replayed: true. 409 while "
    "the first is worked on, 422 for another request under the same key; what failed is forgotten.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[\\x21-\\x7e]+$",
    },
}
_PROBLEM = {
    "type": "object",
    "description": "What went wrong, in words a person can act on (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
        "instance": {"type": "string"},
        "correlation_id": {"type": "string"},
        "retry_after_s": {"type": "integer"},
    },
}


def describe(root: Path = ROOT) -> dict[str, Any]:
    """Build the description of every HTTP function below ``root``.

    Raises InvalidError when a ``routes.py`` has no router.
    """
    application = FastAPI(title="Kontor", version=VERSION)
    for path in sorted((root / "functions").glob("*/routes.py")):
        application.include_router(_router(path.parent.name), tags=[path.parent.name])
    document = get_openapi(
        title="Kontor", version=VERSION, routes=application.routes, tags=application.openapi_tags
    )
    _describe_errors(document)
    guarded = _guarded(root)
    _describe_tokens(document, guarded)
    _describe_repeating(document, guarded)
    return document


def text(root: Path = ROOT) -> str:
    """Return the description as the committed file holds it."""
    return json.dumps(describe(root), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _router(function: str) -> APIRouter:
    module = importlib.import_module(f"functions.{function}.routes")
    router = getattr(module, "router", None)
    if not isinstance(router, APIRouter):
        raise InvalidError(
            f"functions/{function}/routes.py has no router.", hint="Write router = APIRouter()."
        )
    return router


def _guarded(root: Path) -> set[str]:
    """Return the keys of the routes that need a token, such as ``GET /auth/me``."""
    return {route.key for route in load_service(root).http_routes if route.authorizer}


def _describe_errors(document: dict[str, Any]) -> None:
    """Replace FastAPI's own validation errors, which we never answer, by problem documents."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPI_ERRORS:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    schemas["OpenAIError"] = _OPENAI_ERROR
    schemas["GatewayMessage"] = _GATEWAY_MESSAGE
    named = document["components"].setdefault("responses", {})
    for status, words in _STATUSES.items():
        headers = _HEADERS.get(status, {})
        ours, theirs = _error_contents(status)
        named[f"Problem{status}"] = {"description": words, "content": ours, "headers": headers}
        named[f"OpenAI{status}"] = {"description": words, "content": theirs, "headers": headers}
    for path, operations in document["paths"].items():
        whose = "OpenAI" if path.startswith(_OPENAI) else "Problem"
        for operation in operations.values():
            responses = operation["responses"]
            if _FASTAPI_ERRORS[0] in json.dumps(responses.get("422")):
                responses.pop("422")
            for status in _STATUSES:
                name = f"{whose}{status}"
                own = responses.setdefault(status, {"$ref": f"#/components/responses/{name}"})
                # A page of a route's own may stand beside what programs are told.
                if "$ref" not in own:
                    own["content"] = {**named[name]["content"], **own.get("content", {})}


def _error_contents(status: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a status may carry: on our routes, and on those that speak as OpenAI does."""
    problem, theirs, gateway = (
        {"$ref": f"#/components/schemas/{name}"}
        for name in ("Problem", "OpenAIError", "GatewayMessage")
    )
    if status not in _BY_GATEWAY:
        return {"application/problem+json": {"schema": problem}}, {
            "application/json": {"schema": theirs}
        }
    return (
        {"application/problem+json": {"schema": problem}, "application/json": {"schema": gateway}},
        {"application/json": {"schema": {"anyOf": [theirs, gateway]}}},
    )


def _describe_repeating(document: dict[str, Any], guarded: set[str]) -> None:
    """Say which routes take an Idempotency-Key."""
    document["components"].setdefault("parameters", {})["IdempotencyKey"] = _IDEMPOTENCY_KEY
    for path, operations in document["paths"].items():
        key = f"POST {path}"
        if "post" in operations and key in guarded and keeps_answer(key):
            parameters = operations["post"].setdefault("parameters", [])
            parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})


def _describe_tokens(document: dict[str, Any], guarded: set[str]) -> None:
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needs_token = f"{method.upper()} {path}" in guarded or path.startswith(_OPENAI)
            operation["security"] = [{"token": []}] if needs_token else []
