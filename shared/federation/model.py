"""What is known of identity providers, and of people as providers see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.kernel.ids import TenantId, UserId

# Where a provider's claims say what we want to know; dotted paths reach into objects.
CLAIMS: Final[Mapping[str, str]] = {
    "email": "email",
    "email_verified": "email_verified",
    "name": "name",
    "groups": "groups",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider of a tenant; ``secret_name`` names the secret with the client's secret.

    People whose address lies in ``trusted_domains`` are joined to the account of that address;
    ``allowed_domains``, where there are any, keep everybody else out. Where it
    ``trusts_second_factor``, a token whose ``acr`` is one of ``second_factor_acr`` (whose ``amr``
    says ``mfa`` where none is listed) stands for our own code. A sign-in there may be ``max_age_s``
    old; ``None`` leaves that to the provider. Where it ``takes_untyped_logout``, logout tokens
    count that are no more than JWTs by their type.
    """

    id: UUID
    name: str
    title: str
    issuer: str
    client_id: str
    secret_name: str
    scopes: list[str]
    claims: dict[str, str]
    allowed_domains: list[str]
    trusted_domains: list[str]
    group_roles: dict[str, str]
    group_groups: dict[str, str]
    default_role: str
    makes_users: bool
    trusts_second_factor: bool
    second_factor_acr: list[str]
    max_age_s: int | None
    takes_untyped_logout: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderLink:
    """A row of ``kontor.find_oidc_providers``: what somebody who is not signed in may know."""

    tenant_id: TenantId
    id: UUID
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A visit to a provider that came back: to sign in, or to join an account there to one here.

    ``link_user_id`` is whose account it is to be joined to, ``link_session_id`` who asked for that.
    """

    provider_id: UUID
    cookie_hash: bytes
    nonce: str
    code_verifier: str
    return_to: str
    challenge: str
    link_user_id: UserId | None = None
    link_session_id: UUID | None = None

    def __repr__(self) -> str:
        return f"Flow({self.provider_id})"


@dataclass(frozen=True, slots=True)
class Linker:
    """Who joins an account at a provider to their own, and by which session."""

    user_id: UserId
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Linkage:
    """An account at a provider that is to be joined to one here; its address is only shown."""

    provider_id: UUID
    issuer: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many."""

    count: int


@dataclass(frozen=True, slots=True)
class OwnWay:
    """Whether a person may sign in without any provider."""

    has_password: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Which account a subject of an issuer is."""

    user_id: UserId
    made_user: bool


@dataclass(frozen=True, slots=True)
class EndedThere:
    """A session that ended because its owner signed out at the provider."""

    id: UUID
    user_id: UserId


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """An identity of a person, as the person and administrators see it."""

    issuer: str
    subject: str
    email: str
    created_at: datetime
    signed_in_at: datetime


@dataclass(frozen=True, slots=True)
class Foreigner:
    """A person as a provider's verified token describes them.

    ``has_second_factor`` tells that the token vouches for one and the provider is trusted for it;
    ``sid`` is the provider's name for the session there, if it told one.
    """

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    name: str
    groups: tuple[str, ...]
    has_second_factor: bool = False
    sid: str = ""

    @property
    def domain(self) -> str:
        """Return the domain of the address; empty without one."""
        return self.email.rpartition("@")[2]
