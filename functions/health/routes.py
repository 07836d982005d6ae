"""Routes of health; only the detailed view needs a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from functions.edge.http import Caller
from shared.identity.model import Principal
from shared.kernel.errors import KontorError
from shared.kernel.version import VERSION
from shared.recovery import service as recovery
from shared.wiring import App
from shared.wiring import app as wired

router = APIRouter()

ComponentStatus = Literal["ok", "unknown", "down"]
OverallStatus = Literal["ok", "degraded", "down"]
Finding = tuple[ComponentStatus, str]


class AliveAnswer(BaseModel):
    """The function answers."""

    status: Literal["ok"] = "ok"


class ComponentAnswer(BaseModel):
    """One part: whether it answered, in how many milliseconds, and what it said.

    Unknown when this function cannot see the part, which does not count against the whole.
    """

    status: ComponentStatus
    duration_ms: float
    detail: str = ""


class HealthAnswer(BaseModel):
    """Down when an essential part is down, degraded when another is."""

    status: OverallStatus
    components: dict[str, ComponentAnswer]
    recovery: RecoveryAnswer | None = None


class RecoveryAnswer(BaseModel):
    """The tenant's work that waits, runs or was given up on, and what the last sweep mended."""

    waiting_workflows: int
    running_workflows: int
    open_dead_letters: int
    last_sweep_at: datetime | None
    last_sweep: dict[str, int]


class EndpointsAnswer(BaseModel):
    """Where clients find what is not on this address; empty where it is not deployed."""

    websocket_url: str
    stream_url: str
    openai_url: str
    version: str


@router.get("/health")
def health() -> AliveAnswer:
    """Tell that the function answers, without touching anything else."""
    return AliveAnswer()


@router.get("/health/detailed")
def detailed(caller: Caller) -> HealthAnswer:
    """Reach for every part and tell what it said and how long it took."""
    caller.require("system:read")
    app = wired()
    components = {name: _probe(app, reach) for name, reach in _PROBES.items()}
    return HealthAnswer(
        status=_overall(components), components=components, recovery=_recovery(app, caller)
    )


@router.get("/api/v1/endpoints")
def endpoints() -> EndpointsAnswer:
    """Tell a client the other addresses of this deployment."""
    settings = wired().settings
    return EndpointsAnswer(
        websocket_url=settings.websocket_url,
        stream_url=settings.chat_stream_url,
        openai_url=settings.openai_url,
        version=VERSION,
    )


def _database(app: App) -> Finding:
    app.database.check()
    return "ok", ""


def _objects(app: App) -> Finding:
    app.objects.check()
    return "ok", ""


def _intake_queue(app: App) -> Finding:
    if not app.settings.intake_queue_url:
        return "unknown", "INTAKE_QUEUE_URL is not set."
    return "ok", f"{app.intake_queue.depth()} messages wait."


def _embedding_model(app: App) -> Finding:
    """Look at the model's files where this function has them; deployed, only workers carry them."""
    from shared.inference.registry import check_model

    name, folder = app.settings.embedding_model, app.settings.model_dir
    if not folder or not Path(folder).is_dir():
        return "unknown", f"{name} is not carried by this function."
    model = check_model(folder, name)
    return "ok", f"{model.name} {model.revision}"


_PROBES: dict[str, Callable[[App], Finding]] = {
    "database": _database,
    "objects": _objects,
    "intake_queue": _intake_queue,
    "embedding_model": _embedding_model,
}
_ESSENTIAL = frozenset({"database", "objects"})


def _recovery(app: App, caller: Principal) -> RecoveryAnswer | None:
    """Count the caller's tenant's work; ``None`` while the database is away."""
    try:
        with app.database.transaction(caller.tenant_id) as session:
            state = recovery.describe(session)
    except KontorError:
        return None  # the database's own probe says why
    return RecoveryAnswer(
        waiting_workflows=state.waiting,
        running_workflows=state.running,
        open_dead_letters=state.dead,
        last_sweep_at=state.swept_at,
        last_sweep=state.found or {},
    )


def _probe(app: App, reach: Callable[[App], Finding]) -> ComponentAnswer:
    started = time.perf_counter()
    try:
        status, detail = reach(app)
    except KontorError as error:
        status, detail = "down", error.detail
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    return ComponentAnswer(status=status, duration_ms=milliseconds, detail=detail)


def _overall(components: dict[str, ComponentAnswer]) -> OverallStatus:
    down = {name for name, component in components.items() if component.status == "down"}
    if down & _ESSENTIAL:
        return "down"
    return "degraded" if down else "ok"
