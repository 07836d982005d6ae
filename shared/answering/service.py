"""Use cases of answering: ask, and take an erased document out of what was answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.adapters.database import Database, Session
from shared.answering import smalltalk, store
from shared.answering.case import Case, keep
from shared.answering.condensing import condense
from shared.answering.extraction import NAME as EXTRACTIVE
from shared.answering.extraction import answer_with_quotes
from shared.answering.generation import answer_with_model
from shared.answering.model import (
    LONGEST_QUESTION,
    Answer,
    Condensed,
    Considered,
    Done,
    Emit,
    Instruments,
    ListenerGoneError,
    Memory,
    Question,
    Started,
    State,
    Titled,
    Tuning,
)
from shared.answering.opening import Opening, open_question
from shared.answering.packing import pack
from shared.answering.retrieval import Gathered, gather
from shared.answering.semantic_cache import Recollection, recollect
from shared.answering.stopping import StoppedError, StopWatch
from shared.answering.titles import title_by_model
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, spoken_language, wording
from shared.generation.model import BudgetSpentError
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError, KontorError
from shared.kernel.ids import DocumentId
from shared.kernel.settings import Settings
from shared.search import service as search
from shared.search.model import Ranking, SearchRequest
from shared.search.neighbours import find_neighbours
from shared.understanding.condensing import split_parts

if TYPE_CHECKING:
    from shared.generation.language_models import LanguageModel, OpenLanguageModel

logger = logging.getLogger(__name__)

ERASED_TITLE = "Erased document"
ERASED_ANSWER = "A document this answer rested on has been erased, and the answer with it."


def instruments(
    config: Settings,
    *,
    database: Database,
    embedder: Embedder,
    open_language_model: OpenLanguageModel,
    ranking: Ranking | None = None,
) -> Instruments:
    """Lay out what ``ask`` works with, tuned as the settings say; ``ranking`` is the tenant's."""
    return Instruments(
        database=database,
        embedder=embedder,
        open_language_model=open_language_model,
        ranking=ranking or search.ranking(config),
        answer_threshold=config.answer_threshold,
        related_threshold=config.related_threshold,
        tuning=Tuning(
            history_messages=config.history_messages,
            passage_tokens=config.passage_tokens,
            unsupported=config.unsupported,
        ),
        memory=Memory(
            whose=config.answer_cache,
            similarity=config.answer_cache_similarity,
            kept_s=config.answer_cache_s,
        ),
        talks_when_unknown=config.enable_elyza_fallback,
    )


def ask(tools: Instruments, principal: Principal, question: Question, *, emit: Emit) -> Answer:
    """Answer a question from the library, telling ``emit`` each word and citation as it comes.

    Question and answer are kept in one transaction once the answer has ended, together with an
    audit entry, and ``Done`` is emitted after it. An answer that somebody stops ends with what it
    has said. When ``emit`` raises, or a language model fails after its first words, what was said
    is kept as ``stopped``: ListenerGoneError then ends the answer quietly, anything else is
    raised. Raises RefusedError, InvalidError for a question that cannot be asked, NotFoundError
    for a conversation or message that is not the caller's.
    """
    principal.require("chat")
    _check(question)
    # Looked up before the search: what is found is then at least as new as its key says.
    memory = _recollect(tools, principal, question)
    opening = _open(tools, principal, question)
    watch = StopWatch(emit, tools.database, principal.tenant_id, opening.answer_id)
    transcript = Transcript(watch.emit, question=opening.text)
    case = _unasked(opening)
    try:
        emit(Started(opening.conversation_id, opening.answer_id))
        state = _say_without_search(opening, memory, transcript)
        if state is None:
            case = _look_up(tools, opening, emit=emit)
            state = _compose(tools, case, transcript)
        transcript.close()
        answer = keep(tools.database, case, transcript, state=state)
    except StoppedError:
        answer = keep(tools.database, case, transcript, state="stopped")
    except ListenerGoneError:
        return keep(tools.database, case, transcript, state="stopped")
    except Exception:
        keep(tools.database, case, transcript, state="stopped")
        raise
    try:
        emit(_done(answer))
        if memory is not None:
            memory.keep(answer, read=transcript.read)
        _give_title(tools, case, answer, emit=emit)
    except ListenerGoneError:
        logger.info("listener left after the answer", extra={"message_id": str(case.answer_id)})
    return answer


def _recollect(tools: Instruments, principal: Principal, question: Question) -> Recollection | None:
    """Remember a question that stands alone; in a conversation it means what was said before.

    A courtesy is none: it is answered without looking anything up.
    """
    before = (question.conversation_id, question.edits, question.regenerates)
    if question.history or any(each is not None for each in before):
        return None
    if smalltalk.courtesy(question.text, ()) is not None:
        return None
    return recollect(tools, principal, question.text, filters=question.filters)


def _say_without_search(
    opening: Opening, memory: Recollection | None, transcript: Transcript
) -> State | None:
    """Answer a courtesy, or say the answer that was given to the same question before."""
    reply = smalltalk.courtesy(opening.text, opening.history)
    if reply is not None:
        return smalltalk.say_courtesy(reply, transcript)
    if memory is None or memory.known is None:
        return None
    memory.say(transcript)
    return "answer"


def _done(answer: Answer) -> Done:
    return Done(
        answer.conversation_id,
        answer.message_id,
        answer.state,
        answer.answerer,
        answer.confidence,
    )


def _check(question: Question) -> None:
    text = question.text.strip()
    if not text and question.regenerates is None:
        raise InvalidError("There is no question.", fields={"question": "ask something"})
    if len(text) > LONGEST_QUESTION:
        raise InvalidError(
            f"The question is longer than {LONGEST_QUESTION} characters.",
            hint="Ask one thing at a time.",
            fields={"question": f"at most {LONGEST_QUESTION} characters"},
        )
    # What the search would refuse is refused before anything is said.
    search.check_request(SearchRequest(query=text or "?", filters=question.filters))


def _open(tools: Instruments, principal: Principal, question: Question) -> Opening:
    """Read what was said before, and note that the answer is being given, in one transaction."""
    with tools.database.transaction(principal.tenant_id) as session:
        opening = open_question(
            session, principal, question, most_messages=tools.tuning.history_messages
        )
        if question.is_kept:
            store.record_running(session, opening.answer_id, user_id=principal.user_id)
    return opening


def _unasked(opening: Opening) -> Case:
    """Return the case before anything was looked up: what is kept if it ends here."""
    return Case(opening, Gathered(opening.text, "simple", ()))


def _look_up(tools: Instruments, opening: Opening, *, emit: Emit) -> Case:
    """Find out what is meant, and search for it; tells both."""
    query = condense(tools, opening.text, opening.meant)
    parts = split_parts(query)
    if query != opening.text or parts:
        emit(Condensed(query, parts))
    with tools.database.transaction(opening.principal.tenant_id) as session:
        filters = opening.question.filters
        gathered = gather(session, tools, query, parts=parts, filters=filters)
    emit(Considered(gathered.sources))
    return Case(opening, gathered)


def _compose(tools: Instruments, case: Case, transcript: Transcript) -> State:
    """Say the answer, and small talk behind it where nothing was found and that is wanted."""
    state = _say_found(tools, case, transcript)
    if state != "unknown" or not tools.talks_when_unknown:
        return state
    spoken = spoken_language(case.gathered.language, [])
    return smalltalk.say_talk(case.text, case.opening.history, spoken=spoken, transcript=transcript)


def _say_found(tools: Instruments, case: Case, transcript: Transcript) -> State:
    """Say what was found; returns how well it is founded."""
    hits = case.gathered.hits
    spoken = spoken_language(case.gathered.language, [hit.language for hit in hits])
    transcript.answerer = EXTRACTIVE
    if not hits:
        transcript.say(wording(spoken).unknown)
        return "unknown"
    model = _open_model(tools, transcript)
    if model is not None:
        transcript.answerer = model.name
        try:
            state = _answer_with_model(tools, case, transcript, model=model, spoken=spoken)
        except KontorError as error:
            if transcript.text or _is_refusal(error):
                raise
            transcript.answerer = _in_place_of(model.name, error)
        else:
            transcript.answerer = model.name  # another may have stood in for the first
            return state
    return _answer_with_quotes(tools, case, transcript, spoken=spoken)


def _answer_with_model(
    tools: Instruments,
    case: Case,
    transcript: Transcript,
    *,
    model: LanguageModel,
    spoken: Spoken,
) -> State:
    hits = case.gathered.hits
    with tools.database.transaction(case.principal.tenant_id) as session:
        neighbours = find_neighbours(session, hits)
    passages = pack(
        hits,
        neighbours,
        budget_tokens=tools.tuning.passage_tokens,
        count_tokens=tools.embedder.count_tokens,
    )
    transcript.read = frozenset(hit.document_id for hit in hits)
    return answer_with_model(
        case.text,
        passages,
        model=model,
        spoken=spoken,
        history=case.opening.history,
        meaning=case.gathered.query,
        instruments=tools,
        transcript=transcript,
    )


def _answer_with_quotes(
    tools: Instruments, case: Case, transcript: Transcript, *, spoken: Spoken
) -> State:
    """Quote what answers; a question of several parts is answered part by part."""
    gathered = case.gathered
    asked = list(zip(gathered.parts, gathered.by_part, strict=True))
    states: list[State] = []
    confidences: list[float | None] = []
    for part, hits in asked or [(gathered.query, gathered.hits)]:
        if states:
            transcript.say("\n")
        states.append(
            answer_with_quotes(
                part,
                hits,
                language=gathered.language,
                spoken=spoken,
                instruments=tools,
                transcript=transcript,
                further=() if asked else gathered.further,
                part=part if asked else "",
            )
        )
        confidences.append(transcript.confidence)
    known = [each for each in confidences if each is not None]
    # The whole is as sure as its weakest part.
    transcript.confidence = min(known) if known else None
    order: tuple[State, ...] = ("answer", "related", "unknown")
    return next((state for state in order if state in states), states[0])


def _open_model(tools: Instruments, transcript: Transcript) -> LanguageModel | None:
    try:
        return tools.open_language_model()
    except KontorError as error:
        transcript.answerer = _in_place_of("the language model", error)
        return None


def _is_refusal(error: KontorError) -> bool:
    """Tell whether a tenant wants to hear of a used-up budget instead of getting quotes."""
    return isinstance(error, BudgetSpentError) and error.budget.when_spent == "refuse"


def _in_place_of(name: str, error: KontorError) -> str:
    logger.warning("language model did not answer", extra={"model": name, "reason": error.detail})
    return f"{EXTRACTIVE} ({name} did not answer)"


def _give_title(tools: Instruments, case: Case, answer: Answer, *, emit: Emit) -> None:
    """Let a model name a conversation that has just begun; without one its question is the title.

    It comes after ``Done``: nobody waits for it.
    """
    if not case.is_first or not case.opening.question.is_kept:
        return
    title = title_by_model(tools, case.text)
    if not title:
        return
    with tools.database.transaction(case.principal.tenant_id) as session:
        is_changed = store.change_conversation(
            session,
            answer.conversation_id,
            user_id=case.principal.user_id,
            title=title,
            is_named=False,
        )
    if is_changed:
        emit(Titled(answer.conversation_id, title))


def forget_document(session: Session, document_id: DocumentId) -> None:
    """Take a document, which is being erased, out of every answer that rests on it.

    Answers and citations stay, so that conversations still read as such, but say only that what
    they rested on has been erased.
    """
    store.erase_document(session, document_id, title=ERASED_TITLE, content=ERASED_ANSWER)
