"""The rows of foreign sign-in, one typed function per query."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.federation.logout_tokens import Logout
from shared.federation.model import (
    Count,
    EndedThere,
    Flow,
    Foreigner,
    Identity,
    KnownIdentity,
    Linkage,
    OwnWay,
    Provider,
    ProviderLink,
)
from shared.kernel.ids import UserId
from shared.tickets.model import LIFE_S

QUERIES = load_queries("shared.federation")


def list_provider_links(
    session: Session, *, tenant_slug: str | None, provider_id: UUID | None
) -> list[ProviderLink]:
    """List the active providers of a tenant's slug, or the one of an id, in any tenant."""
    params = {"tenant_slug": tenant_slug, "id": provider_id}
    return session.all(QUERIES["list_provider_links"], ProviderLink, params)


def list_providers(session: Session) -> list[Provider]:
    """List the tenant's providers by name."""
    return session.all(QUERIES["list_providers"], Provider)


def find_provider(session: Session, provider_id: UUID) -> Provider | None:
    """Look a provider up."""
    return session.find(QUERIES["find_provider"], Provider, {"id": provider_id})


def record_provider(session: Session, provider: Provider) -> bool:
    """Insert or change a provider; False when its name is another's."""
    params = {
        "id": provider.id,
        "name": provider.name,
        "title": provider.title,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "secret_name": provider.secret_name,
        "scopes": provider.scopes,
        "claims": json.dumps(provider.claims),
        "allowed_domains": provider.allowed_domains,
        "trusted_domains": provider.trusted_domains,
        "group_roles": json.dumps(provider.group_roles),
        "group_groups": json.dumps(provider.group_groups),
        "default_role": provider.default_role,
        "makes_users": provider.makes_users,
        "trusts_second_factor": provider.trusts_second_factor,
        "second_factor_acr": provider.second_factor_acr,
        "max_age_s": provider.max_age_s,
        "takes_untyped_logout": provider.takes_untyped_logout,
        "is_active": provider.is_active,
    }
    return session.execute(QUERIES["record_provider"], params) > 0


def remove_provider(session: Session, provider_id: UUID) -> bool:
    """Delete a provider; False when there was none."""
    return session.execute(QUERIES["remove_provider"], {"id": provider_id}) > 0


def record_flow(session: Session, flow: Flow, *, state_hash: bytes, life_s: int) -> None:
    """Insert a sign-in that is under way."""
    session.execute(
        QUERIES["record_flow"],
        {
            "state_hash": state_hash,
            "cookie_hash": flow.cookie_hash,
            "provider_id": flow.provider_id,
            "nonce": flow.nonce,
            "code_verifier": flow.code_verifier,
            "return_to": flow.return_to,
            "challenge": flow.challenge,
            "link_user_id": flow.link_user_id,
            "link_session_id": flow.link_session_id,
            "life_s": life_s,
        },
    )


def take_flow(session: Session, state_hash: bytes, cookie_hash: bytes) -> Flow | None:
    """Delete a sign-in that is in time and this browser's; ``None`` when there is none."""
    params = {"state_hash": state_hash, "cookie_hash": cookie_hash}
    return session.find(QUERIES["take_flow"], Flow, params)


def remove_old_flows(session: Session) -> None:
    """Delete the sign-ins that never came back."""
    session.execute(QUERIES["remove_old_flows"])


def find_identity(session: Session, issuer: str, subject: str) -> Identity | None:
    """Find whose account a subject of an issuer is."""
    return session.find(QUERIES["find_identity"], Identity, {"issuer": issuer, "subject": subject})


def record_identity(
    session: Session, foreigner: Foreigner, user_id: UserId, *, made_user: bool
) -> None:
    """Join a subject of an issuer to an account."""
    session.execute(
        QUERIES["record_identity"],
        {
            "issuer": foreigner.issuer,
            "subject": foreigner.subject,
            "email": foreigner.email,
            "user_id": user_id,
            "made_user": made_user,
        },
    )


def record_linked_identity(session: Session, identity: Linkage, user_id: UserId) -> bool:
    """Join a subject of an issuer to an account by hand; False when it is joined to one."""
    params = {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "email": identity.email,
        "user_id": user_id,
    }
    return session.execute(QUERIES["record_linked_identity"], params) > 0


def find_own_way(session: Session, user_id: UserId) -> OwnWay | None:
    """Tell whether a person has a password, and keep others from changing their ways in."""
    return session.find(QUERIES["find_own_way"], OwnWay, {"user_id": user_id})


def count_other_identities(session: Session, user_id: UserId, *, issuer: str, subject: str) -> int:
    """Count by how many other identities a person may sign in."""
    params = {"user_id": user_id, "issuer": issuer, "subject": subject}
    return session.get(QUERIES["count_other_identities"], Count, params).count


def change_identity_used(session: Session, foreigner: Foreigner) -> None:
    """Note a sign-in, and the address the provider knows today."""
    params = {
        "issuer": foreigner.issuer,
        "subject": foreigner.subject,
        "email": foreigner.email,
    }
    session.execute(QUERIES["change_identity_used"], params)


def list_identities(session: Session, user_id: UserId) -> list[KnownIdentity]:
    """List a person's identities."""
    return session.all(QUERIES["list_identities"], KnownIdentity, {"user_id": user_id})


def remove_identity(session: Session, user_id: UserId, *, issuer: str, subject: str) -> bool:
    """Part a person from an identity; False when there was none."""
    params = {"user_id": user_id, "issuer": issuer, "subject": subject}
    return session.execute(QUERIES["remove_identity"], params) > 0


def change_to_ended_there(
    session: Session, provider: Provider, logout: Logout, *, before: datetime, because: str
) -> list[EndedThere]:
    """End the sessions opened at a provider before a moment that a sign-out there is about."""
    params = {**_there(provider, logout, before), "because": because}
    return session.all(QUERIES["change_to_ended_there"], EndedThere, params)


def remove_waiting(
    session: Session, provider: Provider, logout: Logout, *, before: datetime
) -> None:
    """Delete the sign-ins under way that began at a provider before a moment."""
    there = _there(provider, logout, before)
    session.execute(QUERIES["remove_challenges_there"], there)
    session.execute(QUERIES["remove_codes_there"], {**there, "life_s": LIFE_S})


def _there(provider: Provider, logout: Logout, before: datetime) -> dict[str, object]:
    return {
        "provider_id": provider.id,
        "issuer": provider.issuer,
        "subject": logout.subject,
        "sid": logout.sid,
        "before": before,
    }
