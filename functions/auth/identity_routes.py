"""Routes that join one's account to accounts at identity providers, and part them again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from functions.auth.addresses import origins, redirect_uri, sent_off
from functions.auth.oidc_schemas import CodeRequest, IdentitiesAnswer, IdentityAnswer
from functions.auth.proving import ProofBody, proved
from functions.auth.schemas import Request as Body
from functions.auth.trail import record_act
from functions.edge.http import Caller
from shared.federation import linking, parting
from shared.federation import service as federation
from shared.federation.model import Linker
from shared.federation.returning import check_return
from shared.identity import accounts, opaque
from shared.kernel.context import set_tenant
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import UserId
from shared.tickets import service as tickets
from shared.wiring import app as wired

router = APIRouter(tags=["sign-in"])
START = "/auth/identities/start"
_WHAT = "This changes how you sign in"


class LinkRequest(ProofBody):
    """At which provider, and where that ends: with a code, at ``return_to``.

    ``challenge`` is the S256 challenge of a verifier that the code has to be sent with (RFC 7636).
    """

    provider_id: UUID
    return_to: Annotated[str, Field(min_length=1, max_length=1000)]
    challenge: Annotated[str, Field(min_length=43, max_length=43)]


class PartSomebodyRequest(Body):
    """Which of somebody's identities: as GET /api/v1/users/{user_id}/identities lists them."""

    issuer: Annotated[str, Field(min_length=1, max_length=1000)]
    subject: Annotated[str, Field(min_length=1, max_length=255)]


class PartRequest(PartSomebodyRequest, ProofBody):
    """Which of the caller's identities: as GET /auth/identities lists them."""


class StartAnswer(BaseModel):
    """The address to open in the caller's browser; it counts once, for ``expires_in`` seconds."""

    start_url: str
    expires_in: int


@router.post("/auth/identities", status_code=201)
def begin(body: LinkRequest, request: Request, caller: Caller) -> StartAnswer:
    """Begin to join an account at a provider to the caller's own.

    Open ``start_url`` in a browser. It comes back to ``return_to`` with a code, which
    ``POST /auth/identities/confirm`` takes from this session alone.
    """
    app = wired()
    check_return(body.return_to, body.challenge, origins=origins(app))
    proved(app, request, caller, body, what=_WHAT)
    with app.database.transaction(caller.tenant_id) as session:
        provider = federation.require_provider(session, body.provider_id)
        facts = {
            "provider": str(provider.id),
            "return_to": body.return_to,
            "challenge": body.challenge,
            "session": str(caller.session_id),
        }
        ticket = tickets.issue(
            session, caller.user_id, "link_start", facts, life_s=linking.START_LIFE_S
        )
        record_act(session, "identity.joining_begun", caller.user_id, provider=provider.name)
    return StartAnswer(start_url=f"{START}?ticket={ticket}", expires_in=linking.START_LIFE_S)


@router.get(START, response_class=RedirectResponse, status_code=303)
def start(request: Request, ticket: Annotated[str, Query(max_length=256)] = "") -> RedirectResponse:
    """Send the browser to the provider, to join the account there to that of whoever began."""
    app = wired()
    shown = opaque.present("code", ticket)
    if shown is None:
        raise _no_code()
    set_tenant(str(shown.tenant_id))
    with app.database.transaction(shown.tenant_id) as session:
        # Committed before anything else: of two browsers with one address, one goes.
        taken = tickets.take(session, shown, "link_start")
    linker = Linker(taken.user_id, UUID(str(taken.body["session"])))
    with app.database.transaction(shown.tenant_id) as session:
        linking.check_begun(session, shown.tenant_id, linker)
        departure = federation.depart(
            session,
            app.oidc_client,
            UUID(str(taken.body["provider"])),
            redirect_uri=redirect_uri(app, request),
            return_to=str(taken.body["return_to"]),
            challenge=str(taken.body["challenge"]),
            linker=linker,
        )
    return sent_off(app, request, departure)


@router.post("/auth/identities/confirm", status_code=201)
def confirm(body: CodeRequest, caller: Caller) -> IdentityAnswer:
    """Join the account that a browser came back from to the caller's, who began that."""
    app = wired()
    shown = opaque.present("code", body.code.get_secret_value())
    if shown is None or shown.tenant_id != caller.tenant_id:
        raise _no_code()
    with app.database.transaction(caller.tenant_id) as session:
        # Committed before it is looked at: a code that somebody guesses at is used up.
        taken = tickets.take(session, shown, "link")
    verifier = body.code_verifier.get_secret_value()
    linkage = linking.read_offer(caller, taken.user_id, taken.body, code_verifier=verifier)
    with app.database.transaction(caller.tenant_id) as session:
        provider = linking.join(session, caller, linkage)
        if provider is not None:
            accounts.notify(
                session, app.mailroom, caller.user_id, "identity_joined", name=provider.title
            )
            record_act(
                session,
                "identity.joined",
                caller.user_id,
                provider=provider.name,
                issuer=linkage.issuer,
                subject=linkage.subject,
            )
        found = linking.find_identity(
            session, caller.user_id, issuer=linkage.issuer, subject=linkage.subject
        )
    app.relay_facts(caller.tenant_id)
    return IdentityAnswer.of(found)


@router.delete("/auth/identities", status_code=204)
def part(body: PartRequest, request: Request, caller: Caller) -> None:
    """Part the caller from an account at a provider; sessions opened there end.

    The only way in is never taken away.
    """
    app = wired()
    proved(app, request, caller, body, what=_WHAT)
    with app.database.transaction(caller.tenant_id) as session:
        name = linking.part(session, caller, issuer=body.issuer, subject=body.subject)
        accounts.notify(session, app.mailroom, caller.user_id, "identity_parted", name=name)
        record_act(
            session,
            "identity.parted",
            caller.user_id,
            issuer=body.issuer,
            subject=body.subject,
        )
    app.relay_facts(caller.tenant_id)


@router.get("/api/v1/users/{user_id}/identities")
def list_of_somebody(user_id: UUID, caller: Caller) -> IdentitiesAnswer:
    """List who a person of the tenant is at identity providers."""
    with wired().database.transaction(caller.tenant_id) as session:
        found = parting.list_of_somebody(session, caller, UserId(user_id))
    return IdentitiesAnswer(items=[IdentityAnswer.of(each) for each in found])


@router.delete("/api/v1/users/{user_id}/identities", status_code=204)
def part_somebody(user_id: UUID, body: PartSomebodyRequest, caller: Caller) -> None:
    """Part a person of the tenant from an account at a provider; sessions opened there end."""
    app, person = wired(), UserId(user_id)
    with app.database.transaction(caller.tenant_id) as session:
        name = parting.part_somebody(
            session, caller, person, issuer=body.issuer, subject=body.subject
        )
        accounts.notify(session, app.mailroom, person, "identity_parted", name=name)
        record_act(
            session,
            "identity.parted",
            person,
            by=caller.user_id,
            issuer=body.issuer,
            subject=body.subject,
        )
    app.relay_facts(caller.tenant_id)


def _no_code() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The address or code was used, is too old or not one of ours.", hint="Begin again."
    )
