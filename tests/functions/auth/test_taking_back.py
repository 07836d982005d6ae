"""Taking an account back: what somebody else began with it ends with a new password."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from shared.identity import accounts, entering
from shared.identity import service as identity
from shared.identity.keys import load_signing_key
from shared.identity.model import Device, Principal
from shared.identity.sessions import TokenRules
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.http_events import Answer, Handler, call

NEW = "mein Hund heißt anders als dieser"
CHALLENGED = {"requires_second_factor": True}


def reset(handler: Handler, postman: Postman) -> None:
    body = {"email": "ada@acme.example"}
    assert call(handler, "POST", "/auth/password/forgot", body=body).status == 202
    token = next(mail.token for mail in postman.deliver() if "password/reset" in mail.text)
    body = {"token": token, "password": NEW}
    assert call(handler, "POST", "/auth/password/reset", body=body).status == 204


def change(handler: Handler, caller: Principal) -> None:
    body = {"old_password": PASSWORD, "new_password": NEW}
    assert call(handler, "POST", "/auth/password", body=body, principal=caller).status == 204


def signed_in(served: App, answer: Answer) -> Principal:
    return served.verifier.verify(answer.body["access_token"])


def enrol(handler: Handler, challenge: str) -> int:
    return call(handler, "POST", "/auth/login/enrol", body={"challenge": challenge}).status


@pytest.mark.parametrize("way", ["reset", "change", "everywhere"])
def test_a_sign_in_that_waits_for_its_code_ends_with_the_password_it_showed(
    handler: Handler,
    served: App,
    postman: Postman,
    admin: Principal,
    sign_in: SignIn,
    way: str,
) -> None:
    mine = signed_in(served, sign_in())
    path = "/api/v1/sign-in-policy"
    assert call(handler, "PUT", path, body=CHALLENGED, principal=admin).status == 200
    theirs = sign_in().body["challenge"]
    assert enrol(handler, theirs) == 200
    if way == "reset":
        reset(handler, postman)
    elif way == "change":
        change(handler, mine)
    else:
        assert call(handler, "POST", "/auth/logout-all", principal=mine).status == 204
    assert enrol(handler, theirs) == 422


@pytest.mark.parametrize("way", ["reset", "change"])
def test_a_new_password_voids_the_wish_for_another_address(
    handler: Handler, served: App, postman: Postman, sign_in: SignIn, way: str
) -> None:
    caller = signed_in(served, sign_in())
    body = {"email": "eve@evil.example", "password": PASSWORD}
    assert call(handler, "POST", "/auth/email", body=body, principal=caller).status == 202
    (mail,) = postman.deliver()
    if way == "reset":
        reset(handler, postman)
    else:
        change(handler, caller)
    confirm = {"token": mail.token}
    assert call(handler, "POST", "/auth/email/confirm", body=confirm).status == 422
    assert sign_in(password=NEW).status == 200


def test_a_password_that_is_changed_while_it_is_checked_opens_no_session(
    served: App, admin: Principal, postman: Postman
) -> None:
    account = identity.recognise(
        served.database, email="ada@acme.example", password=PASSWORD, tenant_slug=None
    )
    accounts.change_password(served.database, served.mailroom, admin, old=PASSWORD, new=NEW)
    with served.database.transaction(admin.tenant_id) as session:
        rules = TokenRules(
            key=load_signing_key(session, served.secrets, served.settings.signing_secret),
            issuer=served.settings.token_issuer,
            life_s=60,
        )
        with pytest.raises(UnauthenticatedError, match="changed"):
            entering.enter(session, account, password=PASSWORD, rules=rules, device=Device())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/auth/sessions", None),
        ("DELETE", f"/auth/sessions/{UUID(int=7)}", None),
        ("POST", "/auth/logout-all", None),
        ("PUT", "/auth/language", {"language": "de"}),
        ("GET", "/auth/totp", None),
        ("POST", "/auth/totp", {"password": PASSWORD}),
        ("POST", "/auth/totp/confirm", {"code": "123456"}),
        ("POST", "/auth/totp/disable", {"password": PASSWORD, "code": "123456"}),
        ("POST", "/auth/totp/recovery-codes", {"password": PASSWORD, "code": "123456"}),
        ("POST", "/auth/password", {"old_password": PASSWORD, "new_password": NEW}),
        ("POST", "/auth/email", {"email": "x@acme.example", "password": PASSWORD}),
        ("GET", "/auth/identities", None),
    ],
)
@pytest.mark.parametrize("credential", ["key", "link"])
def test_a_key_or_link_has_no_say_in_the_account_behind_it(
    handler: Handler,
    postman: Postman,
    admin: Principal,
    method: str,
    path: str,
    body: dict[str, str] | None,
    credential: str,
) -> None:
    program = replace(admin, credential=credential, session_id=uuid4())
    answer = call(handler, method, path, body=body, principal=program)
    assert (answer.status, "signed in" in answer.body["detail"]) == (403, True)
