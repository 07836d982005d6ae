"""What a server's refusal means in our error tree: problem JSON, gateways' own words, silence."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    KontorError,
    LimitedError,
    NotFoundError,
    ProofError,
    RefusedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)

_BY_STATUS: dict[int, type[KontorError]] = {
    401: UnauthenticatedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    415: UnsupportedError,
    422: InvalidError,
    400: InvalidError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
_BY_CODE = {kind.code: kind for kind in _BY_STATUS.values()} | {ProofError.code: ProofError}
_GATEWAY_WORDS = {
    401: ("The server does not accept this login.", "Run `kontor login`."),
    403: ("The server does not accept this login any more.", "Run `kontor login`."),
    404: ("The server knows no such address.", "Is --api the address of a Kontor server?"),
    413: ("The server takes no request this large.", ""),
    502: ("The server is not reachable behind its gateway.", "Try again later."),
    503: ("The server is busy.", "Try again in a moment."),
    504: ("The server took too long.", "Try again in a moment."),
}
_STORAGE_WORDS = {
    "EntityTooLarge": "The file is larger than what was announced for it.",
    "EntityTooSmall": "The file is smaller than what was announced for it.",
    "AccessDenied": "Storage refuses the upload: it came too late or was changed.",
}
_NAMED_CHANGE = "Run the same command again."


def explain(response: httpx.Response) -> KontorError:
    """Return the error a refusing response stands for. The body must have been read."""
    kind = response.headers.get("content-type", "")
    if "xml" in kind:
        return _storage_error(response)
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and ("detail" in body or "code" in body):
        return from_problem(body, response.status_code, response.headers)
    return _gateway_error(response, body)


def from_problem(
    body: Mapping[str, object], status: int = 0, headers: Mapping[str, str] | None = None
) -> KontorError:
    """Rebuild the error that the server described by RFC 9457."""
    given = body.get("status")
    status = given if isinstance(given, int) else status
    code = str(body.get("type", "")).rpartition(":")[2]
    detail = str(body.get("detail") or body.get("title") or "The server refused.")
    hint = str(body.get("hint") or "")
    if code == LimitedError.code or status == LimitedError.status:
        wait = (headers or {}).get("retry-after", "")
        return LimitedError(detail, retry_after_s=int(wait) if wait.isdigit() else 1, hint=hint)
    fields = body.get("fields")
    named = {str(k): str(v) for k, v in fields.items()} if isinstance(fields, dict) else {}
    found = _BY_CODE.get(code) or _BY_STATUS.get(status, KontorError)
    if found is KontorError and body.get("correlation_id"):
        hint = f"{hint} Correlation id: {body['correlation_id']}.".strip()
    return found(detail, hint=hint, fields=named)


def refuses_login(response: httpx.Response) -> bool:
    """Tell whether a login was refused, not an act: by us, or by the gateway in front of us.

    API Gateway answers 403 for a token that its authorizer refuses; our own 403 is a problem.
    """
    is_ours = "problem+json" in response.headers.get("content-type", "")
    status = response.status_code
    return status == UnauthenticatedError.status or (status == RefusedError.status and not is_ours)


def no_answer(url: str) -> UnavailableError:
    """Say that nobody listens at an address."""
    host = httpx.URL(url)
    return UnavailableError(
        f"No Kontor server answers at {host.scheme}://{host.netloc.decode()}.",
        hint="Start it with `make up`, or name another with --api URL.",
    )


def cut_off(url: str, error: Exception) -> UnavailableError:
    """Say that a connection broke while it was in use."""
    return UnavailableError(
        f"The connection to {httpx.URL(url).host} broke off ({type(error).__name__}).",
        hint=_NAMED_CHANGE,
    )


def _gateway_error(response: httpx.Response, body: object) -> KontorError:
    """Explain an answer that did not come from our functions but from the gateway before them."""
    status = response.status_code
    if status == LimitedError.status:
        return LimitedError("The server gets too many requests.", retry_after_s=1)
    kind = _BY_STATUS.get(status, KontorError)
    if status in _GATEWAY_WORDS:
        detail, hint = _GATEWAY_WORDS[status]
        return kind(detail, hint=hint)
    said = str(body.get("message", "")) if isinstance(body, dict) else ""
    return kind(
        f"The server answered {status}{f': {said}' if said else ''}.",
        hint="See the server's logs." if status >= KontorError.status else "",
    )


def _storage_error(response: httpx.Response) -> KontorError:
    code = re.search(r"<Code>([^<]{1,80})</Code>", response.text)
    name = code[1] if code else f"status {response.status_code}"
    words = _STORAGE_WORDS.get(name, f"Storage refuses the upload ({name}).")
    if response.status_code in {500, 503}:
        return UnavailableError(words, hint=_NAMED_CHANGE)
    kind = TooLargeError if name == "EntityTooLarge" else InvalidError
    return kind(words, hint=_NAMED_CHANGE)
