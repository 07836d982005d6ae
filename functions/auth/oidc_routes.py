"""Routes of signing in at an identity provider: where, go there, come back, take the tokens."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from functions.auth.addresses import (
    CALLBACK,
    cookie_of,
    forget_cookie,
    origins,
    redirect_uri,
    sent_off,
)
from functions.auth.issuing import device_of, rules_of, signed_in
from functions.auth.oidc_schemas import (
    CodeRequest,
    IdentitiesAnswer,
    IdentityAnswer,
    LinkAnswer,
    LinksAnswer,
)
from functions.auth.schemas import TokenAnswer
from functions.auth.trail import record_joined, record_sign_in
from functions.edge.http import SignedIn
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.federation import linking
from shared.federation import service as federation
from shared.federation.client import Exchange, challenge_of
from shared.federation.id_tokens import describe
from shared.federation.model import Flow, Foreigner, Provider
from shared.federation.returning import address_with, check_return
from shared.identity import accounts, entering, opaque
from shared.identity.entering import Challenge
from shared.identity.model import ProviderSession, Welcome
from shared.kernel.context import set_tenant
from shared.kernel.errors import InvalidError, KontorError, UnauthenticatedError
from shared.kernel.ids import UserId
from shared.tickets import service as tickets
from shared.wiring import App
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
router = APIRouter(tags=["sign-in"])
Text = Annotated[str, Query(max_length=4096)]


@dataclass(frozen=True, slots=True)
class Came:
    """Who came back from which provider, and whether it stands for the second factor as well."""

    user_id: UserId
    there: ProviderSession
    has_both: bool


@router.get("/auth/oidc/providers")
def list_links(tenant: Annotated[str, Query(max_length=63)]) -> LinksAnswer:
    """List where people of a tenant may sign in; a tenant that is not there has nothing."""
    found = federation.list_links(wired().database, tenant_slug=tenant)
    return LinksAnswer(
        items=[
            LinkAnswer(
                id=link.id,
                name=link.name,
                title=link.title,
                start_url=f"/auth/oidc/{link.id}/start",
            )
            for link in found
        ]
    )


@router.get("/auth/oidc/{provider_id}/start", response_class=RedirectResponse, status_code=303)
def start(
    provider_id: UUID, request: Request, return_to: Text = "", challenge: Text = ""
) -> RedirectResponse:
    """Send the browser to the provider.

    With ``return_to`` the sign-in ends there with a code, for which ``POST /auth/oidc/token``
    gives tokens to who knows the verifier of ``challenge``; without it, it ends with the tokens.
    """
    app = wired()
    check_return(return_to, challenge, origins=origins(app))
    link = federation.find_link(app.database, provider_id)
    with app.database.transaction(link.tenant_id) as session:
        departure = federation.depart(
            session,
            app.oidc_client,
            link.id,
            redirect_uri=redirect_uri(app, request),
            return_to=return_to,
            challenge=challenge,
        )
    return sent_off(app, request, departure)


@router.get(CALLBACK, response_model=TokenAnswer)
def come_back(
    request: Request,
    response: Response,
    state: Text,
    *,
    code: Text = "",
    error: Text = "",
    iss: Text | None = None,
) -> TokenAnswer | Response:
    """Take the provider's answer, and end the sign-in where it was to end."""
    app = wired()
    shown = opaque.present("state", state)
    if shown is None:
        raise UnauthenticatedError("This sign-in is not one of ours.", hint="Begin again.")
    set_tenant(str(shown.tenant_id))
    name = cookie_of(app, request, federation.cookie_name(state))
    with app.database.transaction(shown.tenant_id) as session:
        flow, provider = federation.come_back(session, shown, cookie=request.cookies.get(name, ""))
    try:
        federation.check_sender(app.oidc_client.metadata(provider.issuer), iss)
        foreigner = _believed(app, request, flow, provider, code=code, error=error)
        with app.database.transaction(shown.tenant_id) as session:
            if flow.return_to:
                handed = _handed(session, app, flow, provider, foreigner)
            else:
                came = Came(
                    _welcomed(session, app, provider, foreigner),
                    ProviderSession(provider.id, foreigner.sid),
                    foreigner.has_second_factor,
                )
                entered = _entered(session, app, request, came)
        app.relay_facts(shown.tenant_id)
    except KontorError as problem:
        if not flow.return_to:
            raise
        logger.info("sign-in refused", extra={"code": problem.code, "reason": problem.detail})
        said = {"error": problem.code, "error_description": problem.detail}
        return _back(address_with(flow.return_to, said), name)
    if flow.return_to:
        return _back(address_with(flow.return_to, {"code": handed}), name)
    forget_cookie(response, name)
    return signed_in(entering.let_in(entered), response)


@router.post("/auth/oidc/token")
def take_tokens(body: CodeRequest, request: Request, response: Response) -> TokenAnswer:
    """Trade the code that a sign-in handed over for tokens; it counts once, for a minute."""
    app = wired()
    shown = opaque.present("code", body.code.get_secret_value())
    if shown is None:
        raise _no_code()
    with app.database.transaction(shown.tenant_id) as session:
        # Committed before the verifier is looked at: a code that somebody guesses at is used up.
        taken = tickets.take(session, shown, "sign_in")
    challenge = challenge_of(body.code_verifier.get_secret_value())
    if not hmac.compare_digest(challenge, str(taken.body["challenge"])):
        raise _no_code()
    with app.database.transaction(shown.tenant_id) as session:
        provider = federation.require_provider(session, UUID(str(taken.body["provider"])))
        there = ProviderSession(provider.id, str(taken.body.get("sid", "")))
        came = Came(taken.user_id, there, taken.body.get("second_factor") is True)
        entered = _entered(session, app, request, came)
    return signed_in(entering.let_in(entered), response)


@router.get("/auth/identities")
def list_identities(caller: SignedIn) -> IdentitiesAnswer:
    """List who the caller is at identity providers."""
    with wired().database.transaction(caller.tenant_id) as session:
        found = federation.list_identities(session, caller.user_id)
    return IdentitiesAnswer(items=[IdentityAnswer.of(each) for each in found])


def _believed(
    app: App, request: Request, flow: Flow, provider: Provider, *, code: str, error: str
) -> Foreigner:
    """Trade the provider's code for who the person is. Raises UnauthenticatedError."""
    if error or not code:
        raise UnauthenticatedError(
            "The identity provider did not sign you in.", hint="Begin again, or ask there why."
        )
    secret = app.secrets.read(provider.secret_name) if provider.secret_name else ""
    asked = Exchange(
        code=code,
        code_verifier=flow.code_verifier,
        nonce=flow.nonce,
        redirect_uri=redirect_uri(app, request),
        client_secret=secret,
    )
    return describe(provider, app.oidc_client.exchange(provider, asked))


def _welcomed(session: Session, app: App, provider: Provider, foreigner: Foreigner) -> UserId:
    """Find the person's account, write down what became of it, and tell whose it was before."""
    arrived = federation.welcome(session, provider, foreigner)
    if arrived.how == "joined":
        accounts.notify(
            session, app.mailroom, arrived.user_id, "identity_joined", name=provider.title
        )
    about = {"provider": provider.name, "issuer": provider.issuer, "subject": foreigner.subject}
    if arrived.how == "made":
        _record(session, arrived.user_id, "user.added", about)
    if arrived.invited is not None:
        record_joined(session, arrived.invited, how=provider.name)
    if arrived.how != "known":
        _record(session, arrived.user_id, "identity.joined", about)
    if arrived.new_role is not None:
        _record(session, arrived.user_id, "user.role_changed", {**about, "role": arrived.new_role})
    for change in arrived.groups:
        action = "group.joined" if change.startswith("+") else "group.left"
        _record(session, arrived.user_id, action, {**about, "group": change[1:]})
    return arrived.user_id


def _handed(
    session: Session, app: App, flow: Flow, provider: Provider, foreigner: Foreigner
) -> str:
    """Make the code that the visit ends with: for tokens, or to join the two accounts."""
    if flow.link_user_id is not None:
        owner, offered = linking.offer(session, provider, foreigner, flow)
        return tickets.issue(session, owner, "link", offered)
    user_id = _welcomed(session, app, provider, foreigner)
    body = {
        "challenge": flow.challenge,
        "provider": str(provider.id),
        "second_factor": foreigner.has_second_factor,
        "sid": foreigner.sid,
    }
    return tickets.issue(session, user_id, "sign_in", body)


def _entered(session: Session, app: App, request: Request, came: Came) -> Welcome | Challenge:
    """Open the session, or ask for a code where the provider does not stand for the second factor.

    A challenge is answered, not raised, so that it commits.
    """
    entered = entering.enter_after(
        session,
        came.user_id,
        "oidc",
        device=device_of(request),
        rules=rules_of(app),
        there=came.there,
        has_both=came.has_both,
    )
    if isinstance(entered, Welcome):
        record_sign_in(session, entered, "oidc", *(["mfa"] if came.has_both else []))
    return entered


def _record(session: Session, user_id: UserId, action: str, details: dict[str, str]) -> None:
    subject = f"user:{user_id}"
    audit.record(session, actor_id=user_id, action=action, subject=subject, details=details)


def _back(url: str, cookie: str) -> RedirectResponse:
    answer = RedirectResponse(url, 303, headers={"cache-control": "no-store"})
    forget_cookie(answer, cookie)
    return answer


def _no_code() -> InvalidError:
    return InvalidError("The code was used, is too old or not one of ours.", hint="Sign in again.")
