"""Routes of conversations, their messages, and citations."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from functions.conversations.schemas import (
    CitedDocumentBody,
    ConversationBody,
    ConversationChange,
    ConversationPage,
    EvidenceBody,
    ExportBody,
    FoundBody,
    FoundPage,
    ImageBody,
    KeepingBody,
    MessageBody,
    ThreadBody,
)
from functions.edge.citing import CitationBody
from functions.edge.http import Caller
from shared.answering import conversations, evidence, retention
from shared.answering.export import thread_as_json, thread_as_markdown
from shared.answering.model import Thread
from shared.kernel.ids import CitationId, ConversationId, MessageId
from shared.wiring import app as wired

router = APIRouter(tags=["chat"])
IMAGE_S = 300
Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/api/v1/conversations")
def list_conversations(
    caller: Caller, *, archived: bool = False, cursor: Cursor = None, limit: Limit = 50
) -> ConversationPage:
    """List the caller's conversations: pinned ones first, then newest first."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        page = conversations.list_conversations(
            session, caller, cursor=cursor, is_archived=archived, limit=limit
        )
    items = [ConversationBody.model_validate(row) for row in page.items]
    return ConversationPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/conversations/{conversation_id}")
def show_conversation(caller: Caller, conversation_id: UUID) -> ThreadBody:
    """Show a conversation with the messages of one branch and their citations."""
    return _thread(_read(caller, conversation_id))


def _read(caller: Caller, conversation_id: UUID) -> Thread:
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        return conversations.show_conversation(session, caller, ConversationId(conversation_id))


def _thread(thread: Thread) -> ThreadBody:
    return ThreadBody(
        **ConversationBody.model_validate(thread.conversation).model_dump(),
        messages=[MessageBody.model_validate(message) for message in thread.messages],
    )


@router.patch("/api/v1/conversations/{conversation_id}")
def change_conversation(
    caller: Caller, conversation_id: UUID, body: ConversationChange
) -> ConversationBody:
    """Rename, pin or put away a conversation of the caller's."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        changed = conversations.change_conversation(
            session,
            caller,
            ConversationId(conversation_id),
            title=body.title,
            is_pinned=body.is_pinned,
            is_archived=body.is_archived,
        )
    return ConversationBody.model_validate(changed)


@router.delete("/api/v1/conversations/{conversation_id}", status_code=204)
def remove_conversation(caller: Caller, conversation_id: UUID) -> None:
    """Delete a conversation of the caller's with everything in it."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        conversations.remove_conversation(session, caller, ConversationId(conversation_id))


@router.get("/api/v1/conversations/{conversation_id}/export")
def export_conversation(
    caller: Caller, conversation_id: UUID, form: Literal["markdown", "json"] = "markdown"
) -> ExportBody:
    """Give a conversation as a file, with its citations and the list of its sources."""
    thread = _read(caller, conversation_id)
    made = thread_as_markdown(thread) if form == "markdown" else thread_as_json(thread)
    return ExportBody(filename=made.filename, media_type=made.media_type, content=made.content)


@router.get("/api/v1/messages")
def search_messages(
    caller: Caller,
    *,
    q: Annotated[str, Query(min_length=1, max_length=200)],
    cursor: Cursor = None,
    limit: Limit = 20,
) -> FoundPage:
    """Find messages in the caller's own conversations, newest first."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        page = conversations.search_messages(session, caller, q, cursor=cursor, limit=limit)
    items = [FoundBody.model_validate(found) for found in page.items]
    return FoundPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/messages/{message_id}/stop", status_code=202)
def stop_answer(caller: Caller, message_id: UUID) -> None:
    """Ask an answer that is being given to stop; what it has said so far is kept."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        conversations.stop_answer(session, caller, MessageId(message_id))


@router.post("/api/v1/messages/{message_id}/show")
def show_branch(caller: Caller, message_id: UUID) -> ThreadBody:
    """Switch to the branch a message stands in, and show it."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        return _thread(conversations.show_branch(session, caller, MessageId(message_id)))


@router.get("/api/v1/settings/conversations")
def show_keeping(caller: Caller) -> KeepingBody:
    """Show how long the tenant keeps conversations."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        days = retention.keep_days(session, default=wired().settings.conversation_days)
    return KeepingBody(keep_days=days)


@router.put("/api/v1/settings/conversations")
def change_keeping(caller: Caller, body: KeepingBody) -> KeepingBody:
    """Say how long the tenant keeps conversations; older ones are deleted within minutes."""
    caller.require("users:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        retention.change_keep_days(session, caller, body.keep_days)
    return body


@router.get("/api/v1/citations/{citation_id}")
def show_citation(caller: Caller, citation_id: UUID) -> EvidenceBody:
    """Show what a citation of the caller's stands on, even after its document has changed."""
    caller.require("chat")
    app = wired()
    found = evidence.find_evidence(app.database, app.objects, caller, CitationId(citation_id))
    return EvidenceBody(
        **CitationBody.model_validate(found.citation).model_dump(),
        document=CitedDocumentBody.model_validate(found),
        before=found.before,
        after=found.after,
        is_exact=found.is_exact,
        image=_image(found),
    )


def _image(found: evidence.Evidence) -> ImageBody | None:
    page = found.citation.page
    if not found.image_key or page is None:
        return None
    url = wired().objects.presign_view(found.image_key, media_type="image/webp", expires_s=IMAGE_S)
    return ImageBody(
        url=url, expires_in=IMAGE_S, page=page, width=found.page_width, height=found.page_height
    )
