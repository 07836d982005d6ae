"""Bodies of runs as they go over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.edge.bodies import Body
from shared.agents.model import LONGEST_TASK, Report


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class StepBody(_FromRow):
    """One step a run took, in a sentence."""

    number: int
    node: str
    title: str
    took_ms: int
    created_at: datetime


class ActionBody(_FromRow):
    """A change the run proposes; it happens only once it is confirmed."""

    id: UUID
    tool: str
    arguments: dict[str, object]
    title: str
    state: str
    result: dict[str, object]
    created_at: datetime


class RunSummary(_FromRow):
    """A run: ``running`` (call continue), ``waiting`` for a yes, ``asking``, or ended.

    Of ``citations``, those with the ``kind`` ``document`` are as an answer's, those with ``web``
    carry ``url``, ``title`` and ``quote``. ``detail`` is what it asks, proposes, or why it failed.
    """

    id: UUID
    task: str
    state: str
    answer: str
    answer_state: str
    answerer: str
    citations: list[dict[str, object]]
    detail: str
    created_at: datetime
    updated_at: datetime


class RunBody(RunSummary):
    """A run with its steps and the changes it proposes."""

    steps: list[StepBody]
    actions: list[ActionBody]

    @staticmethod
    def of(report: Report) -> RunBody:
        """Return a report as a body."""
        return RunBody(
            **RunSummary.model_validate(report.run).model_dump(),
            steps=[StepBody.model_validate(step) for step in report.steps],
            actions=[ActionBody.model_validate(action) for action in report.actions],
        )


class RunPage(BaseModel):
    """Runs and the cursor for more."""

    items: list[RunSummary]
    next_cursor: str | None


class DecisionBody(Body):
    """Yes or no to one proposed change."""

    action_id: UUID
    answer: Literal["yes", "no"]


class ReplyBody(Body):
    """What the user says to what the run asked."""

    text: str = Field(max_length=LONGEST_TASK)
