"""Our errors in OpenAI's shape, with the statuses that its clients turn into exceptions.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.generation.model import BudgetSpentError
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    LimitedError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
)

logger = logging.getLogger(__name__)
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_CODES: dict[type, tuple[str, str]] = {
    UnauthenticatedError: ("invalid_request_error", "invalid_api_key"),
    NotFoundError: ("invalid_request_error", "model_not_found"),
    BudgetSpentError: ("insufficient_quota", "insufficient_quota"),
    LimitedError: ("rate_limit_error", "rate_limit_exceeded"),
}


class TooLongError(InvalidError):
    """More text than can be read at once."""


def error_body(error: KontorError) -> dict[str, object]:
    """Return an error as OpenAI writes it."""
    kind, code = next((_CODES[each] for each in type(error).__mro__ if each in _CODES), ("", ""))
    if not kind:
        kind = "server_error" if error.status >= _SERVER_ERROR else "invalid_request_error"
        code = "context_length_exceeded" if isinstance(error, TooLongError) else error.code
    message = f"{error.detail} {error.hint}".strip()
    param = next(iter(error.fields), None)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refusal(error: KontorError) -> JSONResponse:
    """Answer with an error before anything else was sent."""
    is_invalid = isinstance(error, InvalidError | TooLargeError)
    headers = {}
    if isinstance(error, LimitedError):
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, BudgetSpentError):
        headers["x-should-retry"] = "false"  # it will not help before the day is over
    return JSONResponse(
        error_body(error), _BAD_REQUEST if is_invalid else error.status, headers=headers
    )


def speak_openai(application: FastAPI) -> None:
    """Let an application answer every error in OpenAI's shape."""
    application.add_exception_handler(KontorError, _known)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(HTTPException, _http)
    application.add_exception_handler(Exception, _unexpected)


async def _known(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KontorError)
    logger.info("request refused", extra={"status": error.status, "code": error.code})
    return refusal(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return refusal(InvalidError(f"{where}: {first['msg']}.", fields={where: str(first["msg"])}))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    body = {"message": str(error.detail), "type": "invalid_request_error", "param": None}
    return JSONResponse({"error": {**body, "code": "unknown_url"}}, error.status_code)


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    logger.error("request failed", exc_info=error)
    return refusal(KontorError("The request could not be answered."))
