"""The gateway on a real port with every function in this process: what schemathesis talks to."""

from __future__ import annotations

import importlib
import json
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from functions.edge.http import lambda_handler
from infra.local.gateway import application
from infra.local.invoker import Invoker
from infra.local.pool import Outcome
from infra.local.routing import HttpRoute, RoutingModel
from infra.local.serverless import load_service
from tests.functions.doors import serving
from tests.house.tree import ROOT

STREAMED = "chat_stream"
"""The function behind an address of its own; here its operations stand beside all others."""


@dataclass
class Functions:
    """Runs functions as the local pool does, one at a time and without processes."""

    failures: list[str] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def invoke(
        self, name: str, event: bytes, *, on_chunk: Callable[[bytes], None] | None = None
    ) -> Outcome:
        """Run one event; a handler that raises is an outcome, too, and remembered."""
        assert on_chunk is None, "nothing is streamed here"
        with self._turn:
            try:
                answer = _handler(name)(json.loads(event), None)
                return Outcome(json.dumps(answer).encode(), is_error=False, request_id="")
            except Exception as error:  # noqa: BLE001 - as Lambda's runtime does
                self.failures.append("".join(traceback.format_exception(error)))
                return Outcome(b'{"errorType": "Unhandled"}', is_error=True, request_id="")


@cache
def _handler(name: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    found: Any = importlib.import_module(f"functions.{name}.handler").handler
    handler: Callable[[dict[str, Any], Any], dict[str, Any]]
    handler = lambda_handler(found) if hasattr(found, "router") else found
    return handler


@contextmanager
def doorway(document: dict[str, Any]) -> Iterator[tuple[str, Functions]]:
    """Serve every operation that a document describes; gives the address and what runs them."""
    model = _with_streams(load_service(ROOT), document)
    functions = Functions()
    keys = {function.logical_id: function.key for function in model.functions}
    invoker = Invoker(functions, keys)  # type: ignore[arg-type]
    with serving(application(model, invoker)) as address:
        yield address, functions
    invoker.close()


def _with_streams(model: RoutingModel, document: dict[str, Any]) -> RoutingModel:
    known = {route.key.replace("+}", "}") for route in model.http_routes}
    described = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    streamed = next(one.logical_id for one in model.functions if one.key == STREAMED)
    more = [HttpRoute(key, streamed) for key in sorted(described - known)]
    routes = [_with_lasting_decisions(route) for route in model.http_routes]
    return replace(model, http_routes=(*routes, *more))


def _with_lasting_decisions(route: HttpRoute) -> HttpRoute:
    """Let the gateway keep the authorizer's decisions, or a fuzzer would soon lock itself out.

    It signs itself out, changes its password and suspends itself: all of it in good order.
    """
    if route.authorizer is None:
        return route
    return replace(route, authorizer=replace(route.authorizer, result_ttl_s=3600))
