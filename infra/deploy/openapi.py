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
    _describe_tokens(document, _guarded(root))
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
    ours = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    theirs = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}
    for path, operations in document["paths"].items():
        content = theirs if path.startswith(_OPENAI) else ours
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "A problem", "content": content}


def _describe_tokens(document: dict[str, Any], guarded: set[str]) -> None:
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needs_token = f"{method.upper()} {path}" in guarded or path.startswith(_OPENAI)
            operation["security"] = [{"token": []}] if needs_token else []
