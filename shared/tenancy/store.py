"""The rows of tenancy, one typed function per query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import TenantId, UserId, new_id
from shared.tenancy.model import ErasureRequest, Task, Work

QUERIES = load_queries("shared.tenancy")


@dataclass(frozen=True, slots=True)
class RowOfTable:
    """One row of any table."""

    content: dict[str, object]


@dataclass(frozen=True, slots=True)
class Withheld:
    """An answer or a run that keeps its words back."""

    id: UUID


@dataclass(frozen=True, slots=True)
class PersonColumn:
    """A table, and the column of it that names a person."""

    name: str
    person: str


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it was sent in, and where it stands."""

    id: UUID
    document_id: UUID
    number: int
    filename: str
    object_key: str
    object_version: str
    size_bytes: int
    is_current: bool
    title: str
    folder: str
    is_second: bool


@dataclass(frozen=True, slots=True)
class Due:
    """When an erasure begins."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """Yes or no."""

    is_so: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows went of which table."""

    name: str
    removed: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty answer."""

    nothing: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows went, by table."""

    counts: dict[str, object]


@dataclass(frozen=True, slots=True)
class SecretName:
    """The name of a secret."""

    name: str


def record_task(
    session: Session, kind: str, *, person_id: UUID | None, requested_by: UserId | None
) -> Task:
    """Insert a job."""
    params = {
        "id": new_id(),
        "kind": kind,
        "person_id": person_id,
        "requested_by": requested_by,
    }
    return session.get(QUERIES["record_task"], Task, params)


def find_open_task(session: Session, kind: str, person_id: UUID | None) -> Task | None:
    """Return a job of the kind that is not over."""
    params = {"kind": kind, "person_id": person_id}
    return session.find(QUERIES["find_open_task"], Task, params)


def find_task(session: Session, task_id: UUID) -> Task | None:
    """Look a job up."""
    return session.find(QUERIES["find_task"], Task, {"id": task_id})


def list_tasks(session: Session) -> list[Task]:
    """List the latest jobs."""
    return session.all(QUERIES["list_tasks"], Task)


def take_task(session: Session, task_id: UUID) -> Task | None:
    """Take a job to go on with it; ``None`` when somebody else has it, or it is over."""
    return session.find(QUERIES["take_task"], Task, {"id": task_id})


def change_position(
    session: Session,
    task_id: UUID,
    position: Mapping[str, object],
    counts: Mapping[str, object],
) -> None:
    """Write how far a job has come."""
    params = {"id": task_id, "position": json.dumps(position), "counts": json.dumps(counts)}
    session.execute(QUERIES["change_position"], params)


def release_task(session: Session, task_id: UUID) -> None:
    """Let the next worker take a job."""
    session.execute(QUERIES["release_task"], {"id": task_id})


def finish_task(
    session: Session,
    task_id: UUID,
    state: str,
    *,
    detail: str = "",
    counts: Mapping[str, object] | None = None,
) -> None:
    """Write that a job is over."""
    params = {
        "id": task_id,
        "state": state,
        "detail": detail,
        "counts": None if counts is None else json.dumps(counts),
    }
    session.execute(QUERIES["finish_task"], params)


def list_expired_exports(session: Session, *, days: int) -> list[Task]:
    """List exports that have lain there long enough."""
    return session.all(QUERIES["list_expired_exports"], Task, {"days": days})


def export_rows(
    session: Session,
    table: str,
    *,
    after: Mapping[str, object] | None,
    column: str | None = None,
    value: UUID | None = None,
    limit: int,
) -> list[dict[str, object]]:
    """Return rows of a table, without what is withheld, behind a row on."""
    params = {
        "table": table,
        "after": None if after is None else json.dumps(after),
        "column": column,
        "value": value,
        "limit": limit,
    }
    return [row.content for row in session.all(QUERIES["export_rows"], RowOfTable, params)]


def list_withheld(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Return those messages and runs that rest on what the viewer may not see."""
    params = {"ids": list(ids), "limit": len(ids)}
    return {row.id for row in session.all(QUERIES["list_withheld"], Withheld, params)}


def export_tenant(session: Session) -> list[dict[str, object]]:
    """Return the tenant's own row."""
    return [row.content for row in session.all(QUERIES["export_tenant"], RowOfTable)]


def list_person_columns(session: Session) -> list[PersonColumn]:
    """List the columns that say whose a row is."""
    return session.all(QUERIES["list_person_columns"], PersonColumn)


def list_originals(
    session: Session, *, after: UUID | None, created_by: UUID | None, limit: int
) -> list[Original]:
    """List files, in the order of their versions."""
    params = {"after": after, "created_by": created_by, "limit": limit}
    return session.all(QUERIES["list_originals"], Original, params)


def request_erasure(session: Session, by: str, *, days: int) -> datetime:
    """Ask for the tenant's erasure; returns when it begins."""
    return session.get(QUERIES["request_erasure"], Due, {"by": by, "days": days}).due_at


def cancel_erasure(session: Session) -> bool:
    """Take a wish to be erased back; False when there is none, or it has begun."""
    return session.get(QUERIES["cancel_erasure"], Answered).is_so


def find_erasure(session: Session) -> ErasureRequest | None:
    """Return the wish that the tenant be erased."""
    return session.find(QUERIES["find_erasure"], ErasureRequest)


def begin_erasure(session: Session) -> bool:
    """Begin a due erasure; False when none is due."""
    return session.get(QUERIES["begin_erasure"], Answered).is_so


def erase_rows(session: Session, *, most: int, but: Sequence[str]) -> Erased | None:
    """Erase rows of one table; ``None`` when there are none left."""
    return session.find(QUERIES["erase_rows"], Erased, {"most": most, "but": list(but)})


def finish_erasure(session: Session) -> None:
    """Put a tombstone in the tenant's place."""
    session.get(QUERIES["finish_erasure"], Nothing)


def erase_person(session: Session, person_id: UUID) -> dict[str, object]:
    """Erase what names a person."""
    return session.get(QUERIES["erase_person"], Counts, {"id": person_id}).counts


def list_work(session: Session) -> list[Work]:
    """List what is to be gone on with, of every tenant."""
    found = session.all(QUERIES["list_work"], Work)
    return [Work(TenantId(work.tenant_id), work.kind, work.id) for work in found]


def list_secret_names(session: Session) -> list[str]:
    """List the names of secrets that other rooms keep."""
    return [row.name for row in session.all(QUERIES["list_secret_names"], SecretName)]


def suspend_tenant(session: Session, because: str) -> bool:
    """Suspend; False when there is no such tenant."""
    found = session.find(QUERIES["suspend_tenant"], Answered, {"because": because})
    session.execute(QUERIES["drop_connections"])
    return found is not None


def resume_tenant(session: Session) -> bool:
    """Let people in again; False when the tenant is not there or is being erased."""
    return session.find(QUERIES["resume_tenant"], Answered) is not None


def set_quota(session: Session, *, storage_bytes: int | None, documents: int | None) -> None:
    """Write what a tenant may keep."""
    params = {"storage_bytes": storage_bytes, "documents": documents}
    session.execute(QUERIES["set_quota"], params)


def order_erasure(session: Session, by: str, *, days: int) -> None:
    """Order a tenant's erasure, from ``days`` on."""
    session.execute(QUERIES["order_erasure"], {"by": by, "days": days})
