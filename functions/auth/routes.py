"""Routes of auth; login and the public keys need no authorizer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, SecretStr

from functions.edge.http import Caller
from shared.audit import service as audit
from shared.identity import service as identity
from shared.identity.keys import load_signing_key
from shared.identity.model import Tenant, User
from shared.wiring import App
from shared.wiring import app as wired

router = APIRouter()

Text = Annotated[str, Field(min_length=1, max_length=256)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class SignInRequest(BaseModel):
    """Who signs in; ``tenant`` (its slug) only if the address is known in several."""

    email: Text
    password: Password
    tenant: Annotated[str | None, Field(max_length=63)] = None


class PersonAnswer(BaseModel):
    """The person who is signed in, and where."""

    id: UUID
    email: str
    display_name: str
    role: str
    tenant_id: UUID
    tenant: str


class TokenAnswer(BaseModel):
    """An access token, to be sent as ``Authorization: Bearer …``; ``expires_in`` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6749's name of the scheme
    expires_in: int
    user: PersonAnswer


class UserRequest(BaseModel):
    """A person to be added to the caller's tenant."""

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


@router.post("/auth/login")
def sign_in(request: SignInRequest, response: Response) -> TokenAnswer:
    """Exchange e-mail address and password for an access token."""
    app = wired()
    password = request.password.get_secret_value()
    rules = _rules(app)
    account = identity.recognise(
        app.database, email=request.email, password=password, tenant_slug=request.tenant
    )
    with app.database.transaction(account.tenant_id) as session:
        welcome = identity.welcome(session, account, password=password, rules=rules)
        audit.record(
            session,
            actor_id=welcome.user.id,
            action="user.signed_in",
            subject=f"user:{welcome.user.id}",
        )
    response.headers["cache-control"] = "no-store"  # RFC 6749, section 5.1
    return TokenAnswer(
        access_token=welcome.access_token,
        expires_in=welcome.expires_in_s,
        user=_person(welcome.user, welcome.tenant),
    )


@router.get("/auth/me")
def me(caller: Caller) -> PersonAnswer:
    """Tell who the token belongs to."""
    with wired().database.transaction(caller.tenant_id) as session:
        return _person(identity.me(session, caller), identity.own_tenant(session))


@router.post("/auth/logout", status_code=204)
def sign_out(caller: Caller) -> None:
    """Void every token of the caller, on every device, at once."""
    with wired().database.transaction(caller.tenant_id) as session:
        identity.sign_out(session, caller)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="user.signed_out",
            subject=f"user:{caller.user_id}",
        )


@router.get("/.well-known/jwks.json")
def jwks(response: Response) -> KeysAnswer:
    """Publish the keys that tokens are checked with."""
    with wired().database.system_transaction() as session:
        keys = identity.published_keys(session)
    response.headers["cache-control"] = "public, max-age=60"
    return KeysAnswer(keys=keys)


@router.get("/api/v1/users")
def list_users(
    caller: Caller,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> UsersAnswer:
    """List the people of the caller's tenant."""
    with wired().database.transaction(caller.tenant_id) as session:
        page = identity.list_users(session, caller, cursor=cursor, limit=limit)
    return UsersAnswer(items=[_user(user) for user in page.items], next_cursor=page.next_cursor)


@router.post("/api/v1/users", status_code=201)
def add_user(request: UserRequest, caller: Caller) -> UserAnswer:
    """Add a person to the caller's tenant."""
    with wired().database.transaction(caller.tenant_id) as session:
        user = identity.add_user(
            session,
            caller,
            email=request.email,
            display_name=request.display_name,
            password=request.password.get_secret_value(),
            role=request.role,
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="user.added",
            subject=f"user:{user.id}",
            details={"role": user.role},
        )
    return _user(user)


def _rules(app: App) -> identity.TokenRules:
    return identity.TokenRules(
        key=load_signing_key(app.secrets, app.settings.signing_secret),
        issuer=app.settings.token_issuer,
        life_s=app.settings.access_token_s,
    )


def _person(user: User, tenant: Tenant) -> PersonAnswer:
    return PersonAnswer(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,
        tenant_id=tenant.id,
        tenant=tenant.slug,
    )


def _user(user: User) -> UserAnswer:
    return UserAnswer(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        role=user.role,
        is_active=user.is_active,
        created_at=user.created_at,
        signed_in_at=user.signed_in_at,
    )
