"""Routes for those who are nobody yet: register a tenant, accept an invitation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from functions.auth.attempts import patience_of
from functions.auth.issuing import device_of
from functions.auth.schemas import Language, Opaque, Password, PersonAnswer, Text, person_answer
from functions.auth.schemas import Request as Body
from functions.auth.trail import record_act, record_joined
from shared.identity import service as identity
from shared.identity import throttling
from shared.identity.throttling import Try
from shared.joining import registering
from shared.joining import service as joining
from shared.joining.model import Newcomer
from shared.kernel.errors import RefusedError
from shared.wiring import app as wired

router = APIRouter()


class RegistrationRequest(Body):
    """A tenant to be made and its first administrator; ``tenant`` is its slug.

    ``password`` is not made of words in ``email``, ``display_name`` or ``tenant``.
    """

    tenant: Annotated[str, Field(min_length=1, max_length=63)]
    tenant_name: Text
    email: Text
    display_name: Text
    password: Password
    language: Language = "en"


class RegistrationAnswer(BaseModel):
    """The new administrator, who may sign in once the address is confirmed."""

    user: PersonAnswer
    detail: str = "Open the link in the mail we sent, then sign in."


class AcceptRequest(Body):
    """The token of an invitation, the name to go by and a password of one's own.

    ``password`` is not made of words in ``display_name`` or the invited address.
    """

    token: Opaque
    display_name: Text
    password: Password


@router.post("/auth/register", status_code=201)
def register(body: RegistrationRequest, request: Request) -> RegistrationAnswer:
    """Make a tenant of one's own, where the operator lets strangers do that."""
    app = wired()
    if app.settings.registration != "open":
        raise RefusedError("Nobody can register here.", hint="Ask an administrator to invite you.")
    address = device_of(request).address
    throttling.take(app.database, Try("register", address, address), patience_of(app))
    newcomer = Newcomer(
        slug=body.tenant,
        tenant_name=body.tenant_name,
        email=body.email,
        display_name=body.display_name,
        password=body.password.get_secret_value(),
        language=body.language,
    )
    tenant, user = registering.register(app.database, app.mailroom, newcomer)
    with app.database.transaction(tenant.id) as session:
        record_act(session, "tenant.registered", user.id)
    app.relay_facts(tenant.id)
    return RegistrationAnswer(user=person_answer(user, tenant))


@router.post("/auth/invitations/accept", status_code=201)
def accept(body: AcceptRequest) -> PersonAnswer:
    """Join the tenant an invitation is from, and the groups it names; then sign in."""
    app = wired()
    joined = joining.accept(
        app.database,
        token=body.token.get_secret_value(),
        display_name=body.display_name,
        password=body.password.get_secret_value(),
    )
    with app.database.transaction(joined.tenant_id) as session:
        record_joined(session, joined, how="link")
        return person_answer(joined.user, identity.own_tenant(session))
