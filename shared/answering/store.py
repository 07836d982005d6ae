"""One typed function per query of conversations, messages and citations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.answering.model import Citation, Conversation
from shared.kernel.ids import (
    CitationId,
    ConversationId,
    DocumentId,
    MessageId,
    UserId,
    VersionId,
)

QUERIES = load_queries("shared.answering")


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message before its citations are joined to it."""

    id: MessageId
    role: Literal["user", "assistant"]
    content: str
    state: str
    answerer: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A question and the answer that was kept for it."""

    question: str
    answer: dict[str, object]


@dataclass(frozen=True, slots=True)
class CitationRow:
    """A citation and the message it belongs to."""

    message_id: MessageId
    id: CitationId
    number: int
    document_id: DocumentId
    version_id: VersionId
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    quote: str
    reading: int
    cells: list[dict[str, object]]

    def citation(self) -> Citation:
        """Return the citation itself."""
        fields = asdict(self)
        del fields["message_id"]
        return Citation(**fields)


def find_conversation(
    session: Session, conversation_id: ConversationId, *, user_id: UserId
) -> Conversation | None:
    """Return the user's conversation, or ``None``."""
    return session.find(
        QUERIES["find_conversation"],
        Conversation,
        {"conversation_id": conversation_id, "user_id": user_id},
    )


def list_conversations(
    session: Session, *, user_id: UserId, before: ConversationId | None, limit: int
) -> list[Conversation]:
    """List the user's conversations, newest first."""
    return session.all(
        QUERIES["list_conversations"],
        Conversation,
        {"user_id": user_id, "before": before, "limit": limit},
    )


def record_conversation(
    session: Session, conversation_id: ConversationId, *, user_id: UserId, title: str
) -> bool:
    """Write a conversation or note that it goes on; False when it is somebody else's."""
    params = {"conversation_id": conversation_id, "user_id": user_id, "title": title}
    return session.execute(QUERIES["record_conversation"], params) == 1


def remove_conversation(
    session: Session, conversation_id: ConversationId, *, user_id: UserId
) -> bool:
    """Delete the user's conversation with everything in it; False when there is none."""
    params = {"conversation_id": conversation_id, "user_id": user_id}
    return session.execute(QUERIES["remove_conversation"], params) == 1


def record_message(
    session: Session,
    message_id: MessageId,
    *,
    conversation_id: ConversationId,
    role: Literal["user", "assistant"],
    content: str,
    state: str,
    answerer: str = "",
) -> None:
    """Add a message to a conversation."""
    session.execute(
        QUERIES["record_message"],
        {
            "message_id": message_id,
            "conversation_id": conversation_id,
            "role": role,
            "content": content,
            "state": state,
            "answerer": answerer,
        },
    )


def list_messages(
    session: Session, conversation_id: ConversationId, *, limit: int
) -> list[MessageRow]:
    """List the last messages of a conversation, oldest first."""
    rows = session.all(
        QUERIES["list_messages"],
        MessageRow,
        {"conversation_id": conversation_id, "limit": limit},
    )
    return rows[::-1]


def record_citations(
    session: Session, message_id: MessageId, citations: Sequence[Citation]
) -> None:
    """Write the citations of an answer."""
    for citation in citations:
        fields = {
            **asdict(citation),
            "boxes": json.dumps(citation.boxes),
            "cells": json.dumps(citation.cells),
        }
        session.execute(QUERIES["record_citation"], {**fields, "message_id": message_id})


def list_citations(session: Session, conversation_id: ConversationId) -> list[CitationRow]:
    """List every citation of a conversation by message and number."""
    return session.all(QUERIES["list_citations"], CitationRow, {"conversation_id": conversation_id})


def find_citation(
    session: Session, citation_id: CitationId, *, user_id: UserId
) -> CitationRow | None:
    """Return a citation that was given to the user, or ``None``."""
    return session.find(
        QUERIES["find_citation"], CitationRow, {"citation_id": citation_id, "user_id": user_id}
    )


def erase_document(session: Session, document_id: DocumentId, *, title: str, content: str) -> None:
    """Take a document's words out of all answers and citations; both stay, saying so."""
    session.execute(QUERIES["erase_answers"], {"document_id": document_id, "content": content})
    session.execute(QUERIES["erase_quotes"], {"document_id": document_id, "title": title})


def list_cached_answers(
    session: Session, *, scope: bytes, vector: str, least: float, most: int
) -> list[CachedAnswer]:
    """List kept answers of a scope whose questions are near enough to a vector, nearest first."""
    params = {"scope": scope, "vector": vector, "least": least, "most": most}
    return session.all(QUERIES["list_cached_answers"], CachedAnswer, params)


def record_cached_answer(session: Session, params: Mapping[str, object]) -> None:
    """Keep an answer by its question."""
    session.execute(QUERIES["record_cached_answer"], params)
