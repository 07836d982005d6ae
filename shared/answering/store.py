"""One typed function per query of conversations, messages and citations."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.answering.model import Citation, Conversation, MessagePlace
from shared.kernel.ids import (
    CitationId,
    ConversationId,
    DocumentId,
    MessageId,
    UserId,
    VersionId,
)

QUERIES = load_queries("shared.answering")
WITHDRAWN = "A document this answer rested on is not shared with you any more."


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message before its citations are joined to it."""

    id: MessageId
    role: Literal["user", "assistant"]
    content: str
    state: str
    answerer: str
    created_at: datetime
    parent_id: MessageId | None = None
    condensed: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A message that a search of one's own history finds."""

    id: MessageId
    conversation_id: ConversationId
    title: str
    role: Literal["user", "assistant"]
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """An answer that is being given."""

    is_stopped: bool


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many days conversations are kept; 0 keeps them for good."""

    keep_days: int


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
    session: Session,
    *,
    user_id: UserId,
    before: tuple[bool, ConversationId] | None,
    is_archived: bool,
    limit: int,
) -> list[Conversation]:
    """List the user's conversations, pinned ones first, then newest first."""
    return session.all(
        QUERIES["list_conversations"],
        Conversation,
        {
            "user_id": user_id,
            "before_pinned": before[0] if before else None,
            "before": before[1] if before else None,
            "is_archived": is_archived,
            "limit": limit,
        },
    )


def record_conversation(
    session: Session,
    conversation_id: ConversationId,
    *,
    user_id: UserId,
    title: str,
    leaf_id: MessageId,
) -> bool:
    """Write a conversation or note that it goes on; False when it is somebody else's."""
    params = {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "title": title,
        "leaf_id": leaf_id,
    }
    return session.execute(QUERIES["record_conversation"], params) == 1


def change_conversation(
    session: Session,
    conversation_id: ConversationId,
    *,
    user_id: UserId,
    title: str | None,
    is_named: bool,
    is_pinned: bool | None = None,
    is_archived: bool | None = None,
) -> bool:
    """Change what is not ``None``; False when there is none, or a person named it already."""
    params = {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "title": title,
        "is_named": is_named,
        "is_pinned": is_pinned,
        "is_archived": is_archived,
    }
    return session.execute(QUERIES["change_conversation"], params) == 1


def change_leaf(
    session: Session, conversation_id: ConversationId, *, user_id: UserId, leaf_id: MessageId
) -> None:
    """Show the branch that ends in ``leaf_id``."""
    params = {"conversation_id": conversation_id, "user_id": user_id, "leaf_id": leaf_id}
    session.execute(QUERIES["change_leaf"], params)


def remove_conversation(
    session: Session, conversation_id: ConversationId, *, user_id: UserId
) -> bool:
    """Delete the user's conversation with everything in it; False when there is none."""
    params = {"conversation_id": conversation_id, "user_id": user_id}
    return session.execute(QUERIES["remove_conversation"], params) == 1


def remove_old_conversations(session: Session, *, days: int) -> int:
    """Delete some conversations nobody went on with for so many days; returns how many."""
    return session.execute(QUERIES["remove_old_conversations"], {"days": days})


def record_message(
    session: Session,
    message_id: MessageId,
    *,
    conversation_id: ConversationId,
    role: Literal["user", "assistant"],
    content: str,
    state: str,
    parent_id: MessageId | None,
    answerer: str = "",
    condensed: str = "",
    confidence: float | None = None,
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
            "parent_id": parent_id,
            "condensed": condensed,
            "confidence": confidence,
        },
    )


def find_message(
    session: Session, message_id: MessageId, *, user_id: UserId
) -> MessagePlace | None:
    """Return where a message of the user's stands, or ``None``."""
    params = {"message_id": message_id, "user_id": user_id}
    return session.find(QUERIES["find_message"], MessagePlace, params)


def list_found(
    session: Session,
    query: str,
    *,
    user_id: UserId,
    patterns: Sequence[str],
    before: MessageId | None,
    limit: int,
) -> list[FoundRow]:
    """List the user's messages that hold a query's words, newest first."""
    params = {
        "query": query,
        "user_id": user_id,
        "patterns": list(patterns),
        "before": before,
        "limit": limit,
    }
    return session.all(QUERIES["list_found"], FoundRow, params)


def record_running(session: Session, message_id: MessageId, *, user_id: UserId) -> None:
    """Note that an answer has begun."""
    session.execute(QUERIES["record_running"], {"message_id": message_id, "user_id": user_id})


def is_stopped(session: Session, message_id: MessageId) -> bool:
    """Tell whether a running answer is to stop."""
    found = session.find(QUERIES["find_running"], Running, {"message_id": message_id})
    return found is not None and found.is_stopped


def stop_running(session: Session, message_id: MessageId, *, user_id: UserId) -> bool:
    """Ask a running answer of the user's to stop; False when there is none."""
    params = {"message_id": message_id, "user_id": user_id}
    return session.execute(QUERIES["stop_running"], params) == 1


def remove_running(session: Session, message_id: MessageId) -> None:
    """Note that an answer has ended."""
    session.execute(QUERIES["remove_running"], {"message_id": message_id})


def remove_lost_running(session: Session) -> None:
    """Forget answers that began an hour ago: whoever gave them is gone."""
    session.execute(QUERIES["remove_lost_running"])


def find_keeping(session: Session) -> int | None:
    """Return how many days the tenant keeps conversations, ``None`` if it has not said."""
    found = session.find(QUERIES["find_keeping"], Keeping)
    return None if found is None else found.keep_days


def record_keeping(session: Session, *, keep_days: int, changed_by: UserId) -> None:
    """Write how many days the tenant keeps conversations."""
    session.execute(QUERIES["record_keeping"], {"keep_days": keep_days, "changed_by": changed_by})


def list_messages(
    session: Session, conversation_id: ConversationId, *, limit: int
) -> list[MessageRow]:
    """List the last messages of a conversation, oldest first."""
    params = {"conversation_id": conversation_id, "limit": limit, "withdrawn": WITHDRAWN}
    rows = session.all(QUERIES["list_messages"], MessageRow, params)
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


def record_sources(
    session: Session,
    message_id: MessageId,
    documents: Collection[DocumentId],
    *,
    follows: MessageId | None,
) -> None:
    """Write what an answer rests on; with ``follows`` also what the answers up to there do."""
    if not documents and follows is None:
        return
    params = {"message_id": message_id, "document_ids": sorted(set(documents)), "follows": follows}
    session.execute(QUERIES["record_sources"], params)


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
    session.execute(QUERIES["erase_condensed"], {"document_id": document_id})
    session.execute(QUERIES["remove_sources"], {"document_id": document_id})
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
