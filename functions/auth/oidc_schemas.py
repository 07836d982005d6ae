"""What the routes of identity providers take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from shared.federation.model import CLAIMS, KnownIdentity, Provider
from shared.federation.providers import MAX_AGE_S, Wanted

Short = Annotated[str, Field(min_length=1, max_length=200)]
Address = Annotated[str, Field(min_length=1, max_length=1000)]
Words = Annotated[list[Short], Field(max_length=50)]
Mapping = Annotated[dict[Short, Short], Field(max_length=200)]


class ProviderRequest(BaseModel):
    """An identity provider of the tenant.

    ``claims`` says where the provider's tokens tell ``email``, ``email_verified``, ``name`` and
    ``groups``. ``trusted_domains`` joins people to accounts that are there by verified address;
    ``allowed_domains`` keeps others out; ``makes_users`` makes accounts at the first sign-in,
    with the role that ``group_roles`` gives their groups, else ``default_role``.
    ``group_groups`` puts people into the tenant's groups by those of the provider. With
    ``trusts_second_factor`` a sign-in whose ID token says so needs no code of ours: by an ``acr``
    out of ``second_factor_acr``, or by ``mfa`` in ``amr`` where none is listed. ``max_age_s`` says
    how many seconds ago people may have signed in there. Without ``client_secret`` the one there
    is stays, or the client has none.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=63)]
    title: Short
    issuer: Address
    client_id: Short
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=1024)] | None = None
    scopes: Words = ["email", "profile"]
    claims: Mapping = dict(CLAIMS)
    allowed_domains: Words = []
    trusted_domains: Words = []
    group_roles: Mapping = {}
    group_groups: Mapping = {}
    default_role: Short = "viewer"
    makes_users: bool = False
    trusts_second_factor: bool = False
    second_factor_acr: Words = []
    max_age_s: Annotated[int, Field(ge=0, le=MAX_AGE_S)] | None = None
    takes_untyped_logout: bool = False
    is_active: bool = True

    def wanted(self) -> Wanted:
        """Return what is asked for, without the secret."""
        return Wanted(**self.model_dump(exclude={"client_secret"}))


class ProviderAnswer(BaseModel):
    """An identity provider; ``has_secret`` tells whether a client secret is kept."""

    id: UUID
    name: str
    title: str
    issuer: str
    client_id: str
    has_secret: bool
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
    redirect_uri: str
    backchannel_logout_uri: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, provider: Provider, *, redirect_uri: str, backchannel_logout_uri: str) -> Self:
        """Show a provider, with the addresses to register there."""
        return cls(
            id=provider.id,
            name=provider.name,
            title=provider.title,
            issuer=provider.issuer,
            client_id=provider.client_id,
            has_secret=bool(provider.secret_name),
            scopes=provider.scopes,
            claims=provider.claims,
            allowed_domains=provider.allowed_domains,
            trusted_domains=provider.trusted_domains,
            group_roles=provider.group_roles,
            group_groups=provider.group_groups,
            default_role=provider.default_role,
            makes_users=provider.makes_users,
            trusts_second_factor=provider.trusts_second_factor,
            second_factor_acr=provider.second_factor_acr,
            max_age_s=provider.max_age_s,
            takes_untyped_logout=provider.takes_untyped_logout,
            is_active=provider.is_active,
            redirect_uri=redirect_uri,
            backchannel_logout_uri=backchannel_logout_uri,
            created_at=provider.created_at,
            updated_at=provider.updated_at,
        )


class ProvidersAnswer(BaseModel):
    """The tenant's identity providers by name."""

    items: list[ProviderAnswer]


class LinkAnswer(BaseModel):
    """Where somebody may sign in: open ``start_url`` in a browser."""

    id: UUID
    name: str
    title: str
    start_url: str


class LinksAnswer(BaseModel):
    """The identity providers of one tenant, as somebody who is not signed in sees them."""

    items: list[LinkAnswer]


class CodeRequest(BaseModel):
    """The code that a sign-in handed over, and the verifier of the challenge it began with."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[SecretStr, Field(min_length=1, max_length=256)]
    code_verifier: Annotated[SecretStr, Field(min_length=43, max_length=128)]


class IdentityAnswer(BaseModel):
    """Who the caller is at an identity provider."""

    issuer: str
    subject: str
    email: str
    created_at: datetime
    signed_in_at: datetime

    @classmethod
    def of(cls, identity: KnownIdentity) -> Self:
        """Show an identity."""
        return cls(
            issuer=identity.issuer,
            subject=identity.subject,
            email=identity.email,
            created_at=identity.created_at,
            signed_in_at=identity.signed_in_at,
        )


class IdentitiesAnswer(BaseModel):
    """The caller's identities, the latest sign-in first."""

    items: list[IdentityAnswer]
