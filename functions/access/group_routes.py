"""Routes of groups and who is in them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from functions.access.schemas import (
    Cursor,
    GroupBody,
    GroupChange,
    GroupPage,
    Limit,
    MemberBody,
    MemberPage,
    NewGroup,
)
from functions.edge.http import Caller
from shared.access import groups
from shared.access.model import GroupId
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.ids import UserId
from shared.wiring import app as wired

router = APIRouter()


@router.get("/api/v1/groups")
def list_groups(caller: Caller, cursor: Cursor = None, limit: Limit = 50) -> GroupPage:
    """List the tenant's groups by name; whoever may share has to know them."""
    caller.require("documents:share" if caller.may("documents:share") else "users:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = groups.list_groups(session, cursor=cursor, limit=limit)
    items = [GroupBody.model_validate(group) for group in page.items]
    return GroupPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/groups", status_code=201)
def add_group(caller: Caller, new: NewGroup) -> GroupBody:
    """Make a group."""
    with wired().database.transaction(caller.tenant_id) as session:
        group = groups.add_group(session, caller, name=new.name, description=new.description)
        _note(session, caller, "group.added", group.id)
    return GroupBody.model_validate(group)


@router.get("/api/v1/groups/{group_id}")
def show_group(caller: Caller, group_id: UUID) -> GroupBody:
    """Show a group."""
    caller.require("documents:share" if caller.may("documents:share") else "users:read")
    with wired().database.transaction(caller.tenant_id) as session:
        return GroupBody.model_validate(groups.find_group(session, GroupId(group_id)))


@router.patch("/api/v1/groups/{group_id}")
def change_group(caller: Caller, group_id: UUID, change: GroupChange) -> GroupBody:
    """Rename or describe a group."""
    with wired().database.transaction(caller.tenant_id) as session:
        group = groups.change_group(
            session,
            caller,
            GroupId(group_id),
            name=change.name,
            description=change.description,
        )
        _note(session, caller, "group.changed", group.id)
    return GroupBody.model_validate(group)


@router.delete("/api/v1/groups/{group_id}", status_code=204)
def remove_group(caller: Caller, group_id: UUID) -> None:
    """Delete a group; what was granted to it is then granted to nobody."""
    with wired().database.transaction(caller.tenant_id) as session:
        group = groups.remove_group(session, caller, GroupId(group_id))
        _note(session, caller, "group.removed", group.id)


@router.get("/api/v1/groups/{group_id}/members")
def list_members(
    caller: Caller, group_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> MemberPage:
    """List who is in a group, by address."""
    with wired().database.transaction(caller.tenant_id) as session:
        page = groups.list_members(session, caller, GroupId(group_id), cursor=cursor, limit=limit)
    items = [MemberBody.model_validate(member) for member in page.items]
    return MemberPage(items=items, next_cursor=page.next_cursor)


@router.put("/api/v1/groups/{group_id}/members/{user_id}", status_code=204)
def add_member(caller: Caller, group_id: UUID, user_id: UUID) -> None:
    """Put somebody into a group; they have what it was granted from the next request on."""
    with wired().database.transaction(caller.tenant_id) as session:
        groups.add_member(session, caller, GroupId(group_id), UserId(user_id))
        _note(session, caller, "group.joined", group_id, user_id)


@router.delete("/api/v1/groups/{group_id}/members/{user_id}", status_code=204)
def take_member(caller: Caller, group_id: UUID, user_id: UUID) -> None:
    """Take somebody out of a group; anybody may leave one."""
    with wired().database.transaction(caller.tenant_id) as session:
        groups.take_member(session, caller, GroupId(group_id), UserId(user_id))
        _note(session, caller, "group.left", group_id, user_id)


def _note(
    session: Session, caller: Principal, action: str, group_id: UUID, user_id: UUID | None = None
) -> None:
    details = {} if user_id is None else {"user_id": str(user_id)}
    audit.record(
        session,
        actor_id=caller.user_id,
        action=action,
        subject=f"group:{group_id}",
        details=details,
    )
