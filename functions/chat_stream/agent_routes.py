"""The route of the streamed agent run: its steps and words as server-sent events."""

from __future__ import annotations

from fastapi import APIRouter

from functions.chat_stream.events import EventStream
from functions.edge.bearer import Bearer
from functions.edge.tasking import TaskBody, desk_of
from shared.agents import service as agents
from shared.answering.model import Emit
from shared.wiring import app as wired

router = APIRouter(tags=["agents"])
WORKING_S = 90.0


@router.post("/agents/runs")
def run(caller: Bearer, body: TaskBody) -> EventStream:
    """Work on a task: run, step, token, citation, web_citation, run_state or error."""
    caller.require("chat")
    run_id = agents.begin(desk_of(wired(), caller), body.task, may_search_web=body.web)

    def tell(emit: Emit) -> None:
        agents.advance(desk_of(wired(), caller, emit=emit), run_id, seconds=WORKING_S)

    return EventStream(tell)
