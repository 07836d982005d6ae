"""Routes of auth: sign in, who am I, the public keys, the tenant's people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from functions.auth import key_routes, session_routes
from functions.auth.issuing import device_of, rules_of, signed_in
from functions.auth.schemas import (
    KeysAnswer,
    PersonAnswer,
    SignInRequest,
    TokenAnswer,
    UserAnswer,
    UserRequest,
    UsersAnswer,
    person_answer,
    user_answer,
)
from functions.edge.http import Caller
from shared.audit import service as audit
from shared.identity import service as identity
from shared.wiring import app as wired

router = APIRouter()
router.include_router(session_routes.router)
router.include_router(key_routes.router)


@router.post("/auth/login")
def sign_in(body: SignInRequest, request: Request, response: Response) -> TokenAnswer:
    """Exchange e-mail address and password for an access token and a refresh token."""
    app = wired()
    password = body.password.get_secret_value()
    rules = rules_of(app)
    account = identity.recognise(
        app.database, email=body.email, password=password, tenant_slug=body.tenant
    )
    with app.database.transaction(account.tenant_id) as session:
        welcome = identity.welcome(
            session, account, password=password, rules=rules, device=device_of(request)
        )
        audit.record(
            session,
            actor_id=welcome.user.id,
            action="user.signed_in",
            subject=f"user:{welcome.user.id}",
        )
    return signed_in(welcome, response)


@router.get("/auth/me")
def me(caller: Caller) -> PersonAnswer:
    """Tell who the token belongs to."""
    with wired().database.transaction(caller.tenant_id) as session:
        return person_answer(identity.me(session, caller), identity.own_tenant(session))


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
    return UsersAnswer(
        items=[user_answer(user) for user in page.items], next_cursor=page.next_cursor
    )


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
    return user_answer(user)
