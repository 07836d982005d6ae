"""Routes of auth: sign in, who am I, the public keys, the tenant's people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from functions.auth import (
    account_routes,
    backchannel_routes,
    identity_routes,
    invitation_routes,
    joining_routes,
    key_routes,
    oidc_routes,
    page_routes,
    provider_routes,
    second_factor_routes,
    session_routes,
)
from functions.auth.attempts import counted, record_failed_sign_in
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
from functions.auth.trail import record_sign_in
from functions.edge.http import Caller
from shared.audit import service as audit
from shared.identity import entering
from shared.identity import service as identity
from shared.identity.model import Device, SignIn, Welcome
from shared.identity.throttling import Try
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import App
from shared.wiring import app as wired

router = APIRouter()
for part in (
    session_routes,
    second_factor_routes,
    account_routes,
    joining_routes,
    invitation_routes,
    key_routes,
    oidc_routes,
    backchannel_routes,
    identity_routes,
    page_routes,
    provider_routes,
):
    router.include_router(part.router)


@router.post("/auth/login")
def sign_in(body: SignInRequest, request: Request, response: Response) -> TokenAnswer:
    """Exchange e-mail address and password for an access token and a refresh token.

    Where a code is asked for as well, the answer is a problem of the type
    ``second-factor-required`` with a challenge, for POST /auth/login/second-factor.
    """
    app, device = wired(), device_of(request)
    password = body.password.get_secret_value()
    rules = rules_of(app)
    account = _recognised(app, body, password, device)
    with app.database.transaction(account.tenant_id) as session:
        entered = entering.enter(session, account, password=password, rules=rules, device=device)
        if isinstance(entered, Welcome):
            record_sign_in(session, entered, "password")
    return signed_in(entering.let_in(entered), response)


def _recognised(app: App, body: SignInRequest, password: str, device: Device) -> SignIn:
    """Check the password, once the tries so far allow it; a failed one is on record."""
    try:
        with counted(app, Try("sign_in", body.email, device.address)):
            return identity.recognise(
                app.database, email=body.email, password=password, tenant_slug=body.tenant
            )
    except UnauthenticatedError:
        record_failed_sign_in(app, body.email, body.tenant, device)
        raise


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
