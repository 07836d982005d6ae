"""Rate limits at the edge: one charge per request or frame, and headers that say what is left.

``RateLimit`` and ``RateLimit-Policy`` follow draft-ietf-httpapi-ratelimit-headers; the three older
headers say the same to clients that know no other.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.edge.caller import gateway_context, principal_of
from functions.edge.refusing import refuse
from shared.identity.model import Principal
from shared.kernel.errors import KontorError
from shared.limits import service as limits
from shared.limits.model import WINDOW_S, Caller, Standing, TooManyRequestsError
from shared.limits.model import Scope as LimitScope
from shared.wiring import app as wired

STANDING = "kontor.standing"
_SCOPES: dict[str, LimitScope] = {"session": "user", "key": "key", "link": "link"}


def bucket_of(principal: Principal) -> Caller:
    """Return whose bucket a caller's requests are charged to: a key's and a link's are its own."""
    scope = _SCOPES[principal.credential]
    owner = principal.user_id if scope == "user" else principal.session_id or principal.user_id
    return Caller(scope, str(owner), principal.tenant_id)


def charge(scope: Scope, caller: Caller, route_key: str) -> None:
    """Charge a caller for a request; the answer's headers will say what is left.

    Raises TooManyRequestsError.
    """
    try:
        scope[STANDING] = limits.charge(wired().database, caller, route_key)
    except TooManyRequestsError as error:
        scope[STANDING] = error.standing
        raise


def charge_address(scope: Scope, route_key: str) -> None:
    """Charge whoever is not signed in. Raises TooManyRequestsError."""
    client = scope.get("client") or ("", 0)
    charge(scope, limits.caller_at(str(client[0])), route_key)


class RateLimits:
    """ASGI middleware: charges every request the gateway let in, before its body is looked at.

    Functions that verify tokens themselves charge when they have (``functions.edge.bearer``).
    """

    def __init__(self, inner: ASGIApp, *, verifies_callers: bool = False) -> None:
        self._inner = inner
        self._verifies_callers = verifies_callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Charge and run the request, or refuse it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def send_standing(message: Message) -> None:
            standing: Standing | None = scope.get(STANDING)
            if message["type"] == "http.response.start" and standing is not None:
                MutableHeaders(scope=message).update(_said(standing))
            await send(message)

        try:
            self._charge(scope)
        except KontorError as error:
            await refuse(scope, receive, send_standing, error)
            return
        await self._inner(scope, receive, send_standing)

    def _charge(self, scope: Scope) -> None:
        context = gateway_context(scope)
        route_key = route_key_of(scope)
        if context:
            charge(scope, bucket_of(principal_of(context)), route_key)
        elif not self._verifies_callers:
            charge_address(scope, route_key)


def route_key_of(scope: Scope) -> str:
    """Return the gateway's name of the route, such as ``GET /api/v1/documents/{document_id}``."""
    event = scope.get("aws.event") or {}
    key = str(event.get("requestContext", {}).get("routeKey") or "")
    return key if " " in key else f"{scope['method']} {scope['path']}"


def _said(standing: Standing) -> dict[str, str]:
    limit, left, full_in_s = standing.per_minute, standing.remaining, standing.full_in_s
    return {
        "ratelimit-policy": f'"{standing.scope}";q={limit};w={WINDOW_S}',
        "ratelimit": f'"{standing.scope}";r={left};t={full_in_s}',
        "ratelimit-limit": str(limit),
        "ratelimit-remaining": str(left),
        "ratelimit-reset": str(full_in_s),
    }
