"""Use cases of roles: a tenant's own, changed by those who hold at least what they give."""

from __future__ import annotations

from collections.abc import Sequence

from shared.access import people_store as store
from shared.access.model import Role, check_permissions, check_role_name, check_text
from shared.adapters.database import Session
from shared.identity.model import Principal, beyond
from shared.kernel.errors import ConflictError, NotFoundError, RefusedError


def list_roles(session: Session, principal: Principal) -> list[Role]:
    """List the tenant's roles with what each allows."""
    principal.require("users:manage" if principal.may("users:manage") else "users:read")
    return store.list_roles(session)


def add_role(
    session: Session, principal: Principal, *, name: str, title: str, permissions: Sequence[str]
) -> Role:
    """Make a role; raises RefusedError for permissions beyond one's own, ConflictError."""
    principal.require("roles:manage")
    wanted = check_permissions(list(permissions))
    require_held(principal, wanted)
    is_new = store.record_role(
        session,
        name=check_role_name(name),
        title=check_text("title", title or name),
        permissions=wanted,
    )
    if not is_new:
        raise ConflictError(f"There is a role {name} already.", hint="Choose another name.")
    return find_role(session, name)


def change_role(
    session: Session,
    principal: Principal,
    name: str,
    *,
    title: str | None,
    permissions: Sequence[str] | None,
) -> Role:
    """Change a role for everybody who has it; what is ``None`` stays.

    Raises NotFoundError, RefusedError when it allows or is to allow more than the caller's own,
    ConflictError when nobody would be left to administer the tenant.
    """
    principal.require("roles:manage")
    store.lock_administrators(session)
    require_held(principal, find_role(session, name).permissions)
    wanted = None if permissions is None else check_permissions(list(permissions))
    require_held(principal, wanted or ())
    clean = None if title is None else check_text("title", title)
    store.change_role(session, name, title=clean, permissions=wanted)
    require_administrator(session)
    return find_role(session, name)


def remove_role(session: Session, principal: Principal, name: str) -> None:
    """Delete a role; raises ConflictError for one that somebody has, or from the template."""
    principal.require("roles:manage")
    role = find_role(session, name)
    require_held(principal, role.permissions)
    if not store.remove_role(session, name):
        raise ConflictError(
            f"{role.holder_count} people have the role {name}."
            if role.holder_count
            else f"The role {name} belongs to the product; it can be changed, not removed.",
            hint="Give them another role first." if role.holder_count else "",
        )


def find_role(session: Session, name: str) -> Role:
    """Return a role; raises NotFoundError."""
    role = store.find_role(session, name)
    if role is None:
        raise NotFoundError(f"There is no role {name}.", hint="`kontor role ls` lists them.")
    return role


def require_held(principal: Principal, permissions: Sequence[str]) -> None:
    """Go on only if the caller holds all of these; raises RefusedError."""
    more = beyond(principal.held, permissions)
    if more:
        raise RefusedError(
            f"This goes beyond your own role: {', '.join(more)}.",
            hint="Ask somebody who holds these permissions.",
        )


def require_administrator(session: Session) -> None:
    """Go on only while somebody can still administer the tenant; the administrators are locked.

    Raises ConflictError, and with it undoes what was changed.
    """
    if store.count_administrators(session) == 0:
        raise ConflictError(
            "Nobody would be left who can administer the tenant.",
            hint="Make somebody else an administrator first.",
        )
