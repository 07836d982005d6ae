"""The route of the streamed answer; a Function URL has no authorizer, so it verifies tokens."""

from __future__ import annotations

from fastapi import APIRouter, Response

from functions.chat_stream.events import EventStream
from functions.edge.asking import AskBody, instruments_of
from functions.edge.bearer import Bearer
from shared.answering import service as answering
from shared.answering.model import Emit
from shared.wiring import app as wired

router = APIRouter(tags=["chat"])


@router.post(
    "/",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "The answer's events"}},
)
def ask(caller: Bearer, body: AskBody) -> EventStream:
    """Answer a question as server-sent events: start, token, citation, done or error."""
    caller.require("chat")
    question = body.asked()

    def tell(emit: Emit) -> None:
        answering.ask(
            instruments_of(wired(), caller.tenant_id, caller.user_id), caller, question, emit=emit
        )

    return EventStream(tell)
