"""Routes of dead letters: list them, look at one, set some going again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from functions.edge.bodies import Body
from functions.edge.http import Caller
from shared.identity.model import Principal
from shared.ingestion.intake import announcement
from shared.kernel.errors import ConflictError, InvalidError, KontorError, NotFoundError
from shared.kernel.paging import MAX_PAGE
from shared.recovery import service as recovery
from shared.wiring import app as wired

router = APIRouter(tags=["dead letters"])
ALL_AT_ONCE = MAX_PAGE


class DeadLetterAnswer(BaseModel):
    """An upload (source intake) or a version (source ingest) that was given up on."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source: str
    subject: UUID
    title: str
    reason: str
    error: str
    correlation_id: str
    times: int
    first_at: datetime
    last_at: datetime
    redriven_at: datetime | None


class DeadLetterPage(BaseModel):
    """Dead letters, newest first."""

    items: list[DeadLetterAnswer]
    next_cursor: str | None


class RedriveRequest(Body):
    """Which letters: some by id (``ids``), or ``all`` that are open; one of the two."""

    ids: list[UUID] = Field(default_factory=list, max_length=ALL_AT_ONCE)
    all: bool = False


class Skipped(BaseModel):
    """A letter that was not set going, and why."""

    id: UUID
    reason: str


class RedriveAnswer(BaseModel):
    """What was set going; ``has_more`` when more letters are open than fit one request."""

    redriven: list[UUID]
    skipped: list[Skipped]
    has_more: bool = False


@router.get("/api/v1/dead-letters")
def list_dead_letters(
    caller: Caller,
    *,
    closed: Annotated[bool, Query(description="Also those set going already.")] = False,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> DeadLetterPage:
    """List what was given up on."""
    caller.require("system:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = recovery.list_letters(session, cursor=cursor, is_open_only=not closed, limit=limit)
    items = [DeadLetterAnswer.model_validate(letter) for letter in page.items]
    return DeadLetterPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/dead-letters/{letter_id}")
def show_dead_letter(caller: Caller, letter_id: UUID) -> DeadLetterAnswer:
    """Tell everything known about one."""
    caller.require("system:read")
    with wired().database.transaction(caller.tenant_id) as session:
        return DeadLetterAnswer.model_validate(recovery.find_letter(session, letter_id))


@router.post("/api/v1/dead-letters/redrive")
def redrive(caller: Caller, request: RedriveRequest) -> RedriveAnswer:
    """Set letters going again; one that is going already stays as it is."""
    caller.require("system:operate")
    if bool(request.ids) == request.all:
        raise InvalidError("Name the letters to redrive.", hint="Send ids, or all: true.")
    ids, has_more = request.ids, False
    if request.all:
        with wired().database.transaction(caller.tenant_id) as session:
            page = recovery.list_letters(session, cursor=None, is_open_only=True, limit=ALL_AT_ONCE)
        ids, has_more = [letter.id for letter in page.items], page.next_cursor is not None
    answer = RedriveAnswer(redriven=[], skipped=[], has_more=has_more)
    for letter_id in ids:
        try:
            _redrive(caller, letter_id)
        except (NotFoundError, ConflictError) as error:
            answer.skipped.append(Skipped(id=letter_id, reason=error.detail))
        else:
            answer.redriven.append(letter_id)
    wired().relay(caller.tenant_id)
    return answer


def _redrive(caller: Principal, letter_id: UUID) -> None:
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        upload = recovery.redrive(session, letter_id, by=caller.user_id)
    if upload is not None:
        try:
            app.intake_queue.send(announcement(app.objects.bucket, upload, ""))
        except KontorError as error:
            recovery.leave_to_sweep(upload, error)
