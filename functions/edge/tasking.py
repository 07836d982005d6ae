"""What every transport of agents shares: the desk they work at, and the task's body."""

from __future__ import annotations

from pydantic import Field

from functions.edge.asking import instruments_of
from functions.edge.bodies import Body
from shared.agents import service as agents
from shared.agents.desk import Desk
from shared.agents.model import LONGEST_TASK
from shared.answering.model import Emit
from shared.identity.model import Principal
from shared.wiring import App


class TaskBody(Body):
    """A task in one's own words, and whether the web may be used for it."""

    task: str = Field(max_length=LONGEST_TASK, examples=["Wie tief ist der Baikalsee?"])
    web: bool = Field(default=False, description="Let the run search the web and read pages.")


def desk_of(app: App, caller: Principal, *, emit: Emit = lambda _event: None) -> Desk:
    """Lay out what an agent works with in the caller's name."""
    tools = instruments_of(app, caller.tenant_id, caller.user_id)
    return Desk(
        instruments=tools,
        principal=caller,
        outgoing=app.outgoing,
        budget=agents.budget(app.settings),
        objects=app.objects,
        max_upload_bytes=app.settings.max_upload_bytes,
        upload_expiry_s=app.settings.upload_expiry_s,
        open_language_model=lambda: tools.open_language_model("agent"),
        emit=emit,
    )
