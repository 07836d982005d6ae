"""Requests and answers as JSON lines, between those who ask and the function that has LiteLLM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from shared.generation.model import (
    PURPOSES,
    CallId,
    Ending,
    Piece,
    Purpose,
    Request,
    TextPiece,
    ToolPiece,
)
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    LimitedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from shared.kernel.ids import TenantId

_ERRORS: dict[int, type[KontorError]] = {
    kind.status: kind for kind in (InvalidError, NotFoundError, RefusedError, UnavailableError)
}


def pack_request(tenant_id: TenantId, call_id: CallId, request: Request) -> bytes:
    """Write a request with the reservation it rests on."""
    return json.dumps(
        {"tenant_id": str(tenant_id), "call_id": str(call_id), **asdict(request)},
        ensure_ascii=False,
    ).encode()


def read_request(body: bytes) -> tuple[TenantId, CallId, Request]:
    """Read a packed request. Raises InvalidError when it is none."""
    try:
        given = json.loads(body)
        request = Request(
            purpose=_purpose(given["purpose"]),
            messages=[dict(message) for message in given["messages"]],
            max_tokens=int(given["max_tokens"]),
            options=dict(given["options"]),
            route=str(given["route"]),
        )
        return TenantId(UUID(given["tenant_id"])), CallId(UUID(given["call_id"])), request
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError("This is not a request to a language model.") from error


def _purpose(text: object) -> Purpose:
    for purpose in PURPOSES:
        if purpose == text:
            return purpose
    raise ValueError(f"{text!r} is no purpose")


def pack_piece(piece: Piece) -> bytes:
    """Write a piece as one line."""
    match piece:
        case TextPiece(text):
            body: Mapping[str, object] = {"text": text}
        case ToolPiece(calls):
            body = {"tool_calls": list(calls)}
        case Ending():
            body = {"end": asdict(piece)}
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def pack_error(error: KontorError) -> bytes:
    """Write an error as the last line."""
    return json.dumps({"error": error.problem()}, ensure_ascii=False).encode() + b"\n"


def read_piece(line: bytes) -> Piece:
    """Read a line; raises the error it carries, UnavailableError when it is none of ours."""
    try:
        body = json.loads(line)
        if "text" in body:
            return TextPiece(str(body["text"]))
        if "tool_calls" in body:
            return ToolPiece(list(body["tool_calls"]))
        if "end" in body:
            return Ending(**body["end"])
        problem = dict(body["error"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError("The language model's function talks nonsense.") from error
    raise read_problem(problem)


def read_problem(problem: Mapping[str, object]) -> KontorError:
    """Turn a problem object back into the error it tells of."""
    status = problem.get("status")
    detail = str(problem.get("detail") or "The language model did not answer.")
    hint = str(problem.get("hint") or "")
    if status == LimitedError.status:
        return LimitedError(detail, retry_after_s=60, hint=hint)
    kind = _ERRORS.get(status) if isinstance(status, int) else None
    return (kind or UnavailableError)(detail, hint=hint)
