"""Routes of roles."""

from __future__ import annotations

from fastapi import APIRouter

from functions.access.schemas import Name, NewRole, PermissionList, RoleBody, RoleChange, RoleList
from functions.edge.http import Caller, Insider
from shared.access import roles
from shared.audit import service as audit
from shared.identity.model import PERMISSIONS
from shared.wiring import app as wired

router = APIRouter()


@router.get("/api/v1/permissions")
def list_permissions(caller: Insider) -> PermissionList:
    """List everything a role may allow; `documents:*` covers a resource, `*` all."""
    caller.require("documents:read")
    return PermissionList(items=sorted(PERMISSIONS))


@router.get("/api/v1/roles")
def list_roles(caller: Caller) -> RoleList:
    """List the tenant's roles with what each allows and how many people have it."""
    with wired().database.transaction(caller.tenant_id) as session:
        found = roles.list_roles(session, caller)
    return RoleList(items=[RoleBody.model_validate(role) for role in found])


@router.post("/api/v1/roles", status_code=201)
def add_role(caller: Caller, new: NewRole) -> RoleBody:
    """Make a role; nobody makes one that allows more than their own."""
    with wired().database.transaction(caller.tenant_id) as session:
        role = roles.add_role(
            session, caller, name=new.name, title=new.title, permissions=new.permissions
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="role.added",
            subject=f"role:{role.name}",
            details={"permissions": role.permissions},
        )
    return RoleBody.model_validate(role)


@router.patch("/api/v1/roles/{name}")
def change_role(caller: Caller, name: Name, change: RoleChange) -> RoleBody:
    """Change a role for everybody who has it, from the next request on."""
    with wired().database.transaction(caller.tenant_id) as session:
        role = roles.change_role(
            session, caller, name, title=change.title, permissions=change.permissions
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="role.changed",
            subject=f"role:{role.name}",
            details={"permissions": role.permissions},
        )
    return RoleBody.model_validate(role)


@router.delete("/api/v1/roles/{name}", status_code=204)
def remove_role(caller: Caller, name: Name) -> None:
    """Delete a role that nobody has."""
    with wired().database.transaction(caller.tenant_id) as session:
        roles.remove_role(session, caller, name)
        audit.record(
            session, actor_id=caller.user_id, action="role.removed", subject=f"role:{name}"
        )
