"""Use cases of tenancy: exports and erasures asked for and taken back; what the operator does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity import service as identity
from shared.identity.model import Principal, User
from shared.identity.rights import require_grantable
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import UserId
from shared.tenancy import store
from shared.tenancy.model import ErasureRequest, Task, Work

GRACE_DAYS = 7
LONGEST_GRACE_DAYS = 90
NEEDED, SEEING = "tenant:manage", "access:manage"


def request_export(session: Session, principal: Principal) -> Task:
    """Ask for an export of all that is the tenant's; one that is under way is the same one.

    Raises RefusedError without tenant:manage and access:manage: it holds what is kept from others.
    """
    _require_export(principal)
    return open_export(session, requested_by=principal.user_id)


def open_export(session: Session, *, requested_by: UserId | None) -> Task:
    """Open an export in anybody's name: the operator's is nobody's of the tenant."""
    return store.find_open_task(session, "export", None) or store.record_task(
        session, "export", person_id=None, requested_by=requested_by
    )


def request_person_export(session: Session, principal: Principal, person_id: UserId) -> Task:
    """Ask for what is known of one person: oneself, or anybody as for an export of all.

    Raises RefusedError, also for a key of one's own: its scopes do not cover all that one has
    written; NotFoundError.
    """
    if person_id != principal.user_id or principal.credential != "session":
        _require_export(principal)
    _person(session, person_id)
    kind = "person_export"
    return store.find_open_task(session, kind, person_id) or store.record_task(
        session, kind, person_id=person_id, requested_by=principal.user_id
    )


def request_person_erasure(
    session: Session, principal: Principal, person_id: UserId, *, confirm: str
) -> Task:
    """Ask that what is one person's be erased; ``confirm`` is their e-mail address, typed.

    What they put in for all stays, under no name. Raises RefusedError, also for somebody who may
    do more than the caller; NotFoundError, InvalidError for another address, ConflictError for
    oneself: somebody must answer for it.
    """
    principal.require(NEEDED)
    person = _person(session, person_id)
    require_grantable(session, principal, person.role)
    if person_id == principal.user_id:
        raise ConflictError(
            "You cannot erase yourself.", hint="Ask another administrator of your tenant."
        )
    if confirm.strip().lower() != person.email:
        raise _unconfirmed("the person's e-mail address")
    kind = "person_erasure"
    return store.find_open_task(session, kind, person_id) or store.record_task(
        session, kind, person_id=person_id, requested_by=principal.user_id
    )


def list_tasks(session: Session, principal: Principal) -> list[Task]:
    """List the tenant's jobs, newest first: all of them, or those that one may see."""
    may_all = principal.may(NEEDED)
    return [task for task in store.list_tasks(session) if may_all or _is_own(principal, task)]


def find_task(session: Session, principal: Principal, task_id: UUID) -> Task:
    """Return a job; raises NotFoundError also for one that others asked for.

    Who asked for an export of all and may no longer do so does not get it either.
    """
    task = store.find_task(session, task_id)
    if task is None or not (_may_export(principal) or _is_own(principal, task)):
        raise NotFoundError("There is no such job.")
    return task


def request_erasure(
    session: Session, principal: Principal, *, confirm: str, grace_days: int = GRACE_DAYS
) -> datetime:
    """Ask that the whole tenant be erased; returns when that begins.

    ``confirm`` is the tenant's slug, typed. Until then everything works, and the wish can be taken
    back. Raises RefusedError without tenant:manage, InvalidError for another slug.
    """
    principal.require(NEEDED)
    if confirm.strip() != identity.own_tenant(session).slug:
        raise _unconfirmed("your tenant's short name")
    days = max(1, min(grace_days, LONGEST_GRACE_DAYS))
    return store.request_erasure(session, f"user:{principal.user_id}", days=days)


def cancel_erasure(session: Session, principal: Principal) -> None:
    """Take the wish back; raises RefusedError, NotFoundError when there is none or it began."""
    principal.require(NEEDED)
    take_back_erasure(session)


def find_erasure(session: Session) -> ErasureRequest | None:
    """Return the wish that the tenant be erased, if there is one."""
    return store.find_erasure(session)


def list_work(session: Session) -> Sequence[Work]:
    """List what is to be gone on with, of every tenant; in a system transaction."""
    return store.list_work(session)


def suspend(session: Session, *, because: str) -> None:
    """Let nobody of the tenant in from now on; nothing is lost. For the operator.

    Raises NotFoundError.
    """
    if not store.suspend_tenant(session, because):
        raise NotFoundError("There is no such tenant.")
    _note(session, "tenant.suspended", {"because": because})


def resume(session: Session) -> None:
    """Let the tenant's people in again; raises NotFoundError also while it is being erased."""
    if not store.resume_tenant(session):
        raise NotFoundError("There is no such tenant, or it is being erased.")
    _note(session, "tenant.resumed", {})


def set_quota(session: Session, *, storage_bytes: int | None, documents: int | None) -> None:
    """Say what the tenant may keep; ``None`` is no limit. For the operator."""
    store.set_quota(session, storage_bytes=storage_bytes, documents=documents)
    _note(session, "tenant.quota_set", {"storage_bytes": storage_bytes, "documents": documents})


def take_back_erasure(session: Session) -> None:
    """Take an erasure back in the operator's name; raises NotFoundError when it has begun."""
    if not store.cancel_erasure(session):
        raise NotFoundError("No erasure is ordered, or it has begun.")


def order_erasure(session: Session, *, days: int) -> None:
    """Order the tenant's erasure, from ``days`` on. For the operator."""
    store.order_erasure(session, "operator", days=days)


def _note(session: Session, action: str, details: dict[str, object]) -> None:
    audit.record(
        session,
        actor_id=None,
        action=action,
        subject=f"tenant:{session.tenant_id}",
        details={**details, "by": "operator"},
    )


def _may_export(principal: Principal) -> bool:
    return principal.may(NEEDED) and principal.may(SEEING)


def _require_export(principal: Principal) -> None:
    principal.require(NEEDED)
    principal.require(SEEING)


def _is_own(principal: Principal, task: Task) -> bool:
    """Tell whether a job is about what is known of the person who calls and signed in."""
    return task.person_id == principal.user_id and principal.credential == "session"


def _person(session: Session, person_id: UserId) -> User:
    user = identity.find_user(session, person_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return user


def _unconfirmed(what: str) -> InvalidError:
    return InvalidError(
        "The confirmation is not right.",
        hint=f"Send {what} as confirm.",
        fields={"confirm": f"must be {what}"},
    )
