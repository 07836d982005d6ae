"""The rows of roles, accounts and groups, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence

from shared.access.model import Count, Group, GroupId, Member, Person, Role
from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.access")


def list_roles(session: Session) -> list[Role]:
    """List the tenant's roles by name."""
    return session.all(QUERIES["list_roles"], Role)


def find_role(session: Session, name: str) -> Role | None:
    """Return one role."""
    return session.find(QUERIES["find_role"], Role, {"name": name})


def record_role(session: Session, *, name: str, title: str, permissions: Sequence[str]) -> bool:
    """Insert a role; False when the name is taken."""
    params = {"name": name, "title": title, "permissions": list(permissions)}
    return session.execute(QUERIES["record_role"], params) == 1


def change_role(
    session: Session, name: str, *, title: str | None, permissions: Sequence[str] | None
) -> None:
    """Change a role; what is ``None`` stays."""
    given = None if permissions is None else list(permissions)
    session.execute(QUERIES["change_role"], {"name": name, "title": title, "permissions": given})


def remove_role(session: Session, name: str) -> bool:
    """Delete a role; False for one that somebody has, or from the template."""
    return session.execute(QUERIES["remove_role"], {"name": name}) == 1


def lock_administrators(session: Session) -> None:
    """Keep everybody else from changing who administers until the transaction ends."""
    session.execute(QUERIES["lock_administrators"])


def count_administrators(session: Session) -> int:
    """Count the people who can put everything else right again."""
    return session.get(QUERIES["count_administrators"], Count).count


def find_person(session: Session, user_id: UserId) -> Person | None:
    """Return an account, locked."""
    return session.find(QUERIES["find_person"], Person, {"id": user_id})


def change_person(
    session: Session,
    user_id: UserId,
    *,
    display_name: str | None,
    role: str | None,
    is_active: bool | None,
) -> None:
    """Change an account; what is ``None`` stays."""
    params = {"display_name": display_name, "role": role, "is_active": is_active}
    session.execute(QUERIES["change_person"], {"id": user_id, **params})


def remove_person(session: Session, user_id: UserId) -> bool:
    """Delete an account; False when it is not there."""
    return session.execute(QUERIES["remove_person"], {"id": user_id}) == 1


def record_group(
    session: Session, group_id: GroupId, *, name: str, description: str, created_by: UserId
) -> bool:
    """Insert a group; False when the name is taken."""
    params = {"name": name, "description": description, "created_by": created_by}
    return session.execute(QUERIES["record_group"], {"id": group_id, **params}) == 1


def find_group(session: Session, group_id: GroupId) -> Group | None:
    """Return one group."""
    return session.find(QUERIES["find_group"], Group, {"id": group_id})


def list_groups(session: Session, *, after: str, limit: int) -> list[Group]:
    """List groups by name, behind ``after`` in small letters."""
    return session.all(QUERIES["list_groups"], Group, {"after": after, "limit": limit})


def list_groups_of(session: Session, user_id: UserId) -> list[Group]:
    """List the groups of one person."""
    return session.all(QUERIES["list_groups_of"], Group, {"user_id": user_id})


def list_groups_named(session: Session, names: Sequence[str]) -> list[Group]:
    """List the groups of these names, written small."""
    return session.all(QUERIES["list_groups_named"], Group, {"names": list(names)})


def change_group(
    session: Session, group_id: GroupId, *, name: str | None, description: str | None
) -> bool:
    """Change a group; what is ``None`` stays. False when the name is taken."""
    params = {"name": name, "description": description}
    return session.execute(QUERIES["change_group"], {"id": group_id, **params}) == 1


def remove_group(session: Session, group_id: GroupId) -> None:
    """Delete a group with its memberships."""
    session.execute(QUERIES["remove_group"], {"id": group_id})


def list_members(
    session: Session, group_id: GroupId, *, after: str | None, limit: int
) -> list[Member]:
    """List a group's people by address, behind ``after``."""
    params = {"group_id": group_id, "after": after, "limit": limit}
    return session.all(QUERIES["list_members"], Member, params)


def record_member(
    session: Session, group_id: GroupId, user_id: UserId, *, added_by: UserId
) -> bool:
    """Put somebody into a group; False when there is no such person or group."""
    params = {"group_id": group_id, "user_id": user_id, "added_by": added_by}
    return session.execute(QUERIES["record_member"], params) == 1


def has_say(session: Session, group_id: GroupId, user_id: UserId) -> bool:
    """Tell whether somebody is in a group, or made it."""
    params = {"group_id": group_id, "user_id": user_id}
    return session.get(QUERIES["find_membership"], Count, params).count > 0


def is_denied_something(session: Session, group_id: GroupId) -> bool:
    """Tell whether anything is denied to a group."""
    return session.get(QUERIES["count_denies"], Count, {"group_id": group_id}).count > 0


def remove_member(session: Session, group_id: GroupId, user_id: UserId) -> bool:
    """Take somebody out of a group; False when they were not in it."""
    params = {"group_id": group_id, "user_id": user_id}
    return session.execute(QUERIES["remove_member"], params) == 1
