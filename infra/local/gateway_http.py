"""The HTTP API: routes, authorizers, CORS and limits as API Gateway has them."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from infra.local.gateway_events import MAX_EVENT_BYTES, Matched, http_event, http_response, message
from infra.local.invoker import Invoker
from infra.local.pool import Outcome
from infra.local.provision import ACCOUNT
from infra.local.routing import Authorizer, Cors, HttpRoute, RoutingModel
from shared.kernel.errors import KontorError

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_LIMIT_S = 30.0
_VARIABLE = re.compile(r"\{(\w+)(\+?)\}")
CORS_HEADERS = (
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-max-age",
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A route ready to match; ``rank`` sorts the most specific first."""

    route: HttpRoute
    method: str
    path: re.Pattern[str]
    rank: tuple[tuple[int, ...], bool]


def _pattern(route: HttpRoute) -> _Pattern:
    method, _, path = route.key.partition(" ")
    expression, position = "", 0
    for match in _VARIABLE.finditer(path):
        expression += re.escape(path[position : match.start()])
        expression += f"(?P<{match[1]}>.+)" if match[2] else f"(?P<{match[1]}>[^/]+)"
        position = match.end()
    expression += re.escape(path[position:])
    kinds = tuple(2 if "+}" in part else int("{" in part) for part in path.split("/"))
    return _Pattern(route, method, re.compile(expression, re.DOTALL), (kinds, method == "ANY"))


class RequestTooLargeError(Exception):
    """The request's body is over the limit."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read a request's body. Raises RequestTooLargeError as soon as it is over the limit."""
    if int(request.headers.get("content-length") or 0) > limit_bytes:
        raise RequestTooLargeError
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit_bytes:
            raise RequestTooLargeError
    return bytes(body)


@dataclass
class _Refused(Exception):  # noqa: N818 - carries an answer, not a failure
    response: Response


@dataclass
class HttpApi:
    """Serves the model's HTTP routes."""

    model: RoutingModel
    invoker: Invoker
    integration_limit_s: float = INTEGRATION_LIMIT_S
    _decisions: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = [_pattern(route) for route in self.model.http_routes if route.key != "$default"]
        self._patterns = sorted(named, key=lambda pattern: pattern.rank)
        self._default = next((r for r in self.model.http_routes if r.key == "$default"), None)

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        cors = self.model.http_cors
        if cors is not None and is_preflight(request):
            response = Response(status_code=204)
        else:
            response = await self._answer(request)
        if cors is not None:
            apply_cors(response, cors, request)
        response.headers.setdefault("apigw-requestid", str(time.time_ns()))
        return response

    async def _answer(self, request: Request) -> Response:
        found = self._match(request.method, request.scope["path"])
        if found is None:
            return message(404, "Not Found")
        route, matched = found
        try:
            body = await read_body(request, MAX_BODY_BYTES)
            event = http_event(request, body, matched)
            if route.authorizer is not None:
                decision = await self._authorize(request, route.authorizer, matched)
                event["requestContext"]["authorizer"] = {"lambda": decision}
            return await self._integrate(route.function, event)
        except RequestTooLargeError:
            return message(413, "Request Entity Too Large")
        except _Refused as refused:
            return refused.response

    def _match(self, method: str, path: str) -> tuple[HttpRoute, Matched] | None:
        for pattern in self._patterns:
            match = pattern.path.fullmatch(path)
            if match and pattern.method in {"ANY", method}:
                found = Matched(pattern.route.key, path, match.groupdict(), "http")
                return pattern.route, found
        if self._default is not None:
            return self._default, Matched("$default", path, {}, "http")
        return None

    async def _integrate(self, function: str, event: dict[str, Any]) -> Response:
        if len(json.dumps(event)) > MAX_EVENT_BYTES:
            return message(413, "Request Entity Too Large")
        try:
            outcome = await self.invoker.invoke(function, event, limit_s=self.integration_limit_s)
        except (TimeoutError, KontorError):
            return message(503, "Service Unavailable")
        if outcome.is_error:
            # A function that ran out of its own time is, to API Gateway, just a failed one.
            return message(500, "Internal Server Error")
        try:
            return http_response(outcome.payload)
        except (ValueError, TypeError) as error:
            logger.warning("answer is no response", extra={"reason": str(error)})
            return message(500, "Internal Server Error")

    # -- authorizer ----------------------------------------------------------------------------

    async def _authorize(
        self, request: Request, authorizer: Authorizer, matched: Matched
    ) -> dict[str, Any]:
        """Return the authorizer's context. Raises _Refused with API Gateway's answer."""
        identity = tuple(_identity(request, source) for source in authorizer.identity_sources)
        if not all(identity):
            raise _Refused(message(401, "Unauthorized"))
        key = (authorizer.name, *identity)
        until, decision = self._decisions.get(key, (0.0, {}))
        if until <= time.monotonic():
            event = http_event(request, b"", matched)
            path = f"{ACCOUNT}:http/$default/{request.method}{matched.path}"
            arn = f"arn:aws:execute-api:{self.model.region}:{path}"
            event |= {"type": "REQUEST", "routeArn": arn, "identitySource": list(identity)}
            decision = await self._decide(authorizer, event)
            if authorizer.result_ttl_s:
                self._decisions[key] = (time.monotonic() + authorizer.result_ttl_s, decision)
        if decision.get("isAuthorized") is not True:
            raise _Refused(message(403, "Forbidden"))
        context = decision.get("context") or {}
        return dict(context)

    async def _decide(self, authorizer: Authorizer, event: dict[str, Any]) -> dict[str, Any]:
        try:
            outcome = await self.invoker.invoke(
                authorizer.function, event, limit_s=self.integration_limit_s
            )
        except (TimeoutError, KontorError) as error:
            raise _Refused(message(500, "Internal Server Error")) from error
        decision = _decision(outcome)
        if decision is None:
            raise _Refused(message(500, "Internal Server Error"))
        if not authorizer.has_simple_responses:
            decision = {**decision, "isAuthorized": allows(decision)}
        return decision


def _decision(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.is_error:
        return None
    try:
        decision = json.loads(outcome.payload)
    except ValueError:
        return None
    return decision if isinstance(decision, dict) else None


def allows(decision: Mapping[str, Any]) -> bool:
    """Tell whether an authorizer's IAM policy allows the call: any Deny wins."""
    statements = (decision.get("policyDocument") or {}).get("Statement") or []
    effects = {statement.get("Effect") for statement in statements}
    return "Allow" in effects and "Deny" not in effects


def _identity(request: Request, source: str) -> str:
    """Return an identity source's value, e.g. of ``$request.header.Authorization``."""
    _, place, name = source.split(".", 2)
    values = request.headers if place == "header" else request.query_params
    return str(values.get(name, ""))


# -- CORS ----------------------------------------------------------------------------------------


def is_preflight(request: Request) -> bool:
    """Tell whether a browser asks for permission first."""
    asks = "access-control-request-method" in request.headers
    return request.method == "OPTIONS" and "origin" in request.headers and asks


def apply_cors(response: Response, cors: Cors, request: Request) -> None:
    """Put the configured CORS headers in place of the function's own."""
    for name in CORS_HEADERS:
        if name in response.headers:
            del response.headers[name]
    origin = request.headers.get("origin", "")
    if not origin or not ({"*", origin} & set(cors.origins)):
        return
    headers: MutableHeaders = response.headers
    is_open = "*" in cors.origins and not cors.allows_credentials
    headers["access-control-allow-origin"] = "*" if is_open else origin
    if not is_open:
        headers.add_vary_header("Origin")
    if cors.allows_credentials:
        headers["access-control-allow-credentials"] = "true"
    if cors.exposed:
        headers["access-control-expose-headers"] = ",".join(cors.exposed)
    if is_preflight(request):
        headers["access-control-allow-methods"] = ",".join(cors.methods)
        headers["access-control-allow-headers"] = ",".join(cors.headers)
        if cors.max_age_s is not None:
            headers["access-control-max-age"] = str(cors.max_age_s)
