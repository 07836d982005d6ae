"""What every answer says to browsers: nothing here is a page, nobody may embed, keep or guess it.

OWASP's header list for APIs (https://owasp.org/www-project-secure-headers/); ASVS 5.0, chapter 3.4.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), "
    "gyroscope=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    # CORS decides who may read; this keeps others from even loading an answer as a picture.
    "cross-origin-resource-policy": "same-site",
}
ENCRYPTED_ONLY = {"strict-transport-security": "max-age=63072000; includeSubDomains"}
"""Said over HTTPS only: RFC 6797, section 7.2."""
UNLESS_SAID = {"cache-control": "no-store"}
"""Every answer is somebody's own, except what a route declares public."""


class SafeHeaders:
    """ASGI middleware: puts the headers on every answer, whoever gives it."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request and complete its answer's head."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(MutableHeaders(scope=message), is_encrypted=_is_encrypted(scope))
            await send(message)

        await self._inner(scope, receive, send_safely)


def _complete(headers: MutableHeaders, *, is_encrypted: bool) -> None:
    said = ALWAYS | (ENCRYPTED_ONLY if is_encrypted else {}) | UNLESS_SAID
    for name, value in said.items():
        headers.setdefault(name, value)


def _is_encrypted(scope: Scope) -> bool:
    """Tell whether the client speaks HTTPS: API Gateway says so, the local gateway does not."""
    said: bytes = dict(scope["headers"]).get(b"x-forwarded-proto", b"")
    return said == b"https"
