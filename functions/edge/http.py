"""HTTP handlers: one FastAPI application per function, problem JSON for every error.

The error tree is mapped to RFC 9457 here and nowhere else. The caller comes from the authorizer's
verified context, never from the request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.edge.caller import gateway_context, principal_of
from functions.edge.headers import SafeHeaders
from functions.edge.idempotency import Idempotency
from functions.edge.limiting import RateLimits
from functions.edge.payloads import CheckedPayloads
from functions.edge.refusing import answer_error
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.context import Origin, correlation_id, working_on
from shared.kernel.errors import InvalidError, KontorError, MalformedError, RefusedError
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
# Everything else travels as base64 between Lambda and the gateway.
TEXT_TYPES = ["text/", "application/json", "application/problem+json", "application/x-ndjson"]
CORRELATION_HEADER = "x-correlation-id"
_MAX_CORRELATION = 64
_STATUS_TITLES = {404: "Not found", 405: "Method not allowed", 400: "Malformed request"}


class Correlation:
    """ASGI middleware: takes or makes the correlation id, logs under it, returns it.

    What nobody expected is answered here as well, so that this answer has all its headers, too.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request with both ids attached."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        given = (
            dict(scope["headers"]).get(CORRELATION_HEADER.encode(), b"").decode("ascii", "ignore")
        )
        correlation = given if _is_plain(given) else str(uuid4())

        has_begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                named = (CORRELATION_HEADER.encode(), correlation.encode())
                message = {**message, "headers": [*message.get("headers", ()), named]}
            await send(message)

        known = _of_caller(scope)
        with working_on(correlation=correlation, origin=origin_of(scope), **known):
            try:
                await self._inner(scope, receive, send_with_id)
            except Exception as error:  # the storey's edge
                if has_begun:
                    raise
                await answer_error(scope, receive, send_with_id, error=error, kind=Exception)


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _MAX_CORRELATION and text.replace("-", "").isalnum() and text.isascii()


def _of_caller(scope: Scope) -> dict[str, str]:
    """Name the verified caller's tenant and viewer; nothing on public routes."""
    context = gateway_context(scope)
    if not context:
        return {}
    caller = principal_of(context)
    return {"tenant": str(caller.tenant_id), "viewer": caller.viewer}


def origin_of(scope: Scope) -> Origin:
    """Read from where a request comes: the gateway says so, or else the connection itself."""
    event: dict[str, Any] = scope.get("aws.event") or {}
    http = event.get("requestContext", {}).get("http", {})
    agent = dict(scope["headers"]).get(b"user-agent", b"").decode("ascii", "replace")
    context = gateway_context(scope)
    return Origin(
        address=str(http.get("sourceIp") or (scope.get("client") or ("",))[0]),
        user_agent=str(http.get("userAgent") or agent),
        credential=context.get("credential", ""),
        session_id=context.get("session_id", ""),
    )


def _caller(request: Request) -> Principal:
    return principal_of(gateway_context(request.scope))


def _signed_in(request: Request) -> Principal:
    caller = _caller(request)
    if caller.credential != "session":
        raise RefusedError(
            "Only a person who signed in may do this.", hint="Sign in: POST /auth/login."
        )
    return caller


def _insider(request: Request) -> Principal:
    caller = _caller(request)
    if caller.credential == "link":
        raise RefusedError("A share link is for looking at what it shows.")
    return caller


Caller = Annotated[Principal, Depends(_caller)]
# Somebody of the tenant: for routes that tell about the tenant itself, which visitors do not hear.
Insider = Annotated[Principal, Depends(_insider)]
# Somebody who signed in: for routes about a person's own account, which no scope of a key covers.
SignedIn = Annotated[Principal, Depends(_signed_in)]


def make_app(title: str, *, verifies_callers: bool = False, takes_files: bool = False) -> FastAPI:
    """Make a function's FastAPI application with our errors, correlation and no docs routes.

    ``verifies_callers``: it has no authorizer and charges callers itself (``edge.bearer``).
    ``takes_files``: bodies may be files, which nobody looks into here.
    """
    wired()
    # Without redirects: one for a slash at the end would go to whatever host the request names.
    application = FastAPI(
        title=title, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    # The one added last is the outermost.
    application.add_middleware(Idempotency)
    application.add_middleware(CheckedPayloads, takes_files=takes_files)
    application.add_middleware(RateLimits, verifies_callers=verifies_callers)
    application.add_middleware(Correlation)
    application.add_middleware(SafeHeaders)
    application.add_exception_handler(KontorError, _answer_known)
    application.add_exception_handler(RequestValidationError, _answer_validation)
    application.add_exception_handler(HTTPException, _answer_http)
    application.add_exception_handler(Exception, _answer_unexpected)
    return application


def lambda_handler(application: FastAPI) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Wrap an application as a Lambda handler for HTTP API events (payload 2.0)."""
    asyncio.set_event_loop(_event_loop())
    adapter = Mangum(application, lifespan="off", text_mime_types=TEXT_TYPES)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        asyncio.set_event_loop(_event_loop())
        return adapter(event, context)  # type: ignore[no-any-return,unused-ignore]

    return handler


@cache
def _event_loop() -> asyncio.AbstractEventLoop:
    """Return the process's one loop: Mangum wants a current one, which 3.12 no longer makes."""
    return asyncio.new_event_loop()


def problem(error: KontorError, instance: str) -> JSONResponse:
    """Answer with the error as ``application/problem+json``."""
    wait_s = getattr(error, "retry_after_s", None)
    headers = {} if wait_s is None else {"retry-after": str(wait_s)}
    body = {**error.problem(instance=instance), "correlation_id": correlation_id()}
    return JSONResponse(body, error.status, headers=headers, media_type="application/problem+json")


async def _answer_known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KontorError)
    if isinstance(error, RefusedError):
        _note_refusal(request, error)
    level = logging.WARNING if error.status >= 500 else logging.INFO  # noqa: PLR2004
    logger.log(level, "request refused", extra={"status": error.status, "code": error.code})
    return problem(error, request.url.path)


def _note_refusal(request: Request, error: RefusedError) -> None:
    """Leave in the trail that a known caller was refused something."""
    context = gateway_context(request.scope)
    if not context:
        return
    caller = principal_of(context)
    route = request.scope.get("route")
    path = getattr(route, "path", request.url.path)
    audit.record_refusal(
        wired().database,
        caller.tenant_id,
        actor_id=caller.user_id,
        action="access.refused",
        subject=f"route:{request.method} {path}",
        details={"reason": error.detail[:300]},
    )


async def _answer_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = {
        ".".join(str(part) for part in e["loc"] if part != "body") or "body": str(e["msg"])
        for e in error.errors()
    }
    listed = "; ".join(f"{name}: {what}" for name, what in fields.items())
    known: KontorError = InvalidError(f"The request is not valid: {listed}.", fields=fields)
    if any(e["type"] == "json_invalid" for e in error.errors()):
        known = MalformedError("The body is not JSON.", hint="Send JSON in UTF-8.")
    return await _answer_known(request, known)


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    body = {
        "type": "about:blank",
        "title": _STATUS_TITLES.get(error.status_code, "Request refused"),
        "status": error.status_code,
        "detail": str(error.detail),
        "instance": request.url.path,
        "correlation_id": correlation_id(),
    }
    return JSONResponse(body, error.status_code, media_type="application/problem+json")


async def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("request failed", exc_info=error, extra={"path": request.url.path})
    unknown = KontorError(
        "The request could not be answered.", hint="Report the correlation id if it happens again."
    )
    return problem(unknown, request.url.path)
