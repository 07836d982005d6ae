"""Routes of webhooks: endpoints, what was delivered to them, and sources."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from functions.edge.http import Caller
from functions.webhooks.schemas import (
    DeliveryAnswer,
    DeliveryPage,
    EndpointAnswer,
    EndpointChange,
    EndpointMade,
    EndpointRequest,
    EndpointsAnswer,
    EventAnswer,
    EventsAnswer,
    ReplayAnswer,
    ReplayRequest,
    SourceAnswer,
    SourceMade,
    SourceRequest,
    SourcesAnswer,
)
from shared.audit import service as audit
from shared.documents import folders
from shared.kernel.errors import InvalidError
from shared.kernel.paging import MAX_PAGE
from shared.webhooks import sending
from shared.webhooks import service as webhooks
from shared.webhooks.model import EVENTS, Endpoint, Source
from shared.wiring import app as wired

router = APIRouter(tags=["webhooks"])
NEEDED = "webhooks:manage"
ONE = "/api/v1/webhooks/{endpoint_id}"


@router.get("/api/v1/webhooks/events")
def list_events(caller: Caller) -> EventsAnswer:
    """List the events that can be asked for."""
    caller.require(NEEDED)
    return EventsAnswer(
        items=[EventAnswer(name=name, description=words) for name, words in EVENTS.items()]
    )


@router.get("/api/v1/webhooks")
def list_endpoints(caller: Caller) -> EndpointsAnswer:
    """List whom the tenant tells what."""
    caller.require(NEEDED)
    with wired().database.transaction(caller.tenant_id) as session:
        found = webhooks.list_endpoints(session)
    return EndpointsAnswer(items=[EndpointAnswer.model_validate(each) for each in found])


@router.post("/api/v1/webhooks", status_code=201)
def add_endpoint(caller: Caller, request: EndpointRequest) -> EndpointMade:
    """Tell somebody what happens; the secret that messages are signed with is shown only now."""
    caller.require(NEEDED)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        made, secret = webhooks.add_endpoint(
            session,
            app.webhook_wires,
            url=request.url,
            events=request.events,
            description=request.description,
            created_by=caller.user_id,
        )
    return _made(made, secret)


@router.get(ONE)
def show_endpoint(caller: Caller, endpoint_id: UUID) -> EndpointAnswer:
    """Show one endpoint."""
    caller.require(NEEDED)
    with wired().database.transaction(caller.tenant_id) as session:
        return EndpointAnswer.model_validate(webhooks.find_endpoint(session, endpoint_id))


@router.patch(ONE)
def change_endpoint(caller: Caller, endpoint_id: UUID, request: EndpointChange) -> EndpointAnswer:
    """Change an endpoint; state active sets a disabled one going again."""
    caller.require(NEEDED)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        changed = webhooks.change_endpoint(
            session,
            app.webhook_wires,
            endpoint_id,
            url=request.url,
            events=request.events,
            description=request.description,
            state=request.state,
        )
    return EndpointAnswer.model_validate(changed)


@router.delete(ONE, status_code=204)
def remove_endpoint(caller: Caller, endpoint_id: UUID) -> None:
    """Tell an endpoint nothing any more; its deliveries go with it."""
    caller.require(NEEDED)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        webhooks.remove_endpoint(session, app.webhook_wires, endpoint_id)


@router.post(f"{ONE}/secret", status_code=201)
def rotate_secret(caller: Caller, endpoint_id: UUID) -> EndpointMade:
    """Give an endpoint a new secret, shown only now; the former signs beside it for a day."""
    caller.require(NEEDED)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        changed, secret = webhooks.rotate_secret(session, app.webhook_wires, endpoint_id)
    return _made(changed, secret)


@router.post(f"{ONE}/test", status_code=202)
def test_endpoint(caller: Caller, endpoint_id: UUID) -> ReplayAnswer:
    """Send the event webhook.tested to an endpoint."""
    caller.require(NEEDED)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        webhooks.find_endpoint(session, endpoint_id)
        made = sending.test_endpoint(session, endpoint_id)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="webhook_endpoint.tried",
            subject=f"webhook_endpoint:{endpoint_id}",
        )
    sending.send(app.webhook_queue, caller.tenant_id, made)
    return ReplayAnswer(replayed=[made])


@router.get(f"{ONE}/deliveries")
def list_deliveries(
    caller: Caller,
    endpoint_id: UUID,
    state: Literal["waiting", "delivered", "dead"] | None = None,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> DeliveryPage:
    """List what was and is to be delivered, newest first; finished ones are kept for 30 days."""
    caller.require(NEEDED)
    with wired().database.transaction(caller.tenant_id) as session:
        page = webhooks.list_deliveries(
            session, endpoint_id, cursor=cursor, state=state, limit=limit
        )
    items = [DeliveryAnswer.model_validate(each) for each in page.items]
    return DeliveryPage(items=items, next_cursor=page.next_cursor)


@router.post(f"{ONE}/replay")
def replay(caller: Caller, endpoint_id: UUID, request: ReplayRequest) -> ReplayAnswer:
    """Send deliveries once more, with the same id and bytes."""
    caller.require(NEEDED)
    if bool(request.ids) == request.all:
        raise InvalidError("Name the deliveries to send again.", hint="Send ids, or all: true.")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        going = webhooks.replay(session, endpoint_id, None if request.all else request.ids)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="webhook_endpoint.replayed",
            subject=f"webhook_endpoint:{endpoint_id}",
            details={"deliveries": len(going)},
        )
    for delivery_id in going:
        sending.send(app.webhook_queue, caller.tenant_id, delivery_id)
    return ReplayAnswer(replayed=going)


@router.get("/api/v1/webhook-sources")
def list_sources(caller: Caller) -> SourcesAnswer:
    """List who may tell the tenant something."""
    caller.require(NEEDED)
    with wired().database.transaction(caller.tenant_id) as session:
        found = webhooks.list_sources(session)
    return SourcesAnswer(items=[SourceAnswer(**_source(each)) for each in found])


@router.post("/api/v1/webhook-sources", status_code=201)
def add_source(caller: Caller, request: SourceRequest) -> SourceMade:
    """Let somebody tell the tenant something, signed with the secret that is shown only now."""
    caller.require(NEEDED)
    if request.effect == "document":
        caller.require("documents:write")
    if request.effect == "reread":
        caller.require("reading:manage")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        place = None
        if request.effect == "document":
            place = folders.make_folder(session, request.folder, created_by=caller.user_id)
        made, secret = webhooks.add_source(
            session,
            app.webhook_wires,
            name=request.name,
            scheme=request.scheme,
            effect=request.effect,
            folder=request.folder,
            secret=request.secret,
            created_by=caller.user_id,
            folder_id=place,
        )
    return SourceMade(**_source(made), secret=secret)


@router.delete("/api/v1/webhook-sources/{source_id}", status_code=204)
def remove_source(caller: Caller, source_id: UUID) -> None:
    """Take nothing from somebody any more."""
    caller.require(NEEDED)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        webhooks.remove_source(session, app.webhook_wires, source_id)


def _made(endpoint: Endpoint, secret: str) -> EndpointMade:
    shown = EndpointAnswer.model_validate(endpoint)
    return EndpointMade(**shown.model_dump(), secret=secret)


def _source(source: Source) -> dict[str, object]:
    inner = {"secret_name", "created_by", "folder_id"}
    known = {name: value for name, value in asdict(source).items() if name not in inner}
    return {**known, "path": f"/hooks/{source.id}"}
