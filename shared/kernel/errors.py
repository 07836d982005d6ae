"""The one error tree: what went wrong, in words a person can act on, mapped once per transport.

KontorError
├── MalformedError        400  no request at all: not JSON, nested without end
├── UnauthenticatedError  401  nobody we know: sign in (again)
├── RefusedError          403  known, but not allowed
│   ├── ProofError        403  known, but must show once more that it is them
│   └── SuspendedError    403  the whole tenant is suspended
├── NotFoundError         404  not there, or not yours: the same answer
├── ConflictError         409  true elsewhere already: reload, rename, wait
├── TooLargeError         413  more bytes than the limit
├── UnsupportedError      415  a type or option this system does not read
├── InvalidError          422  the request or the file itself is wrong
├── LimitedError          429  too fast or over budget: wait, then retry
└── UnavailableError      503  a part we depend on is away: retry later, nothing is lost

Everything except ``LimitedError`` and ``UnavailableError`` is permanent: a retry gives the same
answer, so queues acknowledge and documents are marked failed with the error's ``detail``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class KontorError(Exception):
    """Base of all errors this product raises on purpose.

    ``detail`` is one sentence for a person; ``hint`` says what to do next. Both may be shown to
    the caller, so they never carry secrets, foreign data or file contents. ``fields`` maps a
    request field (dotted path) to what is wrong with it.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"
    is_retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 70

    def __init__(
        self, detail: str, *, hint: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.fields = dict(fields or {})

    def problem(self, *, instance: str = "") -> dict[str, object]:
        """Describe the error as an RFC 9457 problem object, ready for JSON."""
        body: dict[str, object] = {
            "type": f"urn:kontor:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.hint:
            body["hint"] = self.hint
        if self.fields:
            body["fields"] = self.fields
        if instance:
            body["instance"] = instance
        return body


class MalformedError(KontorError):
    """What came in is no request: it cannot even be read."""

    status = 400
    code = "malformed"
    title = "Malformed request"
    exit_code = 65


class UnauthenticatedError(KontorError):
    """Nobody we know: the token is missing, expired or not ours."""

    status = 401
    code = "unauthenticated"
    title = "Sign in first"
    exit_code = 77


class RefusedError(KontorError):
    """Known, but not allowed to do this."""

    status = 403
    code = "refused"
    title = "Not allowed"
    exit_code = 77


class ProofError(RefusedError):
    """The caller must show once more who they are; ``fields`` names what to send."""

    code = "proof-required"
    title = "Show that it is you"


class NotFoundError(KontorError):
    """Not there, or not yours; callers cannot tell which."""

    status = 404
    code = "not-found"
    title = "Not found"
    exit_code = 66


class ConflictError(KontorError):
    """The state on record contradicts the request."""

    status = 409
    code = "conflict"
    title = "Conflict"
    exit_code = 65


class TooLargeError(KontorError):
    """More bytes, items or pages than the limit allows."""

    status = 413
    code = "too-large"
    title = "Too large"
    exit_code = 65


class UnsupportedError(KontorError):
    """A media type or option this system does not read."""

    status = 415
    code = "unsupported"
    title = "Not supported"
    exit_code = 65


class InvalidError(KontorError):
    """The request or the file itself is wrong."""

    status = 422
    code = "invalid"
    title = "Not valid"
    exit_code = 65


class LimitedError(KontorError):
    """Too fast or over budget."""

    status = 429
    code = "limited"
    title = "Too many requests"
    is_retryable = True
    exit_code = 75

    def __init__(self, detail: str, *, retry_after_s: int, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.retry_after_s = retry_after_s

    def problem(self, *, instance: str = "") -> dict[str, object]:
        """Describe the error, with the seconds to wait: frames of a WebSocket have no headers."""
        return {**super().problem(instance=instance), "retry_after_s": self.retry_after_s}


class UnavailableError(KontorError):
    """A part this system depends on is away; the same request may succeed later."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"
    is_retryable = True
    exit_code = 75
