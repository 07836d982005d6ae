"""The route of asking over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from functions.edge.asking import AskBody, instruments_of
from functions.edge.citing import CitationBody
from functions.edge.http import Caller
from shared.answering import service as answering
from shared.wiring import app as wired

router = APIRouter(tags=["chat"])


class AnswerBody(BaseModel):
    """An answer; ``state`` says how well it is founded, ``answerer`` who gave it.

    ``confidence`` is the probability (0 to 1) that it is right, where one was computed.
    """

    conversation_id: UUID
    message_id: UUID
    state: str
    answer: str
    citations: list[CitationBody]
    answerer: str
    confidence: float | None


@router.post("/api/v1/chat")
def ask(caller: Caller, body: AskBody) -> AnswerBody:
    """Answer a question from the library, with citations; also edited or once again."""
    caller.require("chat")
    given = answering.ask(
        instruments_of(wired(), caller.tenant_id, caller.user_id),
        caller,
        body.asked(),
        emit=lambda _event: None,
    )
    return AnswerBody(
        conversation_id=given.conversation_id,
        message_id=given.message_id,
        state=given.state,
        answer=given.text,
        citations=[CitationBody.model_validate(citation) for citation in given.citations],
        answerer=given.answerer,
        confidence=given.confidence,
    )
