"""The route of the streamed answer; a Function URL has no authorizer, so it verifies tokens."""

from __future__ import annotations

from fastapi import APIRouter, Request

from functions.chat_stream.events import EventStream
from functions.edge.asking import AskBody, instruments_of
from shared.answering import service as answering
from shared.answering.model import Emit
from shared.identity.model import Principal
from shared.kernel.context import set_tenant
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import app as wired

router = APIRouter(tags=["chat"])


def principal_of_request(request: Request) -> Principal:
    """Verify the bearer token a request carries; raises UnauthenticatedError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError(
            "No token came with the request.", hint="Send Authorization: Bearer <access token>."
        )
    return wired().verifier.verify(token.strip())


@router.post("/")
def ask(request: Request, body: AskBody) -> EventStream:
    """Answer a question as server-sent events: start, token, citation, done or error."""
    caller = principal_of_request(request)
    caller.require("chat")
    question = body.asked()

    def tell(emit: Emit) -> None:
        set_tenant(str(caller.tenant_id))
        answering.ask(
            instruments_of(wired(), caller.tenant_id, caller.user_id), caller, question, emit=emit
        )

    return EventStream(tell)
