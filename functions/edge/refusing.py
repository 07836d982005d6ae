"""Refusals from outside the routes: middleware answers in the function's own shape of errors."""

from __future__ import annotations

from inspect import isawaitable

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.kernel.errors import KontorError


async def answer_error(
    scope: Scope, receive: Receive, send: Send, *, error: Exception, kind: type[Exception]
) -> None:
    """Answer with an error as the application's handler for its ``kind`` writes it."""
    application: FastAPI = scope["app"]
    made = application.exception_handlers[kind](Request(scope), error)
    response = await made if isawaitable(made) else made
    assert isinstance(response, Response)
    await response(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send, error: KontorError) -> None:
    """Answer with an error of ours before any route is entered."""
    await answer_error(scope, receive, send, error=error, kind=KontorError)
