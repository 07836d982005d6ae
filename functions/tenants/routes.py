"""Routes of a tenant's life: usage, exports, the wish to be erased; and the same for one person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from functions.edge.http import Insider
from shared.audit import service as audit
from shared.documents import quotas
from shared.identity import service as identity
from shared.identity.model import Principal
from shared.kernel.ids import UserId
from shared.tenancy import service as tenancy
from shared.tenancy.model import KEPT_DAYS, Task, Work, export_prefix
from shared.wiring import app as wired

router = APIRouter(tags=["tenants"])
LINK_S = 3600


class UsageAnswer(BaseModel):
    """What the tenant keeps, and what it may; ``null`` is no limit.

    ``storage_bytes`` counts every version of every document, those in the trash included, and
    what has been announced and not come yet.
    """

    model_config = ConfigDict(from_attributes=True)

    documents: int
    storage_bytes: int
    most_documents: int | None
    most_storage_bytes: int | None


class ErasureAnswer(BaseModel):
    """When the tenant will be erased; until then the wish can be taken back."""

    model_config = ConfigDict(from_attributes=True)

    requested_by: str
    requested_at: datetime
    due_at: datetime
    is_running: bool


class TenantAnswer(BaseModel):
    """The caller's tenant."""

    id: UUID
    slug: str
    name: str
    created_at: datetime
    erasure: ErasureAnswer | None


class FileAnswer(BaseModel):
    """A part of an export, an ordinary ZIP, and the address it can be taken from for an hour."""

    name: str
    size_bytes: int
    sha256: str
    url: str


class TaskAnswer(BaseModel):
    """A job: waiting, running, done, failed, or expired (an export is kept for a week).

    ``counts`` says how many rows and files by kind. ``parts`` are there when an export is done.
    """

    id: UUID
    kind: str
    person_id: UUID | None
    state: str
    detail: str
    counts: dict[str, Any]
    requested_by: UUID | None
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = None
    manifest_url: str = ""
    parts: list[FileAnswer] = Field(default_factory=list)


class TasksAnswer(BaseModel):
    """Jobs, newest first."""

    items: list[TaskAnswer]


class TenantErasureRequest(BaseModel):
    """``confirm`` is the tenant's short name, typed; ``grace_days`` pass before it begins."""

    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(max_length=100)
    grace_days: int = Field(default=tenancy.GRACE_DAYS, ge=1, le=tenancy.LONGEST_GRACE_DAYS)


class PersonErasureRequest(BaseModel):
    """``confirm`` is the person's e-mail address, typed."""

    model_config = ConfigDict(extra="forbid")

    confirm: str = Field(max_length=300)


@router.get("/api/v1/usage")
def show_usage(caller: Insider) -> UsageAnswer:
    """Tell what the tenant keeps and what it may."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        return UsageAnswer.model_validate(quotas.usage(session))


@router.get("/api/v1/tenant")
def show_tenant(caller: Insider) -> TenantAnswer:
    """Tell about the caller's tenant."""
    with wired().database.transaction(caller.tenant_id) as session:
        tenant, erasure = identity.own_tenant(session), tenancy.find_erasure(session)
    return TenantAnswer(
        id=tenant.id,
        slug=tenant.slug,
        name=tenant.name,
        created_at=tenant.created_at,
        erasure=None if erasure is None else ErasureAnswer.model_validate(erasure),
    )


@router.post("/api/v1/tenant/exports", status_code=202)
def request_export(caller: Insider) -> TaskAnswer:
    """Ask for everything that is the tenant's, as archives to take away."""
    with wired().database.transaction(caller.tenant_id) as session:
        task = tenancy.request_export(session, caller)
    return _begun(caller, task)


@router.get("/api/v1/tenant/tasks")
def list_tasks(caller: Insider) -> TasksAnswer:
    """List exports and erasures of people: all with tenant:manage, else one's own."""
    with wired().database.transaction(caller.tenant_id) as session:
        found = tenancy.list_tasks(session, caller)
    return TasksAnswer(items=[_task(task) for task in found])


@router.get("/api/v1/tenant/tasks/{task_id}")
def show_task(caller: Insider, task_id: UUID) -> TaskAnswer:
    """Show a job; of an export that is done, with addresses to take it from."""
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        task = tenancy.find_task(session, caller, task_id)
        parts = task.position.get("parts") if task.state == "done" else None
        if not isinstance(parts, list):
            return _task(task)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="tenant_task.fetched",
            subject=f"tenant_task:{task.id}",
        )
    return _with_addresses(caller, task, parts)


@router.post("/api/v1/tenant/erasure", status_code=202)
def request_erasure(caller: Insider, request: TenantErasureRequest) -> TenantAnswer:
    """Ask that the whole tenant be erased after a time of grace."""
    with wired().database.transaction(caller.tenant_id) as session:
        tenancy.request_erasure(
            session, caller, confirm=request.confirm, grace_days=request.grace_days
        )
    return show_tenant(caller)


@router.delete("/api/v1/tenant/erasure", status_code=204)
def cancel_erasure(caller: Insider) -> None:
    """Take the wish to be erased back."""
    with wired().database.transaction(caller.tenant_id) as session:
        tenancy.cancel_erasure(session, caller)


@router.post("/api/v1/users/{user_id}/export", status_code=202)
def request_person_export(caller: Insider, user_id: UUID) -> TaskAnswer:
    """Ask for what is known of one person: oneself, or anybody with tenant:manage."""
    with wired().database.transaction(caller.tenant_id) as session:
        task = tenancy.request_person_export(session, caller, UserId(user_id))
    return _begun(caller, task)


@router.post("/api/v1/users/{user_id}/erasure", status_code=202)
def request_person_erasure(
    caller: Insider, user_id: UUID, request: PersonErasureRequest
) -> TaskAnswer:
    """Erase what is one person's; what they put in for all stays, under no name."""
    with wired().database.transaction(caller.tenant_id) as session:
        task = tenancy.request_person_erasure(
            session, caller, UserId(user_id), confirm=request.confirm
        )
    return _begun(caller, task)


def _begun(caller: Principal, task: Task) -> TaskAnswer:
    wired().tenant_queue.send(Work(caller.tenant_id, task.kind, task.id).to_json())
    return _task(task)


def _task(task: Task) -> TaskAnswer:
    is_kept = task.state == "done" and task.kind != "person_erasure"
    finished = task.finished_at
    return TaskAnswer(
        id=task.id,
        kind=task.kind,
        person_id=task.person_id,
        state=task.state,
        detail=task.detail,
        counts=task.counts,
        requested_by=task.requested_by,
        requested_at=task.requested_at,
        finished_at=finished,
        expires_at=finished + timedelta(days=KEPT_DAYS) if finished and is_kept else None,
    )


def _with_addresses(caller: Principal, task: Task, parts: list[dict[str, Any]]) -> TaskAnswer:
    prefix = export_prefix(caller.tenant_id, task.id)

    def address(name: str) -> str:
        return wired().objects.presign_download(
            f"{prefix}{name}", filename=name, version="", expires_s=LINK_S
        )

    files = [FileAnswer(**part, url=address(str(part["name"]))) for part in parts]
    manifest = address("manifest.json") if task.kind != "person_erasure" else ""
    return _task(task).model_copy(update={"parts": files, "manifest_url": manifest})
