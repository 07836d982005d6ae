"""What somebody else's directory says of a person here: their role, and the groups they are in.

Asked at a sign-in, in the name of nobody who is allowed things: an administrator wrote down
beforehand which of the directory's groups mean what.
"""

from __future__ import annotations

from collections.abc import Collection

from shared.access import people_store as store
from shared.adapters.database import Session
from shared.kernel.ids import UserId


def follow_role(session: Session, user_id: UserId, role: str) -> bool:
    """Give a person a role; False when they have it, or nobody would be left to administer."""
    store.lock_administrators(session)
    person = store.find_person(session, user_id)
    if person is None or person.role == role:
        return False
    _give(session, user_id, role)
    if store.count_administrators(session) == 0:
        _give(session, user_id, person.role)
        return False
    return True


def follow_groups(
    session: Session, user_id: UserId, *, wanted: Collection[str], known: Collection[str]
) -> list[str]:
    """Put a person into the groups of these names, and out of others that the directory keeps.

    ``known`` names every group that it keeps; memberships in any other stay. Returns the changes,
    as ``+name`` and ``-name``; a name that no group has is left out.
    """
    before = {group.name.lower() for group in store.list_groups_of(session, user_id)}
    now = {name.lower() for name in wanted}
    changes = []
    for group in store.list_groups_named(session, [name.lower() for name in known]):
        name = group.name.lower()
        if name in now and name not in before:
            store.record_member(session, group.id, user_id, added_by=user_id)
            changes.append(f"+{group.name}")
        if name in before and name not in now:
            store.remove_member(session, group.id, user_id)
            changes.append(f"-{group.name}")
    return changes


def _give(session: Session, user_id: UserId, role: str) -> None:
    store.change_person(session, user_id, display_name=None, role=role, is_active=None)
