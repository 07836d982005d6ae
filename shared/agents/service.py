"""Use cases of agents: begin a run, go on with it, answer what it asks, stop it, look at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid5

from shared.adapters.database import Session
from shared.agents import store
from shared.agents.composing import compose
from shared.agents.desk import Desk
from shared.agents.model import (
    LONGEST_TASK,
    Action,
    ActionId,
    Budget,
    Finish,
    Memory,
    NodeName,
    Outcome,
    Report,
    Run,
    RunBegan,
    RunId,
    RunPaused,
    RunState,
    StepTaken,
    memory_from_json,
)
from shared.agents.nodes import GRAPH, said
from shared.agents.store import After
from shared.agents.wording import wording
from shared.answering.model import ListenerGoneError
from shared.answering.wording import spoken_language
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.inference.language import detect_language
from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    KontorError,
    NotFoundError,
    RefusedError,
)
from shared.kernel.ids import DocumentId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.kernel.settings import Settings

TAKEN_S = 90.0
"""How long a worker that was not heard of keeps a run: longer than any one step takes."""

_NOTHING = Finish("", "", "")
_OPEN: list[RunState] = ["running", "waiting", "asking"]
ERASED_TITLE = "Erased document"
ERASED_ANSWER = "A document this run was about has been erased, and its answer with it."


def budget(config: Settings) -> Budget:
    """Return what one run may take, as the settings say."""
    return Budget(
        steps=config.agent_max_steps,
        tokens=config.agent_max_tokens,
        seconds=config.agent_max_seconds,
        pages=config.agent_max_pages,
    )


def begin(desk: Desk, task: str, *, may_search_web: bool = False) -> RunId:
    """Write a run that begins; it uses the web only where its user lets it.

    Raises RefusedError, and InvalidError for a task that cannot be taken or a web that is off.
    """
    desk.principal.require("chat")
    text = task.strip()
    if not text or len(text) > LONGEST_TASK:
        raise InvalidError(
            f"A task has 1 to {LONGEST_TASK} characters.", fields={"task": "say what to do"}
        )
    if may_search_web and not desk.outgoing.is_open:
        raise InvalidError(
            "The web is off here.",
            hint="Ask your administrator to set WEB_SEARCH_PROVIDER.",
            fields={"web": "not available"},
        )
    run_id = RunId(new_id())
    memory = Memory(
        task=text,
        language=spoken_language(detect_language(text), []),
        may_search_web=may_search_web,
        is_ruled=False,
    )
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        store.record_run(
            session, run_id, user_id=desk.principal.user_id, memory=memory, next_node="plan"
        )
        audit.record(
            session,
            actor_id=desk.principal.user_id,
            action="agent.run_begun",
            subject=f"agent_run:{run_id}",
            details={"web": may_search_web},
        )
    return run_id


def advance(desk: Desk, run_id: RunId, *, seconds: float) -> Report:
    """Go on with a run until it ends, waits, or ``seconds`` are over; every step is kept.

    Does nothing when it does not run or somebody else is at it. A listener who leaves changes
    nothing: the run goes on, and can be looked at. Raises NotFoundError.
    """
    _find(desk, run_id)
    database, tenant_id = desk.instruments.database, desk.principal.tenant_id
    with database.transaction(tenant_id) as session:
        is_ours = store.take_run(session, run_id, seconds=TAKEN_S)
    if is_ours:
        quiet = replace(desk, emit=_patient(desk))
        quiet.tell(RunBegan(run_id))
        try:
            _work(quiet, run_id, until=time.monotonic() + seconds)
        finally:
            with database.transaction(tenant_id) as session:
                store.release_run(session, run_id)
        run = _find(desk, run_id)
        quiet.tell(RunPaused(run_id, run.state, run.detail))
    return report(desk, run_id)


def _patient(desk: Desk) -> Callable[..., None]:
    gone = False

    def emit(event: object) -> None:
        nonlocal gone
        if gone:
            return
        try:
            desk.emit(event)  # type: ignore[arg-type]
        except ListenerGoneError:
            gone = True

    return emit


def _work(desk: Desk, run_id: RunId, *, until: float) -> None:
    while time.monotonic() < until:
        run = _find(desk, run_id)
        if run.state != "running":
            return
        if run.is_withdrawn:
            _fail(desk, run_id, RefusedError(store.WITHDRAWN))
            return
        memory = memory_from_json(run.memory)
        began = time.monotonic()
        used_up = _used_up(desk.budget, run, memory)
        if used_up:
            outcome = _best_so_far(desk, memory, used_up)
        else:
            try:
                outcome = GRAPH[run.next_node](desk, run_id, memory)
            except KontorError as error:
                if error.is_retryable:
                    raise
                _fail(desk, run_id, error)
                return
        took_s = time.monotonic() - began
        if not _keep(desk, run, outcome, took_s=took_s):
            return


def _used_up(allowed: Budget, run: Run, memory: Memory) -> str:
    """Name the part of the budget that is used up; what was confirmed is still carried out."""
    if run.next_node == "act":
        return ""
    spent = {
        f"{allowed.steps} steps": run.steps >= allowed.steps,
        f"{allowed.tokens:,} tokens": memory.tokens >= allowed.tokens,
        f"{allowed.seconds:.0f} s": memory.seconds >= allowed.seconds,
    }
    return next((part for part, is_spent in spent.items() if is_spent), "")


def _best_so_far(desk: Desk, memory: Memory, used_up: str) -> Outcome:
    """Answer from what was read until the budget was spent, without spending more."""
    words = wording(memory.language).used_up.format(used_up)
    if not memory.pages:
        return Outcome(memory=memory, title=words, finish=said(desk, words, "unknown", ""))
    finish, _ = compose(desk, memory, None)
    return Outcome(memory=memory, title=words, finish=finish)


def _fail(desk: Desk, run_id: RunId, error: KontorError) -> None:
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        store.change_state(session, run_id, "failed", allowed=["running"], detail=error.detail)


def _keep(desk: Desk, run: Run, outcome: Outcome, *, took_s: float) -> bool:
    """Write what a step found in one transaction; False when the run was stopped meanwhile."""
    number = run.steps + 1
    memory = replace(outcome.memory, seconds=outcome.memory.seconds + took_s)
    state, detail = _state(outcome)
    next_node: NodeName = outcome.next_node or run.next_node
    after = After(
        state=state,
        next_node="plan" if state == "asking" else next_node,
        number=number,
        memory=None if state == "done" else memory,
        finish=outcome.finish or _NOTHING,
        detail=detail,
        seconds=TAKEN_S,
    )
    took_ms = round(took_s * 1000)
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        if not store.change_run(session, run.id, after):
            return False
        store.record_step(
            session,
            run.id,
            number=number,
            node=run.next_node,
            title=outcome.title,
            took_ms=took_ms,
        )
        store.record_sources(session, run.id, _rests_on(outcome))
        if outcome.proposal is not None:
            action_id = ActionId(uuid5(run.id, str(number)))
            store.record_action(session, run.id, action_id, outcome.proposal)
    desk.tell(StepTaken(number, run.next_node, outcome.title, took_ms))
    return state == "running"


def _rests_on(outcome: Outcome) -> set[str]:
    """Name the documents whose words may be in what a step leaves behind."""
    found = set(outcome.memory.documents)
    if outcome.finish is not None:
        found.update(map(str, outcome.finish.documents))
        found.update(str(each["document_id"]) for each in outcome.finish.citations
                     if "document_id" in each)  # fmt: skip
    if outcome.proposal is not None and "document_id" in outcome.proposal.arguments:
        found.add(str(outcome.proposal.arguments["document_id"]))
    return found


def _state(outcome: Outcome) -> tuple[RunState, str]:
    if outcome.finish is not None:
        return "done", ""
    if outcome.proposal is not None:
        return "waiting", outcome.proposal.title
    if outcome.question:
        return "asking", outcome.question
    return "running", ""


def confirm(desk: Desk, run_id: RunId, action_id: ActionId, *, answer: str) -> None:
    """Say ``yes`` or ``no`` to a proposed change; only the run's own user can.

    Raises NotFoundError, ConflictError when it was decided before, RefusedError when the user may
    not change documents.
    """
    if answer not in {"yes", "no"}:
        raise InvalidError("Answer yes or no.", fields={"answer": "yes or no"})
    if answer == "yes":
        desk.principal.require("documents:write")
    run = _open(desk, run_id)
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        action = _proposed(session, run, action_id)
        store.change_action(
            session,
            action_id,
            "confirmed" if answer == "yes" else "declined",
            before="proposed",
            decided_by=desk.principal.user_id,
        )
        audit.record(
            session,
            actor_id=desk.principal.user_id,
            action="agent.action_decided",
            subject=f"agent_run:{run_id}",
            details={"action_id": str(action_id), "tool": action.tool, "answer": answer},
        )
        memory = memory_from_json(run.memory)
        if answer == "yes":
            pending = memory.with_pending(action_id=str(action_id))
            store.go_on(session, run_id, memory=pending, next_node="act", allowed="waiting")
        else:
            said = wording(memory.language).declined
            store.decline(session, run_id, answer=said)


def _proposed(session: Session, run: Run, action_id: ActionId) -> Action:
    action = store.find_action(session, run.id, action_id)
    if action is None:
        raise NotFoundError("There is no such action.")
    if action.state != "proposed" or run.state != "waiting":
        raise ConflictError("This was decided before.", hint="Look at the run.")
    return action


def reply(desk: Desk, run_id: RunId, text: str) -> None:
    """Answer what a run asked; raises NotFoundError, ConflictError when it asks nothing."""
    words = text.strip()
    if not words or len(words) > LONGEST_TASK:
        raise InvalidError(
            f"A reply has 1 to {LONGEST_TASK} characters.", fields={"text": "say something"}
        )
    run = _open(desk, run_id)
    memory = memory_from_json(run.memory) if run.state == "asking" else None
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        if memory is None or not store.go_on(
            session,
            run_id,
            memory=replace(memory, replies=(*memory.replies, words)),
            next_node="plan",
            allowed="asking",
        ):
            raise ConflictError("This run asks nothing.", hint="Look at the run.")


def cancel(desk: Desk, run_id: RunId) -> None:
    """Stop a run; a step that is under way is not kept. Stopping twice is the same as once."""
    run = _find(desk, run_id)
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        is_changed = store.change_state(session, run_id, "cancelled", allowed=_OPEN)
        if not is_changed and run.state in {"done", "failed"}:
            raise ConflictError("This run has ended.")


def report(desk: Desk, run_id: RunId) -> Report:
    """Return the caller's run with its steps and actions; raises NotFoundError."""
    run = _find(desk, run_id)
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        steps = store.list_steps(session, run_id)
        actions = store.list_actions(session, run_id)
    return Report(run, steps, actions)


def list_runs(
    session: Session, principal: Principal, *, cursor: str | None, limit: int
) -> Page[Run]:
    """List the caller's runs, newest first."""
    limit = clamp_limit(limit)
    try:
        before = None if cursor is None else UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
    rows = store.list_runs(session, user_id=principal.user_id, before=before, limit=limit + 1)
    more = rows[limit - 1 : limit] if len(rows) > limit else []
    return Page(rows[:limit], encode_cursor(str(more[0].id)) if more else None)


def _find(desk: Desk, run_id: RunId) -> Run:
    desk.principal.require("chat")
    with desk.instruments.database.transaction(desk.principal.tenant_id) as session:
        run = store.find_run(session, run_id, user_id=desk.principal.user_id)
    if run is None:
        raise NotFoundError("There is no such run.")
    return run


def _open(desk: Desk, run_id: RunId) -> Run:
    """Find a run that may go on: nothing it rests on has been taken away from its user."""
    run = _find(desk, run_id)
    if run.is_withdrawn:
        raise ConflictError(store.WITHDRAWN, hint="Begin a new run.")
    return run


def forget_document(session: Session, document_id: DocumentId) -> None:
    """Take a document, which is being erased, out of every run that was about it."""
    store.erase_document(session, document_id, title=ERASED_TITLE, answer=ERASED_ANSWER)
