"""Joining an account at a provider to one's own by hand, and parting from it.

Two browsers are kept apart on purpose. Where a browser comes back from the provider, nothing is
joined yet: a code is handed to where the joining was to end, and only the session that began it,
with the verifier of its challenge, makes that count. Whoever sends somebody else the address to
begin with gets no code; whoever is sent there has not the session.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from shared.adapters.database import Session
from shared.federation import store
from shared.federation.client import challenge_of
from shared.federation.model import Flow, Foreigner, KnownIdentity, Linkage, Linker, Provider
from shared.federation.service import check_domain
from shared.identity import sessions
from shared.identity.model import Principal
from shared.kernel.errors import (
    ConflictError,
    NotFoundError,
    UnauthenticatedError,
)
from shared.kernel.ids import TenantId, UserId

START_LIFE_S: Final = 300
MOST_IDENTITIES: Final = 20
PARTED: Final = "an account at a provider was removed"


def check_begun(session: Session, tenant_id: TenantId, linker: Linker) -> None:
    """Go on only while the session that began lasts and its account is active.

    Raises UnauthenticatedError.
    """
    caller = Principal(tenant_id, linker.user_id, "", "", session_id=linker.session_id)
    sessions.check_alive(session, caller)


def offer(
    session: Session, provider: Provider, foreigner: Foreigner, flow: Flow
) -> tuple[UserId, dict[str, object]]:
    """Say whose a code is to be, and what it stands for, once a browser is back from a provider.

    Raises UnauthenticatedError when the session that began has ended, RefusedError for an address
    that may not come by this provider, ConflictError when somebody else has the identity.
    """
    assert session.tenant_id is not None, "flows belong to a tenant"
    linker = linker_of(flow)
    check_begun(session, session.tenant_id, linker)
    check_domain(provider, foreigner)
    _require_free(session, foreigner.issuer, foreigner.subject, linker.user_id)
    return linker.user_id, {
        "challenge": flow.challenge,
        "session": str(linker.session_id),
        "provider": str(provider.id),
        "issuer": foreigner.issuer,
        "subject": foreigner.subject,
        "email": foreigner.email,
    }


def linker_of(flow: Flow) -> Linker:
    """Return who began a visit that joins an account."""
    assert flow.link_user_id is not None, "asked of joinings only"
    assert flow.link_session_id is not None, "they come together"
    return Linker(flow.link_user_id, flow.link_session_id)


def read_offer(
    caller: Principal, user_id: UserId, offered: Mapping[str, object], *, code_verifier: str
) -> Linkage:
    """Read what a code stands for, if it is the caller's.

    Raises UnauthenticatedError for another account, session or verifier: nobody learns which.
    """
    is_own = user_id == caller.user_id and str(offered["session"]) == str(caller.session_id)
    challenge = challenge_of(code_verifier)
    if not is_own or not hmac.compare_digest(challenge, str(offered["challenge"])):
        raise UnauthenticatedError(
            "The code was used, is too old or not one of ours.", hint="Begin again."
        )
    return Linkage(
        provider_id=UUID(str(offered["provider"])),
        issuer=str(offered["issuer"]),
        subject=str(offered["subject"]),
        email=str(offered["email"]),
    )


def join(session: Session, caller: Principal, linkage: Linkage) -> Provider | None:
    """Join an account at a provider to the caller's; ``None`` when it is joined already.

    Raises ConflictError when somebody else has it or the caller has too many, NotFoundError when
    the provider is gone, UnauthenticatedError when the caller's session has ended.
    """
    sessions.check_alive(session, caller)
    provider = store.find_provider(session, linkage.provider_id)
    if provider is None or not provider.is_active or provider.issuer != linkage.issuer:
        raise NotFoundError("There is no such identity provider.")
    known = _require_free(session, linkage.issuer, linkage.subject, caller.user_id)
    if known:
        return None
    if len(store.list_identities(session, caller.user_id)) >= MOST_IDENTITIES:
        raise ConflictError(
            f"You have {MOST_IDENTITIES} accounts at providers already.", hint="Remove one first."
        )
    if not store.record_linked_identity(session, linkage, caller.user_id):
        raise _taken()
    return provider


def find_identity(session: Session, user_id: UserId, *, issuer: str, subject: str) -> KnownIdentity:
    """Return an identity of a person; raises NotFoundError."""
    for each in store.list_identities(session, user_id):
        if (each.issuer, each.subject) == (issuer, subject):
            return each
    raise NotFoundError("You are not joined to this account.")


def part(session: Session, caller: Principal, *, issuer: str, subject: str) -> str:
    """Part the caller from an account at a provider; returns what to call the provider.

    Sessions that were opened there end, but not the one of the call. Raises NotFoundError,
    ConflictError when the caller could not sign in any more.
    """
    own = store.find_own_way(session, caller.user_id)
    find_identity(session, caller.user_id, issuer=issuer, subject=subject)
    others = store.count_other_identities(session, caller.user_id, issuer=issuer, subject=subject)
    if not others and (own is None or not own.has_password):
        raise ConflictError(
            "This is your only way in: you have no password and no other account to sign in by.",
            hint="Set a password first (POST /auth/password/forgot), or join another account.",
        )
    store.remove_identity(session, caller.user_id, issuer=issuer, subject=subject)
    there = providers_at(session, issuer)
    sessions.end_opened_at(session, caller, [each.id for each in there], because=PARTED)
    return title_of(there, issuer)


def providers_at(session: Session, issuer: str) -> list[Provider]:
    """List the tenant's providers of an issuer."""
    return [each for each in store.list_providers(session) if each.issuer == issuer]


def title_of(there: Sequence[Provider], issuer: str) -> str:
    """Return what to call an issuer in a letter; by its address when its providers are gone."""
    return there[0].title if there else issuer.partition("://")[2]


def _require_free(session: Session, issuer: str, subject: str, user_id: UserId) -> bool:
    """Tell whether a person has an identity; raises ConflictError when somebody else does."""
    known = store.find_identity(session, issuer, subject)
    if known is not None and known.user_id != user_id:
        raise _taken()
    return known is not None


def _taken() -> ConflictError:
    return ConflictError(
        "This account at the identity provider is joined to another account here.",
        hint="Sign in there as somebody else, or part the two first.",
    )
