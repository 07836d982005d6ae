"""One question on its way to an answer, and how both are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.adapters.database import Database, Session
from shared.answering import store
from shared.answering.model import Answer, Question, State
from shared.answering.transcript import Transcript
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.inference.elyza.engine import Reply
from shared.inference.model import Role
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import ConversationId, MessageId
from shared.search.model import SearchResult

_TITLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class Case:
    """A question with everything needed to answer it; no transaction is open any more.

    ``courtesy`` answers what was no question; then nothing was searched.
    """

    question: Question
    principal: Principal
    conversation_id: ConversationId
    question_id: MessageId
    answer_id: MessageId
    result: SearchResult
    history: Sequence[tuple[Role, str]]
    courtesy: Reply | None = None


def keep(database: Database, case: Case, transcript: Transcript, *, state: State) -> Answer:
    """Write question, answer, citations and the audit entry in one transaction."""
    citations = transcript.citations
    with database.transaction(case.principal.tenant_id) as session:
        title = " ".join(case.question.text.split())
        is_own = store.record_conversation(
            session,
            case.conversation_id,
            user_id=case.principal.user_id,
            title=title if len(title) <= _TITLE_CHARS else f"{title[: _TITLE_CHARS - 1]}…",
        )
        if not is_own:
            raise NotFoundError("There is no such conversation.")
        _keep_messages(session, case, transcript, state=state)
        audit.record(
            session,
            actor_id=case.principal.user_id,
            action="question.asked",
            subject=f"conversation:{case.conversation_id}",
            details={
                "message_id": str(case.answer_id),
                "state": state,
                "answerer": transcript.answerer,
                "versions": sorted({str(citation.version_id) for citation in citations}),
            },
        )
    return Answer(
        conversation_id=case.conversation_id,
        message_id=case.answer_id,
        state=state,
        text=transcript.text,
        citations=citations,
        answerer=transcript.answerer,
        confidence=transcript.confidence,
    )


def _keep_messages(session: Session, case: Case, transcript: Transcript, *, state: State) -> None:
    store.record_message(
        session,
        case.question_id,
        conversation_id=case.conversation_id,
        role="user",
        content=case.question.text.strip(),
        state="asked",
    )
    store.record_message(
        session,
        case.answer_id,
        conversation_id=case.conversation_id,
        role="assistant",
        content=transcript.text,
        state=state,
        answerer=transcript.answerer,
    )
    store.record_citations(session, case.answer_id, transcript.citations)
