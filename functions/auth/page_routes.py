"""Routes of the pages behind the links in mails: showing one uses nothing up, its form does.

Mail scanners open links, so a GET only looks. The token stays in the query, which no access log
of ours holds (paths stand in it), and no-referrer keeps it from wherever a page might lead.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi import Body as FormBody
from fastapi.responses import HTMLResponse
from pydantic import SecretStr, ValidationError

from functions.auth import account_routes, joining_routes, pages
from functions.auth.account_routes import LinkRequest, ResetRequest, TokenRequest
from functions.auth.joining_routes import AcceptRequest
from functions.auth.pages import Behind, Form, Linked, Renewable
from functions.edge.pages import Languages, language_of, read_form, refuse_foreign
from shared.identity import accounts
from shared.identity.passwords import WeakPasswordError
from shared.joining import service as joining
from shared.kernel.errors import ConflictError, InvalidError, LimitedError
from shared.wiring import app as wired

router = APIRouter()
Token = Annotated[str, Query(max_length=256)]
_PAGES: Final[dict[int | str, dict[str, Any]]] = {
    410: {"description": "The link counts no more.", "content": {"text/html": {}}},
    422: {"description": "What was typed is not valid.", "content": {"text/html": {}}},
}
_TAKEN: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "The address is in use.", "content": {"text/html": {}}}
}

_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    422: {"description": "That is no address.", "content": {"text/html": {}}},
    429: {"description": "Too many tries.", "content": {"text/html": {}}},
}


@router.get("/auth/invitations/accept", response_class=HTMLResponse, responses=_PAGES)
def show_invitation(token: Token = "", accept_language: Languages = "") -> HTMLResponse:
    """Show an invitation and the form that accepts it."""
    return _show("invitation", token, accept_language)


@router.get("/auth/verify", response_class=HTMLResponse, responses=_PAGES)
def show_verification(token: Token = "", accept_language: Languages = "") -> HTMLResponse:
    """Show which address is to be confirmed."""
    return _show("verify_email", token, accept_language)


@router.get("/auth/email/confirm", response_class=HTMLResponse, responses=_PAGES)
def show_email_change(token: Token = "", accept_language: Languages = "") -> HTMLResponse:
    """Show which address is to be taken over."""
    return _show("change_email", token, accept_language)


@router.get("/auth/password/reset", response_class=HTMLResponse, responses=_PAGES)
def show_reset(token: Token = "", accept_language: Languages = "") -> HTMLResponse:
    """Show the form that sets a new password."""
    return _show("reset_password", token, accept_language)


@router.post("/auth/forms/{purpose}", response_class=HTMLResponse, responses={**_PAGES, **_TAKEN})
def take_form(
    purpose: Linked,
    request: Request,
    body: Annotated[bytes, FormBody(media_type="application/x-www-form-urlencoded")],
    accept_language: Languages = "",
) -> HTMLResponse:
    """Use a link with what was typed into its page; shows the form again after a mistake."""
    refuse_foreign(request)
    language, typed = language_of(accept_language), read_form(body)
    token = typed.get("token", "")
    try:
        behind = _behind(purpose, token)
    except InvalidError:
        return pages.over_page(language, purpose)
    mistake, status = _use(purpose, typed)
    if not mistake:
        return pages.done_page(language, behind, api=wired().settings.public_url.rstrip("/"))
    if mistake == "over":
        return pages.over_page(language, purpose)
    form = Form(token, typed.get("display_name", ""), mistake, status)
    return pages.form_page(language, behind, form)


@router.post(
    "/auth/forms/{purpose}/again", response_class=HTMLResponse, status_code=202, responses=_AGAIN
)
def send_again(
    purpose: Renewable,
    request: Request,
    body: Annotated[bytes, FormBody(media_type="application/x-www-form-urlencoded")] = b"",
    accept_language: Languages = "",
) -> HTMLResponse:
    """Ask for another link by mail, from the page of one that is over; all are answered alike."""
    refuse_foreign(request)
    language, email = language_of(accept_language), read_form(body).get("email", "").strip()
    ask = account_routes.forget_password
    if purpose == "verify_email":
        ask = account_routes.resend_verification
    try:
        ask(LinkRequest(email=email), request)
    except ValidationError:
        return pages.over_page(language, purpose, pages.Again(email, "email", 422))
    except LimitedError as error:
        again = pages.Again(email, "wait", error.status, error.retry_after_s)
        return pages.over_page(language, purpose, again)
    return pages.sent_page(language)


def _show(purpose: Linked, token: str, accepted: str) -> HTMLResponse:
    language = language_of(accepted)
    try:
        behind = _behind(purpose, token)
    except InvalidError:
        return pages.over_page(language, purpose)
    return pages.form_page(language, behind, Form(token))


def _behind(purpose: Linked, token: str) -> Behind:
    database = wired().database
    if purpose == "invitation":
        tenant, email = joining.look(database, token)
    else:
        tenant, email = accounts.look(database, purpose, token)
    return Behind(purpose, tenant=tenant.name, slug=tenant.slug, email=email)


def _use(purpose: Linked, typed: dict[str, str]) -> tuple[str, int]:
    """Use a link; returns what was wrong, in a word, and the status to say it with."""
    if typed.get("password") != typed.get("repeated"):
        return "repeated", 422
    try:
        _carry_out(purpose, typed)
    except ValidationError as error:
        return _unfit({str(part) for each in error.errors() for part in each["loc"]}, typed), 422
    except InvalidError as error:
        return _mistake(error), 422
    except ConflictError as error:
        return "taken", error.status
    return "", 200


def _carry_out(purpose: Linked, typed: dict[str, str]) -> None:
    token = SecretStr(typed["token"])
    password = SecretStr(typed.get("password", ""))
    if purpose == "invitation":
        name = typed.get("display_name", "")
        joining_routes.accept(AcceptRequest(token=token, display_name=name, password=password))
    elif purpose == "reset_password":
        account_routes.reset_password(ResetRequest(token=token, password=password))
    elif purpose == "verify_email":
        account_routes.verify_email(TokenRequest(token=token))
    else:
        account_routes.confirm_email(TokenRequest(token=token))


def _unfit(wrong: set[str], typed: dict[str, str]) -> str:
    """Name which field a request would not even hold."""
    if "display_name" in wrong:
        return "display_name"
    if "password" not in wrong:
        return "form"
    return "long" if typed.get("password") else "short"


def _mistake(error: InvalidError) -> str:
    """Name what is wrong with a name or password; a link without a wrong field is over."""
    if isinstance(error, WeakPasswordError):
        return error.reason
    return "display_name" if "display_name" in error.fields else "over"
