"""Routes of one's own account: forgotten and changed passwords, verified and changed addresses."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from functions.auth.attempts import counted_for, patience_of
from functions.auth.issuing import device_of
from functions.auth.schemas import Language, Opaque, Password, Text
from functions.auth.schemas import Request as Body
from functions.auth.trail import record_act
from functions.edge.http import Caller, SignedIn
from shared.adapters.bus import Fact
from shared.identity import accounts, one_time, throttling
from shared.identity.events import NOBODY, LinkAsked
from shared.identity.throttling import Try
from shared.kernel.context import correlation_id
from shared.kernel.ids import UserId
from shared.wiring import app as wired

router = APIRouter()

Slug = Annotated[str | None, Field(max_length=63)]


class LinkRequest(Body):
    """Who wants a link by mail; ``tenant`` (its slug) only if the address is in several."""

    email: Text
    tenant: Slug = None


class LinkAnswer(BaseModel):
    """What everybody gets who asks for a link, known or not."""

    detail: str = "If the address is known, a mail is on its way."


class TokenRequest(Body):
    """The token of a link from a mail."""

    token: Opaque


class ResetRequest(TokenRequest):
    """The token of a link from a mail, and the password to have."""

    password: Password


class PasswordChange(Body):
    """The password so far and the one to have."""

    old_password: Password
    new_password: Password


class EmailChange(Body):
    """The address to have, and the password once more."""

    email: Text
    password: Password


class LanguageChange(Body):
    """In which language mails are written."""

    language: Language


class EndedAnswer(BaseModel):
    """How many sessions ended."""

    ended: int


@router.post("/auth/password/forgot", status_code=202)
def forget_password(body: LinkRequest, request: Request) -> LinkAnswer:
    """Ask for a link to set a new password; the answer is the same for everybody."""
    return _ask("reset_password", body, request)


@router.post("/auth/verify/resend", status_code=202)
def resend_verification(body: LinkRequest, request: Request) -> LinkAnswer:
    """Ask for another link to confirm an address; the answer is the same for everybody."""
    return _ask("verify_email", body, request)


@router.post("/auth/password/reset", status_code=204)
def reset_password(body: ResetRequest) -> None:
    """Set a new password by a link from a mail; every session of the account ends."""
    app = wired()
    token = body.token.get_secret_value()
    shown = one_time.present("reset_password", token)
    tenant_id, user_id = accounts.reset_password(
        app.database, app.mailroom, token=token, password=body.password.get_secret_value()
    )
    with app.database.transaction(tenant_id) as session:
        record_act(session, "user.password_reset", user_id)
    app.relay_facts(shown.tenant_id)


@router.post("/auth/password", status_code=204)
def change_password(body: PasswordChange, request: Request, caller: SignedIn) -> None:
    """Set a new password by the old one; every other session of the caller ends."""
    app = wired()
    with counted_for(app, caller, device_of(request)):
        accounts.change_password(
            app.database,
            app.mailroom,
            caller,
            old=body.old_password.get_secret_value(),
            new=body.new_password.get_secret_value(),
        )
    with app.database.transaction(caller.tenant_id) as session:
        record_act(session, "user.password_changed", caller.user_id)
    app.relay_facts(caller.tenant_id)


@router.post("/auth/verify", status_code=204)
def verify_email(body: TokenRequest) -> None:
    """Confirm an address by the link sent to it."""
    app = wired()
    token = body.token.get_secret_value()
    shown = one_time.present("verify_email", token)
    with app.database.transaction(shown.tenant_id) as session:
        user_id = accounts.verify_email(session, token)
        record_act(session, "user.email_verified", user_id)


@router.post("/auth/email", status_code=202)
def change_email(body: EmailChange, request: Request, caller: SignedIn) -> LinkAnswer:
    """Ask for another address; it counts once the link sent to it was opened."""
    app = wired()
    with counted_for(app, caller, device_of(request)):
        accounts.check_password(app.database, caller, body.password.get_secret_value())
    with app.database.transaction(caller.tenant_id) as session:
        accounts.ask_email_change(session, app.mailroom, caller, email=body.email)
        record_act(session, "user.email_change_asked", caller.user_id)
    app.relay_facts(caller.tenant_id)
    return LinkAnswer(detail="If the address is free, a mail is on its way.")


@router.post("/auth/email/confirm", status_code=204)
def confirm_email(body: TokenRequest) -> None:
    """Take another address over by the link sent to it."""
    app = wired()
    token = body.token.get_secret_value()
    shown = one_time.present("change_email", token)
    with app.database.transaction(shown.tenant_id) as session:
        user_id, _ = accounts.confirm_email_change(session, app.mailroom, token)
        record_act(session, "user.email_changed", user_id)
    app.relay_facts(shown.tenant_id)


@router.put("/auth/language", status_code=204)
def change_language(body: LanguageChange, caller: SignedIn) -> None:
    """Choose the language of mails to the caller."""
    with wired().database.transaction(caller.tenant_id) as session:
        accounts.choose_language(session, caller, body.language)
        record_act(session, "user.language_changed", caller.user_id, language=body.language)


@router.delete("/api/v1/users/{user_id}/sessions")
def end_sessions(user_id: UUID, caller: Caller) -> EndedAnswer:
    """End every session of somebody of the tenant, at once."""
    with wired().database.transaction(caller.tenant_id) as session:
        ended = accounts.end_sessions_of(session, caller, UserId(user_id))
        record_act(session, "user.sessions_ended", UserId(user_id), by=caller.user_id)
    return EndedAnswer(ended=ended)


def _ask(purpose: str, body: LinkRequest, request: Request) -> LinkAnswer:
    """Pass a wish for a link on without looking whether anybody has the address."""
    app, device = wired(), device_of(request)
    throttling.take(app.database, Try(purpose, body.email, device.address), patience_of(app))
    asked = LinkAsked(tenant_id=NOBODY, purpose=purpose, email=body.email, tenant_slug=body.tenant)
    detail = {**asked.payload(), "correlation_id": correlation_id()}
    app.bus.publish([Fact(asked.name(), detail)])
    return LinkAnswer()
