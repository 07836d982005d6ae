"""Routes of accounts, as administrators change them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from functions.access.schemas import PersonBody, PersonChange, ReachBody, ReachList
from functions.edge.http import Caller
from shared.access import people
from shared.access import service as access
from shared.access.model import LEVELS
from shared.audit import service as audit
from shared.kernel.ids import UserId
from shared.wiring import app as wired

router = APIRouter()


@router.patch("/api/v1/users/{user_id}")
def change_person(caller: Caller, user_id: UUID, change: PersonChange) -> PersonBody:
    """Give an account another role, switch it off (its sessions end at once) or on again."""
    with wired().database.transaction(caller.tenant_id) as session:
        person = people.change_person(
            session,
            caller,
            UserId(user_id),
            display_name=change.display_name,
            role=change.role,
            is_active=change.is_active,
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="user.changed",
            subject=f"user:{user_id}",
            details={"role": person.role, "is_active": person.is_active},
        )
    return PersonBody.model_validate(person)


@router.delete("/api/v1/users/{user_id}", status_code=204)
def remove_person(caller: Caller, user_id: UUID) -> None:
    """Delete an account with its sessions, keys and conversations; what it put in stays."""
    with wired().database.transaction(caller.tenant_id) as session:
        person = people.remove_person(session, caller, UserId(user_id))
        audit.record(
            session,
            actor_id=caller.user_id,
            action="user.removed",
            subject=f"user:{user_id}",
            details={"role": person.role},
        )


@router.get("/api/v1/users/{user_id}/access")
def list_reach(caller: Caller, user_id: UUID) -> ReachList:
    """Tell how far a person reaches each restricted folder, collection and document."""
    with wired().database.transaction(caller.tenant_id) as session:
        found = access.list_reach(session, caller, UserId(user_id))
    items = [
        ReachBody.model_validate(
            {"kind": one.kind, "id": one.id, "title": one.title, "level": LEVELS[one.rank]}
        )
        for one in found
    ]
    return ReachList(items=items)
