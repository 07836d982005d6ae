"""Where a question stands: in which conversation, behind which message, after what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.adapters.database import Session
from shared.answering import store
from shared.answering.branches import path_to, shown_branch
from shared.answering.conversations import MOST_MESSAGES, find_conversation, find_message
from shared.answering.model import Question
from shared.answering.store import MessageRow
from shared.identity.model import Principal
from shared.inference.model import Role
from shared.kernel.errors import InvalidError
from shared.kernel.ids import ConversationId, MessageId, new_id

Turns = Sequence[tuple[Role, str]]


@dataclass(frozen=True, slots=True)
class Opening:
    """A question in its place; no transaction is open any more.

    ``text`` is the question. ``parent_id`` is the message it follows; ``is_again``: it is kept
    already and only its answer is new. ``history`` is what was said before, ``meant`` the same
    with follow-ups in words that stand alone; both oldest first.
    """

    question: Question
    principal: Principal
    text: str
    conversation_id: ConversationId
    question_id: MessageId
    answer_id: MessageId
    parent_id: MessageId | None = None
    history: Turns = ()
    meant: Turns = ()
    is_again: bool = False


def open_question(
    session: Session, principal: Principal, question: Question, *, most_messages: int
) -> Opening:
    """Find a question's place: at the end of the branch that is shown, or where it branches off.

    Raises NotFoundError for a conversation or message that is not the caller's, InvalidError for
    places that contradict each other.
    """
    if question.edits is not None and question.regenerates is not None:
        raise InvalidError(
            "A question is edited or answered anew, not both.",
            fields={"edits": "leave one of them out", "regenerates": "leave one of them out"},
        )
    branches_at = question.edits or question.regenerates
    if branches_at is not None:
        return _branch(session, principal, question, branches_at, most_messages=most_messages)
    if question.conversation_id is None:
        return _placed(principal, question, None, [], most_messages=most_messages)
    found = find_conversation(session, principal, question.conversation_id)
    rows = store.list_messages(session, found.id, limit=MOST_MESSAGES)
    path = shown_branch(rows, found.leaf_id)
    return _placed(principal, question, found.id, path, most_messages=most_messages)


def _branch(
    session: Session,
    principal: Principal,
    question: Question,
    branches_at: MessageId,
    *,
    most_messages: int,
) -> Opening:
    place = find_message(session, principal, branches_at)
    if question.conversation_id not in (None, place.conversation_id):
        raise InvalidError(
            "The message belongs to another conversation.",
            fields={"conversation_id": "leave it out"},
        )
    rows = store.list_messages(session, place.conversation_id, limit=MOST_MESSAGES)
    path = path_to(rows, branches_at)
    if question.regenerates is not None and path and path[-1].role == "assistant":
        path = path[:-1]
    if not path or path[-1].role != "user":
        what = "edits" if question.edits is not None else "regenerates"
        raise InvalidError("This message is no question.", fields={what: "name a question"})
    asked, before = path[-1], path[:-1]
    opening = _placed(
        principal, question, place.conversation_id, before, most_messages=most_messages
    )
    if question.regenerates is None:
        return opening
    return Opening(
        question=question,
        principal=principal,
        text=asked.content,
        conversation_id=place.conversation_id,
        question_id=asked.id,
        answer_id=opening.answer_id,
        parent_id=asked.parent_id,
        history=opening.history,
        meant=opening.meant,
        is_again=True,
    )


def _placed(
    principal: Principal,
    question: Question,
    conversation_id: ConversationId | None,
    path: Sequence[MessageRow],
    *,
    most_messages: int,
) -> Opening:
    """Put a question behind a branch."""
    question_id = MessageId(new_id())
    last = [] if most_messages == 0 else path[-most_messages:]
    given = question.history[-most_messages:] if most_messages else ()
    return Opening(
        question=question,
        principal=principal,
        text=question.text.strip(),
        conversation_id=conversation_id or ConversationId(new_id()),
        question_id=question_id,
        answer_id=_after(question_id),
        parent_id=path[-1].id if path else None,
        history=given or [(row.role, row.content) for row in last],
        meant=given or [(row.role, row.condensed or row.content) for row in last if _is_said(row)],
    )


def _is_said(row: MessageRow) -> bool:
    """Whether a message is about something: small talk is no topic."""
    return row.state != "smalltalk"


def _after(earlier: MessageId) -> MessageId:
    """Make an id that sorts behind ``earlier``; within one millisecond the order is chance."""
    while True:
        later = MessageId(new_id())
        if later > earlier:
            return later
