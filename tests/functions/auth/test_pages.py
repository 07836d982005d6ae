"""The pages behind the links in mails: they show, explain and use a link, without any script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from urllib.parse import urlencode

import psycopg
import pytest

from shared.identity.model import Principal
from shared.kernel.ids import TenantId
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.auth.test_joining import NEW, invite
from tests.functions.http_events import Answer, Handler, http_event

GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.5"}
PAGES = {
    "invitation": "/auth/invitations/accept",
    "verify_email": "/auth/verify",
    "change_email": "/auth/email/confirm",
    "reset_password": "/auth/password/reset",
}


def look(handler: Handler, purpose: str, token: str, language: str = "en") -> Answer:
    event = http_event(
        "GET", PAGES[purpose], query={"token": token}, headers={"accept-language": language}
    )
    return _read(handler(event, None))


def fill(handler: Handler, purpose: str, **typed: str) -> Answer:
    event = http_event("POST", f"/auth/forms/{purpose}", headers=GERMAN)
    event["headers"]["content-type"] = "application/x-www-form-urlencoded"
    event["body"] = urlencode(typed)
    return _read(handler(event, None))


def _read(answer: dict[str, object]) -> Answer:
    headers = answer["headers"]
    assert isinstance(headers, dict)
    status = answer["statusCode"]
    assert isinstance(status, int)
    return Answer(status, headers, answer["body"])


@pytest.fixture
def invited(handler: Handler, postman: Postman, admin: Principal) -> str:
    invite(handler, admin)
    (mail,) = postman.deliver()
    assert PAGES["invitation"] in mail.text
    return mail.token


def asked(handler: Handler, postman: Postman, path: str, email: str = "ada@acme.example") -> str:
    event = http_event("POST", path, body={"email": email})
    assert handler(event, None)["statusCode"] == 202
    (mail,) = postman.deliver()
    return mail.token


def test_invited_person_joins_by_the_page(
    handler: Handler,
    invited: str,
    admin: Principal,
    sign_in: SignIn,
    actions: Callable[[TenantId], list[str]],
) -> None:
    page = look(handler, "invitation", invited, "de")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<html lang="de">' in page.body
    assert "„Acme“ beitreten" in page.body
    assert "bea@acme.example" in page.body
    typed = {"token": invited, "display_name": "Bea", "password": NEW, "repeated": NEW}
    done = fill(handler, "invitation", **typed)
    assert done.status == 200
    assert "Willkommen bei „Acme“" in done.body
    assert "--email bea@acme.example --tenant acme" in done.body
    assert NEW not in done.body
    assert invited not in done.body
    assert sign_in("bea@acme.example", NEW).status == 200
    assert "invitation.accepted" in actions(admin.tenant_id)
    assert fill(handler, "invitation", **typed).status == 410


def test_looking_at_a_link_uses_nothing_up(handler: Handler, invited: str, owner_url: str) -> None:
    assert {look(handler, "invitation", invited).status for _ in range(3)} == {200}
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.invitations SET expires_at = now()")
    over = look(handler, "invitation", invited)
    assert over.status == 410
    assert "This link counts no more" in over.body
    assert "Acme" not in over.body


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "kurz", "repeated": "kurz"}, "mindestens 12 Zeichen"),
        ({"password": "password1234", "repeated": "password1234"}, "beim Raten früh versucht"),
        ({"password": "x" * 1025, "repeated": "x" * 1025}, "zu lang"),
        ({"password": "", "repeated": ""}, "zu kurz"),
        ({"repeated": NEW + "!"}, "verschieden"),
        ({"display_name": ""}, "Der Name muss"),
        ({"display_name": "a\nb"}, "Der Name muss"),
    ],
)
def test_mistake_is_told_and_the_link_counts_still(
    handler: Handler, invited: str, changes: dict[str, str], said: str
) -> None:
    typed = {"token": invited, "display_name": "Bea <b>", "password": NEW, "repeated": NEW}
    page = fill(handler, "invitation", **(typed | changes))
    assert page.status == 422
    assert said in page.body.partition("<form")[0]
    assert 'aria-invalid="true"' in page.body
    assert "Bea <b>" not in page.body
    assert NEW not in page.body
    if "display_name" not in changes:
        assert "Bea &lt;b&gt;" in page.body
    assert fill(handler, "invitation", **(typed | {"display_name": "Bea"})).status == 200


def test_new_password_is_set_by_the_page(
    handler: Handler, postman: Postman, admin: Principal, sign_in: SignIn
) -> None:
    token = asked(handler, postman, "/auth/password/forgot")
    page = look(handler, "reset_password", token)
    assert page.status == 200
    assert "Set a new password" in page.body
    assert fill(handler, "verify_email", token=token).status == 410
    done = fill(handler, "reset_password", token=token, password=NEW, repeated=NEW)
    assert done.status == 200
    assert sign_in(password=PASSWORD).status == 401
    assert sign_in(password=NEW).status == 200
    again = look(handler, "reset_password", token)
    assert again.status == 410
    assert 'action="/auth/forms/reset_password/again"' in again.body


def test_address_is_confirmed_by_the_page(
    handler: Handler, postman: Postman, admin: Principal, owner_url: str, sign_in: SignIn
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET must_verify = true")
    token = asked(handler, postman, "/auth/verify/resend")
    assert sign_in().status == 403
    assert "ada@acme.example" in look(handler, "verify_email", token).body
    assert sign_in().status == 403
    assert fill(handler, "verify_email", token=token).status == 200
    assert sign_in().status == 200


def test_changed_address_is_taken_over_by_the_page_unless_it_is_in_use(
    handler: Handler, postman: Postman, admin: Principal, sign_in: SignIn, owner_url: str
) -> None:
    body = {"email": "new@acme.example", "password": PASSWORD}
    event = http_event("POST", "/auth/email", body=body, principal=admin)
    assert handler(event, None)["statusCode"] == 202
    (mail,) = postman.deliver()
    assert "new@acme.example" in look(handler, "change_email", mail.token).body
    taken = {"email": "new@acme.example", "display_name": "N", "password": NEW}
    event = http_event("POST", "/api/v1/users", body=taken, principal=admin)
    assert handler(event, None)["statusCode"] == 201
    page = fill(handler, "change_email", token=mail.token)
    assert page.status == 409
    assert "hat hier schon jemand" in page.body


@pytest.mark.parametrize("purpose", PAGES)
@pytest.mark.parametrize("token", ["", "x", "kontor_ln_" + "A" * 64, "kontor_in_" + "A" * 64])
def test_token_that_never_was_looks_like_one_that_is_over(
    handler: Handler, postman: Postman, purpose: str, token: str
) -> None:
    page = look(handler, purpose, token)
    assert page.status == 410
    assert page.body == look(handler, purpose, "kontor_ln_").body
    assert fill(handler, purpose, token=token).status == 410


@pytest.mark.parametrize("purpose", ["verify_email", "reset_password"])
def test_another_link_is_sent_from_the_page_of_one_that_is_over(
    handler: Handler, postman: Postman, admin: Principal, owner_url: str, purpose: str
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET must_verify = true")
    over = look(handler, purpose, "kontor_ln_x")
    assert f'<form method="post" action="/auth/forms/{purpose}/again">' in over.body
    sent = fill(handler, f"{purpose}/again", email="ada@acme.example")
    assert sent.status == 202
    assert "Sehen Sie in Ihre Mails" in sent.body
    (mail,) = postman.deliver()
    assert PAGES[purpose] in mail.text
    assert look(handler, purpose, mail.token).status == 200
    unknown = fill(handler, f"{purpose}/again", email="nobody@acme.example")
    assert (unknown.status, unknown.body) == (sent.status, sent.body)
    assert postman.deliver() == []


def test_links_cannot_be_asked_for_without_end_or_from_elsewhere(
    handler: Handler, postman: Postman, admin: Principal
) -> None:
    asks = [fill(handler, "reset_password/again", email="<b>@x.example") for _ in range(6)]
    assert [page.status for page in asks] == [202] * 5 + [429]
    assert int(asks[-1].headers["retry-after"]) > 0
    assert "Zu viele Versuche" in asks[-1].body
    assert 'value="&lt;b&gt;@x.example"' in asks[-1].body
    empty = fill(handler, "reset_password/again", email=" ")
    assert (empty.status, "Tippen Sie Ihre E-Mail-Adresse" in empty.body) == (422, True)
    assert fill(handler, "reset_password/again", email="a" * 300).status == 422
    for purpose in ("invitation", "change_email"):
        assert "<form" not in look(handler, purpose, "x").body
        assert fill(handler, f"{purpose}/again", email="ada@acme.example").status == 422
    for path in ("reset_password/again", "reset_password"):
        foreign = {
            "sec-fetch-site": "cross-site",
            "content-type": "application/x-www-form-urlencoded",
        }
        event = http_event("POST", f"/auth/forms/{path}", headers=foreign)
        assert handler(event | {"body": "email=ada%40acme.example"}, None)["statusCode"] == 403


def test_broken_form_is_answered_with_a_page(handler: Handler, invited: str) -> None:
    assert fill(handler, "invitation", token="a" * 20_000).status == 410
    assert fill(handler, "invitation", **{f"f{number}": "x" for number in range(30)}).status == 410
    assert fill(handler, "invitation", token=invited, display_name="Bea").status == 422
    assert fill(handler, "sign_in", token=invited).status == 422


def test_page_runs_nothing_loads_nothing_and_is_kept_nowhere(
    handler: Handler, invited: str
) -> None:
    page = look(handler, "invitation", invited)
    (style,) = re.findall(r"<style>(.*?)</style>", page.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|style=|\son\w+=|src=|<link|https?://", page.body)
    labelled = set(re.findall(r'<label for="(\w+)"', page.body))
    fields = set(re.findall(r'<input id="(\w+)"', page.body))
    assert labelled == fields == {"display_name", "password", "repeated"}


def test_password_that_names_its_owner_is_told_on_the_page(handler: Handler, invited: str) -> None:
    typed = {"token": invited, "display_name": "Nobody", "password": "bea@acme.example"}
    page = fill(handler, "invitation", **typed, repeated=typed["password"])
    assert (page.status, "beim Raten früh versucht" in page.body) == (422, True)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("de", "de"), ("fr,de;q=0.3", "de"), ("de;q=0.2,en-GB", "en"), ("de;q=x", "en")],
)
def test_page_speaks_the_language_the_browser_asks_for(
    handler: Handler, invited: str, accepted: str, language: str
) -> None:
    assert f'<html lang="{language}">' in look(handler, "invitation", invited, accepted).body
