"""Routes of asking, conversations and citations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from functions.edge.asking import AskBody, CellBody, instruments_of
from functions.edge.http import Caller
from shared.answering import service as answering
from shared.kernel.ids import CitationId, ConversationId
from shared.wiring import app as wired

router = APIRouter(tags=["chat"])


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CitationBody(_FromRow):
    """Proof of a sentence: ``quote`` is the cited version's text from ``start`` to ``end``.

    Positions are those of its ``reading``; ``cells`` are the cells of tables the quote touches.
    ``is_erased``: the document has been erased since, and the quote with it.
    """

    id: UUID
    number: int
    document_id: UUID
    version_id: UUID
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    quote: str
    reading: int
    cells: list[CellBody]
    is_erased: bool = False


class AnswerBody(BaseModel):
    """An answer; ``state`` says how well it is founded, ``answerer`` who gave it.

    ``confidence`` is the probability (0 to 1) that the quotes answer; ``null`` where nobody can
    tell.
    """

    conversation_id: UUID
    message_id: UUID
    state: str
    answer: str
    citations: list[CitationBody]
    answerer: str
    confidence: float | None


class ConversationBody(_FromRow):
    """A conversation of the caller's."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime


class ConversationPage(BaseModel):
    """Conversations and the cursor for more."""

    items: list[ConversationBody]
    next_cursor: str | None


class MessageBody(_FromRow):
    """One question or answer."""

    id: UUID
    role: str
    content: str
    state: str
    answerer: str
    created_at: datetime
    citations: list[CitationBody]


class ThreadBody(ConversationBody):
    """A conversation with everything said in it, oldest first."""

    messages: list[MessageBody]


@router.post("/api/v1/chat")
def ask(caller: Caller, body: AskBody) -> AnswerBody:
    """Answer a question from the library, with citations."""
    caller.require("chat")
    given = answering.ask(
        instruments_of(wired(), caller.tenant_id), caller, body.asked(), emit=lambda _event: None
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


@router.get("/api/v1/conversations")
def list_conversations(
    caller: Caller,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ConversationPage:
    """List the caller's conversations, newest first."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        page = answering.list_conversations(session, caller, cursor=cursor, limit=limit)
    items = [ConversationBody.model_validate(row) for row in page.items]
    return ConversationPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/conversations/{conversation_id}")
def show_conversation(caller: Caller, conversation_id: UUID) -> ThreadBody:
    """Show a conversation with its messages and citations."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        thread = answering.show_conversation(session, caller, ConversationId(conversation_id))
    return ThreadBody(
        **ConversationBody.model_validate(thread.conversation).model_dump(),
        messages=[MessageBody.model_validate(message) for message in thread.messages],
    )


@router.delete("/api/v1/conversations/{conversation_id}", status_code=204)
def remove_conversation(caller: Caller, conversation_id: UUID) -> None:
    """Delete a conversation of the caller's with everything in it."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        answering.remove_conversation(session, caller, ConversationId(conversation_id))


@router.get("/api/v1/citations/{citation_id}")
def show_citation(caller: Caller, citation_id: UUID) -> CitationBody:
    """Show a citation that was given to the caller."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        citation = answering.find_citation(session, caller, CitationId(citation_id))
    return CitationBody.model_validate(citation)
