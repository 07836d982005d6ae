"""The nodes of the graph: each takes what the run remembers and says what it found, and where to
go on. They keep nothing themselves; after a crash a node is simply done again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from uuid import UUID

from shared.agents import actions, store
from shared.agents.calculation import calculate
from shared.agents.composing import EXTRACTIVE, compose, find_hits
from shared.agents.desk import Desk
from shared.agents.model import (
    LIBRARY,
    Action,
    ActionId,
    AnswerState,
    Finish,
    Memory,
    NodeName,
    Outcome,
    Reckoned,
    RunId,
)
from shared.agents.outgoing import sayable
from shared.agents.pages import read_page
from shared.agents.planning import by_model, by_rules, without_model
from shared.agents.wording import next_step, wording
from shared.answering import service as answering
from shared.answering.model import (
    Answer,
    AnswerEvent,
    Cited,
    Considered,
    Question,
    State,
    Token,
)
from shared.generation.language_models import LanguageModel
from shared.kernel.errors import ConflictError, InvalidError, KontorError, NotFoundError
from shared.kernel.safe_text import render

logger = logging.getLogger(__name__)

_PLANNED_HITS = 4
_STATES: Mapping[State, AnswerState] = {
    "answer": "answer",
    "related": "related",
    "unknown": "unknown",
    "stopped": "unknown",
    "smalltalk": "answer",
}
_PAGES_BY_RULES = 2
_SHORTEST_PAGE = 40
_MOST_COMPLAINTS = 2

Node = Callable[[Desk, RunId, Memory], Outcome]


def plan(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Choose the next step, with the language model where one plans."""
    model, memory = _planner(desk, memory)
    if model is None:
        choice = by_rules(memory)
        return _chosen(memory, choice.node, choice.arguments)
    hits = find_hits(desk, memory, k=_PLANNED_HITS)
    memory = replace(memory, is_private=memory.is_private or bool(hits))
    memory = memory.having_read(hit.document_id for hit in hits)
    try:
        choice, tokens = by_model(memory, model, hits)
    except KontorError as error:
        complained = replace(memory, complaints=(*memory.complaints, error.detail))
        is_lost = not isinstance(error, InvalidError)
        if is_lost or len(complained.complaints) >= _MOST_COMPLAINTS:
            complained = without_model(complained)
        return Outcome(memory=complained, title=error.detail, next_node="plan")
    memory = replace(memory, tokens=memory.tokens + tokens)
    return _chosen(memory, choice.node, choice.arguments)


def _planner(desk: Desk, memory: Memory) -> tuple[LanguageModel | None, Memory]:
    """Open the language model that plans; where there is none, or none now, the rules go on."""
    if memory.is_ruled:
        return None, memory
    try:
        model = desk.open_language_model()
    except KontorError as error:
        logger.warning("no language model plans", extra={"reason": error.detail})
        model = None
    return (model, memory) if model is not None else (None, without_model(memory))


def _chosen(memory: Memory, node: NodeName, arguments: Mapping[str, str]) -> Outcome:
    return Outcome(
        memory=memory.with_pending(**arguments),
        title=next_step(node, memory.language),
        next_node=node,
    )


def ask_library(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Let the library answer; only where it cannot, and the web may help, go on to the web."""
    heard: list[AnswerEvent] = []
    answer = answering.ask(
        desk.instruments, desk.principal, Question(text=memory.said_by_user), emit=heard.append
    )
    title = wording(memory.language).asked_library.format(answer.state)
    memory = replace(
        memory, is_private=True, library_queries=(*memory.library_queries, memory.task)
    ).having_read(
        source.document_id
        for event in heard
        if isinstance(event, Considered)
        for source in event.sources
    )
    is_lacking = answer.state in {"related", "unknown"}
    if is_lacking and memory.may_search_web and desk.outgoing.is_open:
        return Outcome(
            memory=memory.with_pending(query=memory.task), title=title, next_node="search_web"
        )
    for event in heard:
        if isinstance(event, Token | Cited):
            desk.tell(event)
    return Outcome(memory=memory, title=title, finish=_from_library(answer))


def _from_library(answer: Answer) -> Finish:
    cited = tuple({**_json(asdict(each)), "kind": LIBRARY} for each in answer.citations)
    return Finish(answer.text, _STATES[answer.state], answer.answerer, cited)


def _json(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: str(value) if name.endswith("id") else value for name, value in fields.items()}


def search_library(_desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Remember a question to the library; its answers are fetched where they are needed."""
    query = " ".join(memory.pending.get("query", "").split()) or memory.task
    known = memory.library_queries
    asked = known if query in known else (*known, query)
    title = wording(memory.language).searched_library.format(render(query))
    return Outcome(
        memory=replace(memory, library_queries=asked, pending={}, is_private=True),
        title=title,
        next_node="plan",
    )


def search_web(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Search the web with the words that may leave, then read, or plan again."""
    words = wording(memory.language)
    after: NodeName = "plan" if not memory.is_ruled else "read_page"
    try:
        asked = sayable(memory.pending.get("query", ""), memory)
        found = desk.outgoing.find(asked, memory)
    except KontorError as error:
        memory = replace(memory, complaints=(*memory.complaints, error.detail))
        node: NodeName = "compose" if memory.is_ruled else "plan"
        title = words.no_search.format(error.detail)
        return Outcome(memory=without_pending(memory), title=title, next_node=node)
    known = {each.url for each in memory.results}
    results = (*memory.results, *(each for each in found if each.url not in known))
    memory = replace(memory, results=results, web_queries=(*memory.web_queries, asked))
    title = words.searched_web.format(asked, len(found))
    return Outcome(memory=without_pending(memory), title=title, next_node=after)


def read_web_page(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Read the page that was chosen, or by rules the next result, until enough are read."""
    words = wording(memory.language)
    seen = {*(page.url for page in memory.pages), *memory.failed_urls}
    url = memory.pending.get("url") or next(
        (each.url for each in memory.results if each.url not in seen), ""
    )
    after: NodeName = "plan" if not memory.is_ruled else "read_page"
    is_enough = len(memory.pages) >= (_PAGES_BY_RULES if memory.is_ruled else desk.budget.pages)
    if not url or is_enough:
        node: NodeName = "compose"
        return Outcome(memory=without_pending(memory), title=next_step(node, memory.language),
                       next_node=node)  # fmt: skip
    memory = without_pending(memory)
    try:
        page = read_page(desk.outgoing.read(url, memory))
        if len(page.text) < _SHORTEST_PAGE:
            raise InvalidError("it holds no text")
    except KontorError as error:
        memory = replace(memory, failed_urls=(*memory.failed_urls, url))
        title = words.unread_page.format(render(url), error.detail)
        return Outcome(memory=memory, title=title, next_node=after)
    # Known by the address that was allowed, wherever it redirected to.
    memory = replace(memory, pages=(*memory.pages, replace(page, url=url)))
    return Outcome(memory=memory, title=words.read_page.format(render(url)), next_node=after)


def reckon(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Reckon; by rules this is the answer."""
    words = wording(memory.language)
    expression = memory.pending.get("expression", "")
    memory = without_pending(memory)
    try:
        found = calculate(expression, language=memory.language)
    except InvalidError as error:
        title = words.not_reckoned.format(error.detail)
        if memory.is_ruled:
            return Outcome(
                memory=memory, title=title, finish=said(desk, title, "unknown", EXTRACTIVE)
            )
        memory = replace(memory, complaints=(*memory.complaints, error.detail))
        return Outcome(memory=memory, title=title, next_node="plan")
    kept = Reckoned(found.expression, found.result)
    memory = replace(memory, reckoned=(*memory.reckoned, kept))
    title = words.reckoned.format(kept.expression, kept.result)
    if not memory.is_ruled:
        return Outcome(memory=memory, title=title, next_node="plan")
    text = f"{kept.expression} = {kept.result}"
    return Outcome(memory=memory, title=title, finish=said(desk, text, "answer", "calculation"))


def ask_back(_desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Ask the user what only they can tell."""
    words = wording(memory.language)
    question = render(memory.pending.get("question", "")).strip() or words.not_said
    return Outcome(memory=without_pending(memory), title=words.asked_back, question=question)


def propose(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Put a change into a proposal, ask which document is meant, or say why it cannot be."""
    words = wording(memory.language)
    arguments = memory.pending
    memory = without_pending(memory)
    try:
        proposal = actions.propose(desk, arguments.get("tool", ""), arguments, memory)
    except actions.AmbiguousError as error:
        memory = memory.having_read(error.documents)
        return Outcome(memory=memory, title=words.asked_back, question=error.detail)
    except KontorError as error:
        finish = said(desk, error.detail, "unknown", EXTRACTIVE)
        return Outcome(memory=memory, title=error.detail, finish=finish)
    return Outcome(memory=memory, title=words.proposed, proposal=proposal)


def act(desk: Desk, run_id: RunId, memory: Memory) -> Outcome:
    """Carry out what was confirmed, if that has not happened already."""
    action_id = ActionId(_uuid(memory.pending.get("action_id", "")))
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        action = store.find_action(session, run_id, action_id)
    if action is None:
        raise NotFoundError("There is no such action.")
    if action.state == "confirmed":
        try:
            actions.carry_out(desk, action, memory)
        except KontorError as error:
            if error.is_retryable:
                raise
            return _given_up(desk, action, memory, error)
    elif action.state != "done":
        raise ConflictError("This action was not confirmed.")
    text = actions.say(action, memory)
    return Outcome(memory=memory, title=action.title, finish=said(desk, text, "answer", "action"))


def _given_up(desk: Desk, action: Action, memory: Memory, error: KontorError) -> Outcome:
    """Say why a confirmed change could not be made; it will not be tried again."""
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        store.change_action(
            session,
            action.id,
            "failed",
            before="confirmed",
            decided_by=desk.principal.user_id,
            result={"reason": error.detail},
        )
    finish = said(desk, error.detail, "unknown", "action")
    return Outcome(memory=memory, title=action.title, finish=finish)


def write_answer(desk: Desk, _run: RunId, memory: Memory) -> Outcome:
    """Write the answer; where only the library was asked, the library answers as always."""
    if not memory.pages and not memory.reckoned and not memory.is_ruled:
        may_help = replace(memory, may_search_web=False)
        return ask_library(desk, _run, may_help)
    finish, tokens = _composed(desk, memory)
    title = wording(memory.language).composed.format(len(finish.citations))
    memory = replace(memory, tokens=memory.tokens + tokens)
    return Outcome(memory=memory, title=title, finish=finish)


def _composed(desk: Desk, memory: Memory) -> tuple[Finish, int]:
    """Let a language model write; what it cannot, the extractive answerer does."""
    try:
        return compose(desk, memory, desk.open_language_model())
    except KontorError as error:
        logger.warning("no language model writes", extra={"reason": error.detail})
        return compose(desk, memory, None)


def said(desk: Desk, text: str, state: AnswerState, answerer: str) -> Finish:
    """Tell a whole answer at once, and finish with it."""
    desk.tell(Token(text))
    return Finish(text, state, answerer)


def without_pending(memory: Memory) -> Memory:
    """Return a memory without arguments for a next node."""
    return memory.with_pending()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError("There is no such action.") from error


GRAPH: Mapping[NodeName, Node] = {
    "plan": plan,
    "ask_library": ask_library,
    "search_library": search_library,
    "search_web": search_web,
    "read_page": read_web_page,
    "calculate": reckon,
    "ask_back": ask_back,
    "propose": propose,
    "act": act,
    "compose": write_answer,
}
