"""Use cases of looking back: conversations, their branches, and what was said in them."""

from __future__ import annotations

import re
from uuid import UUID

from shared.adapters.database import Session
from shared.answering import store
from shared.answering.branches import leaf_below, shown_branch, siblings_of
from shared.answering.model import Citation, Conversation, Found, MessagePlace, Said, Thread
from shared.answering.titles import clean_title
from shared.identity.model import Principal
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import CitationId, ConversationId, MessageId
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

MOST_MESSAGES = 1000
_LONGEST_SEARCH = 200
_SNIPPET_CHARS = 160


def find_conversation(
    session: Session, principal: Principal, conversation_id: ConversationId
) -> Conversation:
    """Return a conversation of the caller's; raises NotFoundError for anybody else's."""
    found = store.find_conversation(session, conversation_id, user_id=principal.user_id)
    if found is None:
        raise NotFoundError("There is no such conversation.")
    return found


def find_message(session: Session, principal: Principal, message_id: MessageId) -> MessagePlace:
    """Return where a message of the caller's stands; raises NotFoundError for anybody else's."""
    found = store.find_message(session, message_id, user_id=principal.user_id)
    if found is None:
        raise NotFoundError("There is no such message.")
    return found


def show_conversation(
    session: Session, principal: Principal, conversation_id: ConversationId
) -> Thread:
    """Return a conversation with the branch that is shown and its citations.

    Of more than 1,000 messages the last ones are read.
    """
    conversation = find_conversation(session, principal, conversation_id)
    by_message: dict[MessageId, list[Citation]] = {}
    for row in store.list_citations(session, conversation_id):
        by_message.setdefault(row.message_id, []).append(row.citation())
    rows = store.list_messages(session, conversation_id, limit=MOST_MESSAGES)
    messages = [
        Said(
            id=row.id,
            role=row.role,
            content=row.content,
            state=row.state,
            answerer=row.answerer,
            created_at=row.created_at,
            citations=tuple(by_message.get(row.id, ())),
            parent_id=row.parent_id,
            siblings=siblings_of(rows, row),
            condensed=row.condensed,
            confidence=row.confidence,
        )
        for row in shown_branch(rows, conversation.leaf_id)
    ]
    return Thread(conversation, messages)


def list_conversations(
    session: Session,
    principal: Principal,
    *,
    cursor: str | None = None,
    is_archived: bool = False,
    limit: int = 50,
) -> Page[Conversation]:
    """List the caller's conversations, pinned ones first, then newest first.

    Those put away are a list of their own.
    """
    limit = clamp_limit(limit)
    before = None
    if cursor is not None:
        pinned, last = decode_cursor(cursor, 2)
        before = (pinned == "pinned", ConversationId(_id_in_cursor(last)))
    found = store.list_conversations(
        session, user_id=principal.user_id, before=before, is_archived=is_archived, limit=limit
    )
    if len(found) < limit:
        return Page(found, None)
    last_one = found[-1]
    pinned = "pinned" if last_one.is_pinned else "loose"
    return Page(found, encode_cursor(pinned, str(last_one.id)))


def _id_in_cursor(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def change_conversation(
    session: Session,
    principal: Principal,
    conversation_id: ConversationId,
    *,
    title: str | None = None,
    is_pinned: bool | None = None,
    is_archived: bool | None = None,
) -> Conversation:
    """Rename, pin or put away a conversation of the caller's; ``None`` leaves a thing as it is."""
    find_conversation(session, principal, conversation_id)
    if title is not None:
        title = clean_title(title)
        if not title:
            raise InvalidError("The title is empty.", fields={"title": "write something"})
    store.change_conversation(
        session,
        conversation_id,
        user_id=principal.user_id,
        title=title,
        is_named=title is not None,
        is_pinned=is_pinned,
        is_archived=is_archived,
    )
    return find_conversation(session, principal, conversation_id)


def show_branch(session: Session, principal: Principal, message_id: MessageId) -> Thread:
    """Show the branch that a message of the caller's stands in, to its newest end."""
    place = find_message(session, principal, message_id)
    rows = store.list_messages(session, place.conversation_id, limit=MOST_MESSAGES)
    store.change_leaf(
        session,
        place.conversation_id,
        user_id=principal.user_id,
        leaf_id=leaf_below(rows, message_id),
    )
    return show_conversation(session, principal, place.conversation_id)


def remove_conversation(
    session: Session, principal: Principal, conversation_id: ConversationId
) -> None:
    """Delete a conversation of the caller's with everything in it."""
    if not store.remove_conversation(session, conversation_id, user_id=principal.user_id):
        raise NotFoundError("There is no such conversation.")


def stop_answer(session: Session, principal: Principal, message_id: MessageId) -> None:
    """Ask a running answer of the caller's to stop; what it has said so far is kept.

    Raises NotFoundError for an answer that is not theirs, ConflictError for one that has ended.
    """
    if store.stop_running(session, message_id, user_id=principal.user_id):
        return
    find_message(session, principal, message_id)
    raise ConflictError("This answer has ended already.", hint="There is nothing left to stop.")


def search_messages(
    session: Session,
    principal: Principal,
    query: str,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Found]:
    """Find messages in the caller's own conversations, newest first.

    A message is found by the stems of its words in either language, or when every word of the
    query stands in it letter by letter; a title that fits finds the first message.
    """
    words = query.split()
    if not words or len(query) > _LONGEST_SEARCH or "\0" in query:
        what = f"1 to {_LONGEST_SEARCH} characters"
        raise InvalidError("This cannot be searched for.", fields={"q": what})
    limit = clamp_limit(limit)
    before = None if cursor is None else MessageId(_id_in_cursor(decode_cursor(cursor, 1)[0]))
    rows = store.list_found(
        session,
        query,
        user_id=principal.user_id,
        patterns=[f"%{_escaped(word)}%" for word in words],
        before=before,
        limit=limit,
    )
    found = [
        Found(
            message_id=row.id,
            conversation_id=row.conversation_id,
            title=row.title,
            role=row.role,
            snippet=snippet(row.content, words),
            created_at=row.created_at,
        )
        for row in rows
    ]
    return Page(found, encode_cursor(str(rows[-1].id)) if len(rows) == limit else None)


def _escaped(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def snippet(text: str, words: list[str]) -> str:
    """Cut a text to about 160 characters around the first of some words, or its beginning."""
    text = " ".join(text.split())
    if len(text) <= _SNIPPET_CHARS:
        return text
    places = [text.casefold().find(word.casefold()[:6]) for word in words]
    first = min((place for place in places if place >= 0), default=0)
    start = max(0, min(first - _SNIPPET_CHARS // 4, len(text) - _SNIPPET_CHARS))
    # Words are not cut in two.
    if start:
        start = text.find(" ", start) + 1
    end = start + _SNIPPET_CHARS
    if end < len(text):
        end = max(start + 1, text.rfind(" ", start, end))
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def find_citation(session: Session, principal: Principal, citation_id: CitationId) -> Citation:
    """Return a citation that was given to the caller."""
    row = store.find_citation(session, citation_id, user_id=principal.user_id)
    if row is None:
        raise NotFoundError("There is no such citation.")
    return row.citation()
