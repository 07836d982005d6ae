"""Use cases of groups: people who are granted things together. Groups hold no groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from shared.access import people_store as store
from shared.access.model import Group, GroupId, Member, check_text
from shared.adapters.database import Session
from shared.identity.model import Principal
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from shared.kernel.ids import UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

MAX_DESCRIPTION = 2000


def add_group(session: Session, principal: Principal, *, name: str, description: str) -> Group:
    """Make a group; raises RefusedError without groups:manage, ConflictError for a taken name."""
    principal.require("groups:manage")
    group_id = GroupId(new_id())
    clean = check_text("name", name)
    is_new = store.record_group(
        session,
        group_id,
        name=clean,
        description=_described(description),
        created_by=principal.user_id,
    )
    if not is_new:
        raise _taken(clean)
    return find_group(session, group_id)


def find_group(session: Session, group_id: GroupId) -> Group:
    """Return a group; raises NotFoundError."""
    group = store.find_group(session, group_id)
    if group is None:
        raise NotFoundError("There is no such group.")
    return group


def list_groups(session: Session, *, cursor: str | None, limit: int) -> Page[Group]:
    """List groups by name: who shares something has to know them."""
    after = decode_cursor(cursor, 1)[0] if cursor else ""
    limit = clamp_limit(limit)
    found = store.list_groups(session, after=after, limit=limit)
    last = encode_cursor(found[-1].name.lower()) if len(found) == limit else None
    return Page(found, last)


def change_group(
    session: Session,
    principal: Principal,
    group_id: GroupId,
    *,
    name: str | None,
    description: str | None,
) -> Group:
    """Rename or describe a group; what is ``None`` stays."""
    _require_say(session, principal, group_id)
    clean = None if name is None else check_text("name", name)
    said = None if description is None else _described(description)
    if not store.change_group(session, group_id, name=clean, description=said):
        raise _taken(clean or "")
    return find_group(session, group_id)


def remove_group(session: Session, principal: Principal, group_id: GroupId) -> Group:
    """Delete a group; nothing that was granted to it opens for others. Returns what it was.

    Raises RefusedError for one that something is denied to, without access:manage.
    """
    _require_say(session, principal, group_id)
    _require_to_let_out(session, principal, group_id)
    group = find_group(session, group_id)
    store.remove_group(session, group_id)
    return group


def list_members(
    session: Session, principal: Principal, group_id: GroupId, *, cursor: str | None, limit: int
) -> Page[Member]:
    """List a group's people by address; for those in it and those who may see users."""
    is_key = principal.credential == "key"
    if is_key or not store.has_say(session, group_id, principal.user_id):
        principal.require("groups:manage" if principal.may("groups:manage") else "users:read")
    find_group(session, group_id)
    after = decode_cursor(cursor, 1)[0] if cursor else None
    limit = clamp_limit(limit)
    found = store.list_members(session, group_id, after=after, limit=limit)
    return Page(found, encode_cursor(found[-1].email) if len(found) == limit else None)


def add_member(session: Session, principal: Principal, group_id: GroupId, user_id: UserId) -> None:
    """Put somebody into a group; adding twice is adding once.

    Raises RefusedError for a group the caller has no say in: joining it would give them what they
    were never granted.
    """
    _require_say(session, principal, group_id)
    if not store.record_member(session, group_id, user_id, added_by=principal.user_id):
        raise NotFoundError("There is no such user.")


def choose_groups(session: Session, principal: Principal, named: Sequence[str]) -> list[Group]:
    """Find groups by name or id, each of which the caller may put people into.

    Raises InvalidError for a group that is not there, RefusedError for one they have no say in.
    """
    found = {group.id: group for group in (_find_named(session, each) for each in named)}
    for group_id in found:
        _require_say(session, principal, group_id)
    return list(found.values())


def join_invited(
    session: Session, inviter: Principal, group_ids: Sequence[UUID], user_id: UserId
) -> tuple[GroupId, ...]:
    """Put who was invited into the groups that the inviter may still put people into."""
    return tuple(
        group_id
        for group_id in map(GroupId, group_ids)
        if _has_say(session, inviter, group_id)
        and store.record_member(session, group_id, user_id, added_by=inviter.user_id)
    )


def take_member(session: Session, principal: Principal, group_id: GroupId, user_id: UserId) -> None:
    """Take somebody out of a group; anybody may leave one, by themselves and not by a key.

    Raises NotFoundError, and RefusedError for a group that something is denied to: leaving it
    would open that, which only those who oversee access may do.
    """
    if user_id != principal.user_id or principal.credential == "key":
        _require_say(session, principal, group_id)
    _require_to_let_out(session, principal, group_id)
    if not store.remove_member(session, group_id, user_id):
        raise NotFoundError("They are not in this group.")


def require_say_over(session: Session, principal: Principal, names: Collection[str]) -> None:
    """Go on only if the caller might put people into the groups of these names by hand.

    Raises RefusedError, also for a name that no group has yet: whoever makes it later decides.
    """
    principal.require("groups:manage")
    if principal.may("access:manage"):
        return
    found = store.list_groups_named(session, [name.lower() for name in names])
    theirs = {
        group.name.lower() for group in found if store.has_say(session, group.id, principal.user_id)
    }
    others = sorted(name for name in names if name.lower() not in theirs)
    if others:
        raise RefusedError(
            f"You have no say in these groups: {', '.join(others)}.",
            hint="Ask one of their people, or somebody who oversees access.",
        )


def _require_to_let_out(session: Session, principal: Principal, group_id: GroupId) -> None:
    if not principal.may("access:manage") and store.is_denied_something(session, group_id):
        raise RefusedError(
            "Something is denied to this group, so nobody is let out of it by themselves.",
            hint="Ask somebody who oversees access.",
        )


def _require_say(session: Session, principal: Principal, group_id: GroupId) -> None:
    principal.require("groups:manage")
    find_group(session, group_id)
    if not _has_say(session, principal, group_id):
        raise RefusedError(
            "You neither made this group nor are you in it.",
            hint="Ask one of its people, or somebody who oversees access.",
        )


def _has_say(session: Session, principal: Principal, group_id: GroupId) -> bool:
    return principal.may("groups:manage") and (
        principal.may("access:manage") or store.has_say(session, group_id, principal.user_id)
    )


def _find_named(session: Session, named: str) -> Group:
    try:
        found = store.find_group(session, GroupId(UUID(named)))
    except ValueError:
        found = next(iter(store.list_groups_named(session, [named.strip().lower()])), None)
    if found is None:
        raise InvalidError(
            "There is no such group.",
            hint="`kontor group ls` lists the groups there are.",
            fields={"groups": "names or ids of groups that are there"},
        )
    return found


def _described(text: str) -> str:
    if len(text) > MAX_DESCRIPTION or "\0" in text:
        raise InvalidError(f"The description is longer than {MAX_DESCRIPTION} characters.")
    return text.strip()


def _taken(name: str) -> ConflictError:
    return ConflictError(f"There is a group {name} already.", hint="Choose another name.")
