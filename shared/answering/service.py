"""Use cases of answering: ask, look back at conversations, follow a citation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.answering import smalltalk, store
from shared.answering.case import Case, keep
from shared.answering.extraction import NAME as EXTRACTIVE
from shared.answering.extraction import answer_with_quotes
from shared.answering.generation import answer_with_model
from shared.answering.model import (
    LONGEST_QUESTION,
    Answer,
    Citation,
    Conversation,
    Done,
    Emit,
    Instruments,
    ListenerGoneError,
    Question,
    Said,
    Started,
    State,
    Thread,
)
from shared.answering.passages import distinct
from shared.answering.transcript import Transcript
from shared.answering.wording import spoken_language, wording
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.inference.language import detect_language
from shared.inference.model import Role
from shared.kernel.errors import InvalidError, KontorError, NotFoundError
from shared.kernel.ids import CitationId, ConversationId, DocumentId, MessageId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.kernel.settings import Settings
from shared.search import service as search
from shared.search.model import SearchRequest, SearchResult

if TYPE_CHECKING:
    from shared.inference.language_models import LanguageModel

logger = logging.getLogger(__name__)

_PASSAGES = 8
_DEPTH = 24  # so that enough is left when a document lies there in several formats
_HISTORY = 5
_MOST_MESSAGES = 1000
ERASED_TITLE = "Erased document"
ERASED_ANSWER = "A document this answer rested on has been erased, and the answer with it."


def instruments(
    config: Settings,
    *,
    database: Database,
    embedder: Embedder,
    open_language_model: Callable[[], LanguageModel | None],
) -> Instruments:
    """Lay out what ``ask`` works with, tuned as the settings say."""
    return Instruments(
        database=database,
        embedder=embedder,
        open_language_model=open_language_model,
        ranking=search.ranking(config),
        answer_threshold=config.answer_threshold,
        related_threshold=config.related_threshold,
        talks_when_unknown=config.enable_elyza_fallback,
    )


def ask(tools: Instruments, principal: Principal, question: Question, *, emit: Emit) -> Answer:
    """Answer a question from the library, telling ``emit`` each word and citation as it comes.

    Question and answer are kept in one transaction once the answer has ended, together with an
    audit entry, and ``Done`` is emitted after it. When ``emit`` raises, or a language model fails
    after its first words, what was said is kept as ``stopped``: ListenerGoneError then ends the
    answer quietly, anything else is raised. Raises RefusedError, InvalidError for a question that
    cannot be asked, NotFoundError for a conversation that is not the caller's.
    """
    principal.require("chat")
    _check(question)
    case = _open(tools, principal, question)
    transcript = Transcript(emit, question=question.text)
    try:
        emit(Started(case.conversation_id, case.answer_id))
        state = _compose(tools, case, transcript)
        if state == "unknown" and tools.talks_when_unknown:
            spoken = spoken_language(case.result.language, [])
            state = smalltalk.say_talk(
                question.text, case.history, spoken=spoken, transcript=transcript
            )
        answer = keep(tools.database, case, transcript, state=state)
    except ListenerGoneError:
        return keep(tools.database, case, transcript, state="stopped")
    except Exception:
        keep(tools.database, case, transcript, state="stopped")
        raise
    try:
        emit(
            Done(
                answer.conversation_id,
                answer.message_id,
                answer.state,
                answer.answerer,
                answer.confidence,
            )
        )
    except ListenerGoneError:
        logger.info("listener left after the answer", extra={"message_id": str(case.answer_id)})
    return answer


def _check(question: Question) -> None:
    text = question.text.strip()
    if not text:
        raise InvalidError("There is no question.", fields={"question": "ask something"})
    if len(text) > LONGEST_QUESTION:
        raise InvalidError(
            f"The question is longer than {LONGEST_QUESTION} characters.",
            hint="Ask one thing at a time.",
            fields={"question": f"at most {LONGEST_QUESTION} characters"},
        )


def _open(tools: Instruments, principal: Principal, question: Question) -> Case:
    """Read what is needed in one short transaction."""
    question_id = MessageId(new_id())
    with tools.database.transaction(principal.tenant_id) as session:
        history: list[tuple[Role, str]] = []
        if question.conversation_id is not None:
            find_conversation(session, principal, question.conversation_id)
            rows = store.list_messages(session, question.conversation_id, limit=_HISTORY)
            history = [(row.role, row.content) for row in rows]
        reply = smalltalk.courtesy(question.text, history)
        if reply is None:
            request = SearchRequest(query=question.text, k=_DEPTH, filters=question.filters)
            result = search.find(session, tools.embedder, request, ranking=tools.ranking)
            result = replace(result, hits=distinct(result.hits, most=_PASSAGES))
        else:
            result = SearchResult((), detect_language(question.text), 0.0)
    return Case(
        question=question,
        principal=principal,
        conversation_id=question.conversation_id or ConversationId(new_id()),
        question_id=question_id,
        answer_id=_after(question_id),
        result=result,
        history=history,
        courtesy=reply,
    )


def _after(earlier: MessageId) -> MessageId:
    """Make an id that sorts behind ``earlier``; within one millisecond the order is chance."""
    while True:
        later = MessageId(new_id())
        if later > earlier:
            return later


def _compose(tools: Instruments, case: Case, transcript: Transcript) -> State:
    """Say the answer; returns how well it is founded."""
    if case.courtesy is not None:
        return smalltalk.say_courtesy(case.courtesy, transcript)
    hits = case.result.hits
    spoken = spoken_language(case.result.language, [hit.language for hit in hits])
    transcript.answerer = EXTRACTIVE
    if not hits:
        transcript.say(wording(spoken).unknown)
        return "unknown"
    model = _open_model(tools, transcript)
    if model is not None:
        transcript.answerer = model.name
        try:
            return answer_with_model(
                case.question.text.strip(),
                hits,
                model=model,
                spoken=spoken,
                history=case.history,
                instruments=tools,
                transcript=transcript,
            )
        except KontorError as error:
            if transcript.text:
                raise
            transcript.answerer = _in_place_of(model.name, error)
    return answer_with_quotes(
        case.question.text.strip(),
        hits,
        language=case.result.language,
        spoken=spoken,
        instruments=tools,
        transcript=transcript,
    )


def _open_model(tools: Instruments, transcript: Transcript) -> LanguageModel | None:
    try:
        return tools.open_language_model()
    except KontorError as error:
        transcript.answerer = _in_place_of("the language model", error)
        return None


def _in_place_of(name: str, error: KontorError) -> str:
    logger.warning("language model did not answer", extra={"model": name, "reason": error.detail})
    return f"{EXTRACTIVE} ({name} did not answer)"


def find_conversation(
    session: Session, principal: Principal, conversation_id: ConversationId
) -> Conversation:
    """Return a conversation of the caller's; raises NotFoundError for anybody else's."""
    found = store.find_conversation(session, conversation_id, user_id=principal.user_id)
    if found is None:
        raise NotFoundError("There is no such conversation.")
    return found


def show_conversation(
    session: Session, principal: Principal, conversation_id: ConversationId
) -> Thread:
    """Return a conversation with its last 1,000 messages and their citations."""
    conversation = find_conversation(session, principal, conversation_id)
    by_message: dict[MessageId, list[Citation]] = {}
    for row in store.list_citations(session, conversation_id):
        by_message.setdefault(row.message_id, []).append(row.citation())
    messages = [
        Said(
            id=row.id,
            role=row.role,
            content=row.content,
            state=row.state,
            answerer=row.answerer,
            created_at=row.created_at,
            citations=tuple(by_message.get(row.id, ())),
        )
        for row in store.list_messages(session, conversation_id, limit=_MOST_MESSAGES)
    ]
    return Thread(conversation, messages)


def list_conversations(
    session: Session, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Page[Conversation]:
    """List the caller's conversations, newest first."""
    limit = clamp_limit(limit)
    found = store.list_conversations(
        session, user_id=principal.user_id, before=_before(cursor), limit=limit
    )
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)


def _before(cursor: str | None) -> ConversationId | None:
    if cursor is None:
        return None
    try:
        return ConversationId(UUID(decode_cursor(cursor, 1)[0]))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def remove_conversation(
    session: Session, principal: Principal, conversation_id: ConversationId
) -> None:
    """Delete a conversation of the caller's with everything in it."""
    if not store.remove_conversation(session, conversation_id, user_id=principal.user_id):
        raise NotFoundError("There is no such conversation.")


def find_citation(session: Session, principal: Principal, citation_id: CitationId) -> Citation:
    """Return a citation that was given to the caller."""
    row = store.find_citation(session, citation_id, user_id=principal.user_id)
    if row is None:
        raise NotFoundError("There is no such citation.")
    return row.citation()


def forget_document(session: Session, document_id: DocumentId) -> None:
    """Take a document, which is being erased, out of every answer that rests on it.

    Answers and citations stay, so that conversations still read as such, but say only that what
    they rested on has been erased.
    """
    store.erase_document(session, document_id, title=ERASED_TITLE, content=ERASED_ANSWER)
