"""Routes of reading settings and of reprocessing."""

from __future__ import annotations

import time
from uuid import UUID

from fastapi import APIRouter

from functions.edge.http import Insider
from functions.reprocess.schemas import (
    Dropped,
    OrderBody,
    ReprocessingBody,
    ReprocessingPage,
    SettingsBody,
    SwitchBody,
)
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.inference.model import EmbeddingModel
from shared.ingestion.preferences import change_settings, find_settings
from shared.reprocessing import service, switching
from shared.search.shadow import check_width
from shared.wiring import App
from shared.wiring import app as wired

router = APIRouter(tags=["reading"])
WORKING_S = 20.0
"""A call that does document after document stops here; the caller, or the sweep, goes on."""


@router.get("/api/v1/settings/reading")
def show_settings(caller: Insider) -> SettingsBody:
    """Show how the tenant's documents are read."""
    caller.require("documents:read")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        found = find_settings(session, default_tokens=app.settings.chunk_tokens)
    return SettingsBody.model_validate(found)


@router.put("/api/v1/settings/reading")
def put_settings(caller: Insider, body: SettingsBody) -> SettingsBody:
    """Change how documents are read from now on; those there are can be done anew."""
    caller.require("reading:manage")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        model = app.model_named(app.chunk_index.active_model(session))
        change_settings(
            session,
            body.settings(),
            most_tokens=model.content_tokens,
            changed_by=caller.user_id,
        )
        _record(session, caller, "reading.settings_changed", "settings:reading", body.model_dump())
    return show_settings(caller)


@router.get("/api/v1/reprocessings")
def list_reprocessings(caller: Insider) -> ReprocessingPage:
    """List the last reprocessings, newest first."""
    caller.require("reading:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        found = service.list_all(session)
    return ReprocessingPage(items=[ReprocessingBody.of(each) for each in found])


@router.post("/api/v1/reprocessings", status_code=201)
def start_reprocessing(caller: Insider, body: OrderBody) -> ReprocessingBody:
    """Begin to read, cut or embed documents anew; searches notice nothing until the switch."""
    caller.require("reading:manage")
    app = wired()
    order = body.order()
    model = _model(app, order.model) if order.model else None
    with app.database.transaction(caller.tenant_id) as session:
        made = service.start(session, order, started_by=caller.user_id, model=model)
        subject = f"reprocessing:{made.reprocessing.id}"
        _record(session, caller, "reprocessing.started", subject, body.model_dump(mode="json"))
    app.relay(caller.tenant_id)
    return ReprocessingBody.of(made)


@router.get("/api/v1/reprocessings/{reprocessing_id}")
def show_reprocessing(caller: Insider, reprocessing_id: UUID) -> ReprocessingBody:
    """Show how far a reprocessing is."""
    caller.require("reading:manage")
    return _show(caller, reprocessing_id)


@router.post("/api/v1/reprocessings/{reprocessing_id}/gate")
def ask_gate(caller: Insider, reprocessing_id: UUID) -> ReprocessingBody:
    """Measure whether the switch would lose anything."""
    caller.require("reading:manage")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        before = app.embedder_in(session)
        switching.check_gate(
            session, reprocessing_id, before=before, open_embedder=app.embedder_named
        )
    return _show(caller, reprocessing_id)


@router.post("/api/v1/reprocessings/{reprocessing_id}/switch")
def switch(caller: Insider, reprocessing_id: UUID, body: SwitchBody) -> ReprocessingBody:
    """Let what was done anew be searched. Documents that came meanwhile are done first.

    Repeat it while the state is ``switching``; the sweep goes on as well.
    """
    caller.require("reading:manage")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        state = service.show(session, reprocessing_id).reprocessing.state
        if state == "ready" and not switching.plan_late_comers(session, reprocessing_id):
            switching.begin_switch(session, reprocessing_id, is_forced=body.force)
            subject = f"reprocessing:{reprocessing_id}"
            _record(session, caller, "reprocessing.switched", subject, body.model_dump())
        elif state not in {"ready", "switching"}:
            switching.begin_switch(session, reprocessing_id, is_forced=body.force)
    app.relay(caller.tenant_id)
    return _carried_on(caller, reprocessing_id)


@router.post("/api/v1/reprocessings/{reprocessing_id}/revert")
def revert(caller: Insider, reprocessing_id: UUID) -> ReprocessingBody:
    """Go back to the former readings. Repeat it while the state is ``reverting``."""
    caller.require("reading:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        if service.show(session, reprocessing_id).reprocessing.state != "reverting":
            switching.begin_revert(session, reprocessing_id)
            subject = f"reprocessing:{reprocessing_id}"
            _record(session, caller, "reprocessing.reverted", subject, {})
    return _carried_on(caller, reprocessing_id)


@router.post("/api/v1/reprocessings/{reprocessing_id}/abandon")
def abandon(caller: Insider, reprocessing_id: UUID) -> ReprocessingBody:
    """Give a reprocessing up before its switch."""
    caller.require("reading:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        switching.begin_abandoning(session, reprocessing_id)
        subject = f"reprocessing:{reprocessing_id}"
        _record(session, caller, "reprocessing.abandoned", subject, {})
    return _show(caller, reprocessing_id)


@router.post("/api/v1/reprocessings/{reprocessing_id}/drop")
def drop(caller: Insider, reprocessing_id: UUID) -> Dropped:
    """Forget the readings or vectors that are not searched: there is no way back after it."""
    caller.require("reading:manage")
    app = wired()
    until = time.monotonic() + WORKING_S
    left = switching.drop(app.database, app.objects, caller.tenant_id, reprocessing_id, until=until)
    with app.database.transaction(caller.tenant_id) as session:
        subject = f"reprocessing:{reprocessing_id}"
        _record(session, caller, "reprocessing.dropped", subject, {"left": left})
    return Dropped(left=left)


def _model(app: App, name: str) -> EmbeddingModel:
    """Open the model now: its weights name their revision, and absent ones are found out here."""
    check_width(app.model_named(name))
    return app.embedder_named(name).model


def _carried_on(caller: Principal, reprocessing_id: UUID) -> ReprocessingBody:
    until = time.monotonic() + WORKING_S
    switching.carry_on(wired().database, caller.tenant_id, reprocessing_id, until=until)
    return _show(caller, reprocessing_id)


def _show(caller: Principal, reprocessing_id: UUID) -> ReprocessingBody:
    with wired().database.transaction(caller.tenant_id) as session:
        return ReprocessingBody.of(service.show(session, reprocessing_id))


def _record(
    session: Session, caller: Principal, action: str, subject: str, details: dict[str, object]
) -> None:
    audit.record(session, actor_id=caller.user_id, action=action, subject=subject, details=details)
