"""What the routes of auth take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from functions.edge.bodies import Body
from shared.identity.model import Tenant, User, Welcome
from shared.identity.session_store import UserSession

Text = Annotated[str, Field(min_length=1, max_length=256)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Opaque = Annotated[SecretStr, Field(min_length=1, max_length=256)]
Language = Literal["de", "en"]


class Request(Body):
    """What every request body is: its fields and nothing beside them."""


class SignInRequest(Request):
    """Who signs in; ``tenant`` (its slug) only if the address is known in several."""

    email: Text
    password: Password
    tenant: Annotated[str | None, Field(max_length=63)] = None


class RefreshRequest(Request):
    """The refresh token of the last answer; it counts once."""

    refresh_token: Opaque


class PersonAnswer(BaseModel):
    """The person who is signed in, and where."""

    id: UUID
    email: str
    display_name: str
    role: str
    tenant_id: UUID
    tenant: str


class TokenAnswer(BaseModel):
    """An access token, to be sent as ``Authorization: Bearer …``, and what renews it.

    ``expires_in`` and ``refresh_expires_in`` are in seconds; the refresh token counts once.
    """

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6749's name of the scheme
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    session_id: UUID
    user: PersonAnswer


class SessionAnswer(BaseModel):
    """Where somebody is signed in; ``seen_at`` is when its tokens were last renewed.

    ``provider`` is the title of the identity provider that it was opened at, if at one.
    """

    id: UUID
    is_current: bool
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str
    methods: list[str]
    provider: str | None


class SessionsAnswer(BaseModel):
    """A page of open sessions, the latest first."""

    items: list[SessionAnswer]
    next_cursor: str | None


class UserRequest(Request):
    """A person to be added to the caller's tenant.

    ``password`` is not made of words in ``email`` or ``display_name``.
    """

    email: Text
    display_name: Text
    password: Password
    role: Text = "viewer"


class UserAnswer(BaseModel):
    """A person of the tenant, as administrators see them."""

    id: UUID
    email: str
    display_name: str
    role: str
    is_active: bool
    created_at: datetime
    signed_in_at: datetime | None


class UsersAnswer(BaseModel):
    """A page of people by e-mail address."""

    items: list[UserAnswer]
    next_cursor: str | None


class KeysAnswer(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


def token_answer(welcome: Welcome, *, now: datetime) -> TokenAnswer:
    """Describe what a sign-in or a renewal hands out."""
    return TokenAnswer(
        access_token=welcome.access_token,
        expires_in=welcome.expires_in_s,
        refresh_token=welcome.refresh_token,
        refresh_expires_in=max(0, int((welcome.refresh_until - now).total_seconds())),
        session_id=welcome.session_id,
        user=person_answer(welcome.user, welcome.tenant),
    )


def person_answer(user: User, tenant: Tenant) -> PersonAnswer:
    """Describe the caller."""
    return PersonAnswer(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,
        tenant_id=tenant.id,
        tenant=tenant.slug,
    )


def user_answer(user: User) -> UserAnswer:
    """Describe a person of the tenant."""
    return UserAnswer(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,
        is_active=user.is_active,
        created_at=user.created_at,
        signed_in_at=user.signed_in_at,
    )


def session_answer(found: UserSession, *, current: UUID | None) -> SessionAnswer:
    """Describe a session; ``current`` is the one that the call rests on."""
    return SessionAnswer(
        id=found.id,
        is_current=found.id == current,
        created_at=found.created_at,
        seen_at=found.seen_at,
        expires_at=found.expires_at,
        user_agent=found.user_agent,
        address=found.address,
        methods=found.methods,
        provider=found.provider or None,
    )
