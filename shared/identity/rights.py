"""What roles allow: looked up in the tenant's own table, and never handed on beyond one's own."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.identity import store
from shared.identity.model import Principal, beyond
from shared.kernel.errors import InvalidError, RefusedError


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
