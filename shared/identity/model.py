"""Tenants, users and roles; the principal in whose name every request acts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from shared.kernel.errors import RefusedError
from shared.kernel.ids import TenantId, UserId

_READING: Final = frozenset({"documents:read", "search", "chat"})
_WRITING: Final = _READING | {"documents:write", "documents:share"}

# Everything that can be allowed. ``access:manage`` is to see and share whatever there is.
PERMISSIONS: Final = _WRITING | {
    "documents:erase", "access:manage", "users:read", "users:manage", "groups:manage",
    "roles:manage", "system:read", "system:operate", "reading:manage", "models:manage",
    "search:manage", "audit:read", "webhooks:manage", "tenant:manage",
}  # fmt: skip
# What the first template gives (the table ``role_templates`` holds all of them): for calls whose
# permissions nobody has looked up.
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "admin": frozenset({"*"}),
    "editor": _WRITING,
    "viewer": _READING,
}


# The sets a tenant's roles may begin from; each has an ``admin`` who may do everything.
ROLE_TEMPLATES: Final = ("editorial", "community", "research")


def allows(held: Collection[str], permission: str) -> bool:
    """Tell whether the permissions held cover one, wildcards (``documents:*``, ``*``) included."""
    resource, _, _ = permission.partition(":")
    return permission in held or f"{resource}:*" in held or "*" in held


def beyond(held: Collection[str], wanted: Collection[str]) -> list[str]:
    """List what of ``wanted``, wildcards included, ``held`` does not cover."""
    return sorted(permission for permission in wanted if not allows(held, permission))


Credential = Literal["session", "key", "link"]
FirstFactor = Literal["password", "oidc"]


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """The identity provider that somebody signed in at, and its name for the session there."""

    provider_id: UUID
    sid: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a user of one tenant, as the verified token or key says.

    ``permissions`` are those in force for this call (a key's scopes narrow its bearer's role);
    ``None`` stands for what the role template of that name gives. ``session_id`` names the
    sign-in, the key or the link that the call rests on.
    """

    tenant_id: TenantId
    user_id: UserId
    email: str
    role: str
    permissions: frozenset[str] | None = None
    credential: Credential = "session"
    session_id: UUID | None = None

    @property
    def viewer(self) -> str:
        """Return whose eyes transactions see with in this call (``kernel.context``)."""
        if self.credential == "link":
            return f"link:{self.session_id}"
        if self.credential == "key" and not self.may("access:manage"):
            return f"keys:{self.user_id}"  # its holder may see everything; it may not
        return f"user:{self.user_id}"

    @property
    def held(self) -> frozenset[str]:
        """Return the permissions in force, wildcards as they stand."""
        if self.permissions is None:
            return ROLES.get(self.role, frozenset())
        return self.permissions

    def may(self, permission: str) -> bool:
        """Tell whether a permission is in force; an unknown role carries none."""
        return allows(self.held, permission)

    def require(self, permission: str) -> None:
        """Go on only with a permission.

        Raises RefusedError when the role lacks it, ValueError when no such permission exists.
        """
        if permission not in PERMISSIONS:
            raise ValueError(f"{permission} is not a permission; use one of {sorted(PERMISSIONS)}")
        if not self.may(permission) and self.credential == "key":
            raise RefusedError(
                f"This key does not allow this: {permission}.",
                hint="Give it the scope: PATCH /api/v1/keys/{id}, if its holder's role allows it.",
            )
        if not self.may(permission):
            raise RefusedError(
                f"Your role ({self.role}) does not allow this: {permission}.",
                hint="Ask an administrator of your tenant for another role.",
            )


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation: everything in the product belongs to exactly one."""

    id: TenantId
    slug: str
    name: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person of one tenant. ``token_epoch`` counts sign-outs: older tokens are void."""

    id: UserId
    email: str
    display_name: str
    role: str
    is_active: bool
    token_epoch: int
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A row of ``kontor.find_sign_in``: one account that an e-mail address may mean."""

    tenant_id: TenantId
    tenant_slug: str
    user_id: UserId
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """What an access token is checked against: the account and its session as they are now."""

    email: str
    role: str
    token_epoch: int
    is_active: bool
    is_signed_in: bool
    permissions: list[str]


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role of the tenant allows today."""

    permissions: list[str]


_MAX_USER_AGENT, _MAX_ADDRESS = 256, 64


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody signs in, as far as a request tells; cut to what is kept."""

    address: str = ""
    user_agent: str = ""

    def __post_init__(self) -> None:
        agent = "".join(sign if sign.isprintable() else " " for sign in self.user_agent)
        object.__setattr__(self, "user_agent", agent[:_MAX_USER_AGENT])
        object.__setattr__(self, "address", self.address[:_MAX_ADDRESS])


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a signing key; ``id`` is its thumbprint, ``public_key`` 32 bytes."""

    id: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a successful sign-in hands out; the refresh token is good until ``refresh_until``."""

    access_token: str = field(repr=False)
    expires_in_s: int
    refresh_token: str = field(repr=False)
    refresh_until: datetime
    session_id: UUID
    user: User
    tenant: Tenant
