"""Routes of agent runs. A call works for some seconds; a run that goes on is continued."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.agent.schemas import DecisionBody, ReplyBody, RunBody, RunPage, RunSummary
from functions.edge.http import Caller
from functions.edge.tasking import TaskBody, desk_of
from shared.agents import service as agents
from shared.agents.model import ActionId, RunId
from shared.identity.model import Principal
from shared.wiring import app as wired

router = APIRouter(tags=["agents"])
WORKING_S = 15.0
"""A call begins no further step after this; the gateway waits 29 s for an answer."""


@router.post("/api/v1/agents/runs", status_code=201)
def begin(caller: Caller, body: TaskBody) -> RunBody:
    """Begin a run and work on it for some seconds."""
    caller.require("chat")
    desk = desk_of(wired(), caller)
    run_id = agents.begin(desk, body.task, may_search_web=body.web)
    return RunBody.of(agents.advance(desk, run_id, seconds=WORKING_S))


@router.get("/api/v1/agents/runs")
def list_runs(
    caller: Caller,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RunPage:
    """List the caller's runs, newest first."""
    caller.require("chat")
    with wired().database.transaction(caller.tenant_id) as session:
        page = agents.list_runs(session, caller, cursor=cursor, limit=limit)
    items = [RunSummary.model_validate(run) for run in page.items]
    return RunPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/agents/runs/{run_id}")
def show_run(caller: Caller, run_id: UUID) -> RunBody:
    """Show a run with its steps and the changes it proposes."""
    caller.require("chat")
    return RunBody.of(agents.report(desk_of(wired(), caller), RunId(run_id)))


@router.post("/api/v1/agents/runs/{run_id}/continue")
def go_on(caller: Caller, run_id: UUID) -> RunBody:
    """Work on a run for some more seconds; does nothing where it waits or has ended."""
    return _worked_on(caller, RunId(run_id))


@router.post("/api/v1/agents/runs/{run_id}/confirm")
def confirm(caller: Caller, run_id: UUID, body: DecisionBody) -> RunBody:
    """Say yes or no to a proposed change; a yes carries it out with the caller's rights."""
    caller.require("chat")
    desk = desk_of(wired(), caller)
    agents.confirm(desk, RunId(run_id), ActionId(body.action_id), answer=body.answer)
    return _worked_on(caller, RunId(run_id))


@router.post("/api/v1/agents/runs/{run_id}/reply")
def reply(caller: Caller, run_id: UUID, body: ReplyBody) -> RunBody:
    """Answer what the run asked, and work on it."""
    caller.require("chat")
    agents.reply(desk_of(wired(), caller), RunId(run_id), body.text)
    return _worked_on(caller, RunId(run_id))


@router.post("/api/v1/agents/runs/{run_id}/cancel")
def cancel(caller: Caller, run_id: UUID) -> RunBody:
    """Stop a run; what it has done stays."""
    caller.require("chat")
    desk = desk_of(wired(), caller)
    agents.cancel(desk, RunId(run_id))
    return RunBody.of(agents.report(desk, RunId(run_id)))


def _worked_on(caller: Principal, run_id: RunId) -> RunBody:
    caller.require("chat")
    return RunBody.of(agents.advance(desk_of(wired(), caller), run_id, seconds=WORKING_S))
