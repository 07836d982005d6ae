"""One question on its way to an answer, and how both are kept."""

from __future__ import annotations

from dataclasses import dataclass

from shared.adapters.database import Database, Session
from shared.answering import store
from shared.answering.model import Answer, State
from shared.answering.opening import Opening
from shared.answering.retrieval import Gathered
from shared.answering.titles import first_title
from shared.answering.transcript import Transcript
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import ConversationId, MessageId


@dataclass(frozen=True, slots=True)
class Case:
    """A question in its place with what the library gave; no transaction is open any more."""

    opening: Opening
    gathered: Gathered

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.opening.principal

    @property
    def text(self) -> str:
        """The question as it was asked."""
        return self.opening.text

    @property
    def conversation_id(self) -> ConversationId:
        """Where it is kept."""
        return self.opening.conversation_id

    @property
    def answer_id(self) -> MessageId:
        """The answer's message."""
        return self.opening.answer_id

    @property
    def is_first(self) -> bool:
        """Whether the question begins its conversation."""
        return self.opening.parent_id is None and not self.opening.is_again


def keep(database: Database, case: Case, transcript: Transcript, *, state: State) -> Answer:
    """Write question, answer, citations and the audit entry in one transaction.

    Of a question that is not to be kept only the audit entry is written.
    """
    with database.transaction(case.principal.tenant_id) as session:
        if case.opening.question.is_kept:
            _keep_conversation(session, case)
            _keep_messages(session, case, transcript, state=state)
            store.remove_running(session, case.answer_id)
        audit.record(
            session,
            actor_id=case.principal.user_id,
            action="question.asked",
            subject=f"conversation:{case.conversation_id}",
            details={
                "message_id": str(case.answer_id),
                "state": state,
                "answerer": transcript.answerer,
                "versions": sorted({str(each.version_id) for each in transcript.citations}),
            },
        )
    return Answer(
        conversation_id=case.conversation_id,
        message_id=case.answer_id,
        state=state,
        text=transcript.text,
        citations=transcript.citations,
        answerer=transcript.answerer,
        confidence=transcript.confidence,
    )


def _keep_conversation(session: Session, case: Case) -> None:
    is_own = store.record_conversation(
        session,
        case.conversation_id,
        user_id=case.principal.user_id,
        title=first_title(case.text),
        leaf_id=case.answer_id,
    )
    if not is_own:
        raise NotFoundError("There is no such conversation.")


def _keep_messages(session: Session, case: Case, transcript: Transcript, *, state: State) -> None:
    opening = case.opening
    if not opening.is_again:
        query = case.gathered.query
        store.record_message(
            session,
            opening.question_id,
            conversation_id=case.conversation_id,
            role="user",
            content=case.text,
            state="asked",
            parent_id=opening.parent_id,
            condensed="" if query == case.text else query,
        )
    store.record_message(
        session,
        case.answer_id,
        conversation_id=case.conversation_id,
        role="assistant",
        content=transcript.text,
        state=state,
        answerer=transcript.answerer,
        parent_id=opening.question_id,
        confidence=transcript.confidence,
    )
    store.record_citations(session, case.answer_id, transcript.citations)
    store.record_sources(
        session,
        case.answer_id,
        [*transcript.read, *(each.document_id for each in transcript.citations)],
        # A model also read the answers before, and so rests on what they rest on.
        follows=opening.parent_id if transcript.read else None,
    )
