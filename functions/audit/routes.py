"""Routes of the trail: list it, prove it whole, take it away."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict

from functions.edge.bodies import Moment
from functions.edge.http import Caller
from shared.audit import proof
from shared.audit import service as audit
from shared.audit.model import AuditEvent, Verdict, Wanted
from shared.kernel.paging import MAX_PAGE
from shared.wiring import app as wired

router = APIRouter(tags=["audit"])
MOST_EXPORTED = 5000
NEXT_HEADER = "kontor-next-after"


def _wanted(
    *,
    action: Annotated[
        str | None,
        Query(max_length=100, description="Such as document.removed, or document for all of them."),
    ] = None,
    subject: Annotated[str | None, Query(max_length=300)] = None,
    actor_id: UUID | None = None,
    outcome: Literal["done", "refused", "failed"] | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Wanted:
    return Wanted(
        action=action,
        subject=subject,
        actor_id=actor_id,
        outcome=outcome,
        since=since,
        until=until,
    )


Choice = Annotated[Wanted, Depends(_wanted)]


class EntryAnswer(BaseModel):
    """One act: who did it, to what, from where, with which credential, and what came of it.

    ``before_hash`` and ``after_hash`` are SHA-256 of the thing as it was and is. ``sequence`` and
    ``hash`` are its place in the chain.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    actor_id: UUID | None
    action: str
    subject: str
    outcome: str
    details: dict[str, Any]
    correlation_id: str
    credential: str
    session_id: str
    address: str
    user_agent: str
    tier: str
    before_hash: str | None
    after_hash: str | None
    sequence: int | None
    hash: str | None


class EntryPage(BaseModel):
    """Entries, newest first."""

    items: list[EntryAnswer]
    next_cursor: str | None


class VerdictAnswer(BaseModel):
    """Whether the trail is whole.

    When it is not, ``bad_sequence`` is the first place that is wrong and ``problem`` says what.
    ``next_after`` is set when the trail was too long for one request: ask again with it.
    ``anchors`` counts the anchored heads it was compared with.
    """

    is_whole: bool
    checked: int
    last_sequence: int
    last_hash: str
    bad_sequence: int | None
    bad_event: UUID | None
    problem: str
    anchors: int
    next_after: int | None


@router.get("/api/v1/audit")
def list_entries(
    caller: Caller,
    wanted: Choice,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> EntryPage:
    """List the trail of the caller's tenant, newest first."""
    caller.require("audit:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = audit.list_events(session, cursor=cursor, wanted=wanted, limit=limit)
    items = [_entry(each) for each in page.items]
    return EntryPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/audit/verify")
def verify(
    caller: Caller, after: Annotated[int | None, Query(ge=0, le=2**62)] = None
) -> VerdictAnswer:
    """Compute the whole chain anew and compare it, with the anchored heads, too."""
    caller.require("audit:read")
    app = wired()
    return _verdict(proof.verify(app.database, caller.tenant_id, anchors=app.anchors, after=after))


@router.get(
    "/api/v1/audit/export",
    response_class=Response,
    responses={
        200: {
            "description": "Entries in the order of the chain. While kontor-next-after comes with "
            "the answer there are more: ask again with after set to it.",
            "content": {"application/x-ndjson": {}, "text/csv": {}},
        }
    },
)
def export(
    caller: Caller,
    wanted: Choice,
    *,
    as_format: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl",
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_EXPORTED)] = 1000,
) -> Response:
    """Take the trail away: JSON lines that can be checked without us, or CSV."""
    caller.require("audit:read")
    with wired().database.transaction(caller.tenant_id) as session:
        entries = audit.export_page(session, wanted, after=after, limit=limit)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="trail.exported",
            subject=f"tenant:{caller.tenant_id}",
            details={"after": after, "entries": len(entries), "format": as_format},
        )
    headers = {"content-disposition": f'attachment; filename="audit.{as_format}"'}
    if len(entries) == limit:
        headers[NEXT_HEADER] = str(entries[-1].sequence)
    if as_format == "csv":
        text = audit.as_csv(entries, has_header=after == 0)
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
    lines = [json.dumps(audit.as_json(each), ensure_ascii=False) + "\n" for each in entries]
    return Response("".join(lines), media_type="application/x-ndjson", headers=headers)


def _entry(entry: AuditEvent) -> EntryAnswer:
    return EntryAnswer.model_validate(audit.as_json(entry))


def _verdict(found: Verdict) -> VerdictAnswer:
    return VerdictAnswer(
        is_whole=found.is_whole,
        checked=found.checked,
        last_sequence=found.last_sequence,
        last_hash=found.last_hash.hex(),
        bad_sequence=found.bad_sequence,
        bad_event=found.bad_event,
        problem=found.problem,
        anchors=found.anchors,
        next_after=found.next_after,
    )
