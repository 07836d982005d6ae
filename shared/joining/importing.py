"""Importing: people taken over from another system, with the password hashes made there."""

from __future__ import annotations

from collections.abc import Sequence

from shared.adapters.database import Session
from shared.identity import passwords
from shared.identity.model import Principal, User
from shared.identity.rights import require_grantable
from shared.identity.service import admit
from shared.joining.model import MOST_IMPORTED, Imported
from shared.kernel.errors import InvalidError


def import_people(session: Session, principal: Principal, people: Sequence[Imported]) -> list[User]:
    """Take people over from another system, all or none; their hashes are renewed as they sign in.

    Raises RefusedError without users:manage, InvalidError for a hash that cannot be checked or
    too many people, ConflictError when an address is taken.
    """
    principal.require("users:manage")
    if len(people) > MOST_IMPORTED:
        raise InvalidError(
            f"These are {len(people)} people.", hint=f"Send at most {MOST_IMPORTED} at once."
        )
    for role in {person.role for person in people}:
        require_grantable(session, principal, role)
    return [
        admit(
            session,
            email=person.email,
            display_name=person.display_name,
            password_hash=passwords.check_importable(person.password_hash),
            role=person.role,
        )
        for person in people
    ]
