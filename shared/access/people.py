"""Use cases of accounts as administrators change them: role, switched on or off, removed.

Nobody touches an account that may do more than they may themselves.
"""

from __future__ import annotations

from shared.access import people_store as store
from shared.access.model import Person, check_text
from shared.access.roles import require_administrator
from shared.adapters.database import Session
from shared.identity.model import Principal
from shared.identity.rights import require_grantable
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import UserId


def change_person(
    session: Session,
    principal: Principal,
    user_id: UserId,
    *,
    display_name: str | None = None,
    role: str | None = None,
    is_active: bool | None = None,
) -> Person:
    """Give an account another role or name, switch it off or on again; ``None`` stays.

    Switching off ends every session at once, because tokens are checked against the account.
    Raises RefusedError, NotFoundError, InvalidError for an unknown role, ConflictError for the
    last administrator.
    """
    _open(session, principal, user_id)
    if role is not None:
        require_grantable(session, principal, role)
    name = None if display_name is None else check_text("display_name", display_name)
    store.change_person(session, user_id, display_name=name, role=role, is_active=is_active)
    require_administrator(session)
    return _find(session, user_id)


def remove_person(session: Session, principal: Principal, user_id: UserId) -> Person:
    """Delete an account with its sessions, keys, conversations and memberships; returns who it was.

    What the person put in stays, and is managed by whoever it was granted to. Raises as
    ``change_person`` does.
    """
    person = _open(session, principal, user_id)
    store.remove_person(session, user_id)
    require_administrator(session)
    return person


def _open(session: Session, principal: Principal, user_id: UserId) -> Person:
    principal.require("users:manage")
    store.lock_administrators(session)
    person = _find(session, user_id)
    require_grantable(session, principal, person.role)
    return person


def _find(session: Session, user_id: UserId) -> Person:
    person = store.find_person(session, user_id)
    if person is None:
        raise NotFoundError("There is no such user.")
    return person
