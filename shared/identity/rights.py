"""What roles allow: looked up in the tenant's own table, and never handed on beyond one's own."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.identity import key_store, store
from shared.identity.model import Principal, beyond
from shared.kernel.errors import InvalidError, RefusedError
from shared.kernel.ids import UserId


def rights_of(session: Session, role: str) -> frozenset[str]:
    """Return a role's permissions; raises InvalidError when the tenant has no such role."""
    found = store.find_rights(session, role)
    if found is None:
        raise InvalidError(
            f"There is no role {role!r}.",
            hint="`kontor role ls` lists the roles there are.",
            fields={"role": "one of the tenant's roles"},
        )
    return frozenset(found.permissions)


def is_role(session: Session, role: str) -> bool:
    """Tell whether the tenant has a role."""
    return store.find_rights(session, role) is not None


def require_grantable(session: Session, principal: Principal, role: str) -> None:
    """Go on only if the caller holds everything that a role allows: nobody gives more than that.

    Raises RefusedError, and InvalidError when there is no such role.
    """
    more = beyond(principal.held, rights_of(session, role))
    if more:
        raise RefusedError(
            f"The role {role} allows more than yours does: {', '.join(more)}.",
            hint="Ask somebody who holds these permissions.",
        )


def standing_of(session: Session, user_id: UserId) -> Principal | None:
    """Return somebody with what they may do today, though they do not call; ``None`` when off."""
    holder = key_store.find_holder(session, user_id)
    if holder is None or not holder.is_active or session.tenant_id is None:
        return None
    held = rights_of(session, holder.role)
    return Principal(session.tenant_id, holder.id, holder.email, holder.role, permissions=held)


def may_grant(session: Session, principal: Principal, role: str) -> bool:
    """Tell whether there is such a role, and somebody holds everything that it allows."""
    found = store.find_rights(session, role)
    return found is not None and not beyond(principal.held, found.permissions)
