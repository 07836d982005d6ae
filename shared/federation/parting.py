"""Parting others from accounts at providers, as administrators do for who lost one there."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.federation import backchannel, linking, store
from shared.federation.logout_tokens import Logout
from shared.federation.model import KnownIdentity
from shared.identity.model import Principal, User
from shared.identity.rights import require_grantable
from shared.identity.service import find_user
from shared.kernel.clock import now
from shared.kernel.errors import NotFoundError, RefusedError
from shared.kernel.ids import UserId


def list_of_somebody(session: Session, caller: Principal, user_id: UserId) -> list[KnownIdentity]:
    """List who a person of the tenant is at providers.

    Raises RefusedError without users:manage, NotFoundError when there is no such person.
    """
    caller.require("users:manage")
    return store.list_identities(session, _person(session, user_id).id)


def part_somebody(
    session: Session, caller: Principal, user_id: UserId, *, issuer: str, subject: str
) -> str:
    """Part a person from an account at a provider; returns what to call the provider.

    Sessions opened there end, and sign-ins there that are under way. It may be their only way in:
    a letter gives a password to who asks for one.

    Raises RefusedError without users:manage, for who may do more than the caller and for oneself;
    NotFoundError when there is no such person or account.
    """
    caller.require("users:manage")
    if user_id == caller.user_id:
        raise RefusedError(
            "This account is your own.", hint="Part from it as yourself: DELETE /auth/identities."
        )
    person = _person(session, user_id)
    require_grantable(session, caller, person.role)
    known = store.find_identity(session, issuer, subject)
    if known is None or known.user_id != user_id:
        raise NotFoundError("They are not joined to this account.")
    there = linking.providers_at(session, issuer)
    gone = Logout(subject, "", now())
    for provider in there:
        backchannel.end_sessions(session, provider, gone, because=linking.PARTED)
    store.remove_identity(session, user_id, issuer=issuer, subject=subject)
    return linking.title_of(there, issuer)


def _person(session: Session, user_id: UserId) -> User:
    found = find_user(session, user_id)
    if found is None:
        raise NotFoundError("There is no such user.")
    return found
