"""Signing out here, and at the identity provider that the session was opened at."""

from __future__ import annotations

import base64
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from shared.federation.client import challenge_of
from shared.identity import second_factor
from shared.identity.model import Principal
from shared.identity.second_factor import STEP_S, code_at
from shared.kernel.errors import UnauthenticatedError
from tests.functions.auth.conftest import PASSWORD
from tests.functions.auth.linking import PLACE, VERIFIER, ended, signed_in
from tests.functions.auth.openid_provider import CLIENT, RETURNS
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.http_events import Answer, call

NOW_S = 1_800_000_000.0
BYE = RETURNS[0]


def eve(site: Site, provider_id: str) -> Principal:
    answer = site.sign_in(provider_id, EVE)
    return site.app.verifier.verify(answer.json()["access_token"])


def sign_out(site: Site, caller: Principal, path: str = "/auth/logout", **query: str) -> Answer:
    asked = {"at_provider": "true", **query}
    return call(site.handler, "POST", path, query=asked, principal=caller)


def is_over(site: Site, caller: Principal) -> bool:
    listed = call(site.handler, "GET", "/auth/sessions", principal=caller).body["items"]
    return str(caller.session_id) not in {each["id"] for each in listed}


@pytest.fixture
def known(site: Site) -> Site:
    """A site whose own pages lie at an origin that browsers may call from."""
    origin = {"cors_origins": "https://app.acme.example"}
    site.app.settings = site.app.settings.model_copy(update=origin)
    return site


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
def test_session_ends_here_and_its_browser_is_told_where_it_ends_there(
    known: Site, path: str
) -> None:
    site = known
    caller = eve(site, site.add_provider(makes_users=True)["id"])
    answer = sign_out(site, caller, path, return_to=BYE)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert is_over(site, caller)
    asked = urlsplit(answer.body["provider_logout_url"])
    assert answer.body["provider_logout_url"].startswith(f"{site.issuer}/end?from=here&")
    query = {name: values[0] for name, values in parse_qs(asked.query).items()}
    state = answer.body["state"]
    assert query == {
        "from": "here",
        "client_id": CLIENT,
        "post_logout_redirect_uri": BYE,
        "state": state,
    }
    left = httpx.get(answer.body["provider_logout_url"], trust_env=False)
    assert left.headers["location"] == f"{BYE}?state={state}"


def test_without_a_place_to_return_to_the_provider_says_that_it_is_done(site: Site) -> None:
    caller = eve(site, site.add_provider(makes_users=True)["id"])
    answer = sign_out(site, caller)
    assert answer.body["state"] is None
    left = httpx.get(answer.body["provider_logout_url"], trust_env=False)
    assert left.json() == {"signed_out": True}


def test_path_to_return_to_is_ours(known: Site) -> None:
    caller = eve(known, known.add_provider(makes_users=True)["id"])
    known.app.settings = known.app.settings.model_copy(update={"public_url": "https://k.example/"})
    answer = sign_out(known, caller, return_to="/bye")
    query = parse_qs(urlsplit(answer.body["provider_logout_url"]).query)
    assert query["post_logout_redirect_uri"] == ["https://k.example/bye"]


def test_whoever_does_not_ask_is_signed_out_as_ever(site: Site) -> None:
    caller = eve(site, site.add_provider(makes_users=True)["id"])
    answer = call(site.handler, "POST", "/auth/logout", principal=caller)
    assert (answer.status, answer.body) == (204, None)
    assert is_over(site, caller)


def test_session_by_password_was_opened_at_no_provider(site: Site) -> None:
    caller = signed_in(site)
    answer = sign_out(site, caller)
    assert (answer.status, answer.body["provider_logout_url"]) == (200, None)
    assert answer.body["detail"] == "You did not sign in at an identity provider."
    assert is_over(site, caller)
    key = replace(signed_in(site), credential="key", session_id=None)
    assert sign_out(site, key).body["provider_logout_url"] is None


def test_provider_without_such_a_place_or_without_an_answer_keeps_nobody_here(site: Site) -> None:
    site.say_next(**EVE, fault="no end")
    provider = site.add_provider(makes_users=True)
    caller = eve(site, provider["id"])
    answer = sign_out(site, caller)
    assert (answer.body["provider_logout_url"], is_over(site, caller)) == (None, True)
    assert answer.body["detail"] == "The identity provider names no place to sign out at."
    caller = eve(site, provider["id"])
    site.app.oidc_client._metadata.clear()
    site.say_next(fault="other name")
    answer = sign_out(site, caller)
    assert (answer.status, answer.body["provider_logout_url"]) == (200, None)
    assert "could not be asked" in answer.body["detail"]
    assert is_over(site, caller)


@pytest.mark.parametrize("change", ["UPDATE kontor.oidc_providers SET is_active = false",
                                    "DELETE FROM kontor.oidc_providers"])  # fmt: skip
def test_session_outlives_its_provider(site: Site, owner_url: str, change: str) -> None:
    caller = eve(site, site.add_provider(makes_users=True)["id"])
    with psycopg.connect(owner_url) as connection:
        connection.execute(change)  # type: ignore[call-overload]
    assert not is_over(site, caller)
    assert sign_out(site, caller).body["provider_logout_url"] is None


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "bye"]
)
def test_browser_is_sent_to_no_other_place(known: Site, elsewhere: str) -> None:
    caller = eve(known, known.add_provider(makes_users=True)["id"])
    answer = sign_out(known, caller, return_to=elsewhere)
    assert (answer.status, list(answer.body["fields"])) == (422, ["return_to"])
    assert not is_over(known, caller)


@pytest.mark.parametrize("fault", ["plain end", "no address", "null end"])
def test_nobody_is_sent_to_a_place_that_is_not_reached_by_https(site: Site, fault: str) -> None:
    site.say_next(**EVE, fault=fault)
    caller = eve(site, site.add_provider(makes_users=True)["id"])
    answer = sign_out(site, caller)
    assert (answer.status, answer.body["provider_logout_url"]) == (200, None)
    assert ("could not be asked" in answer.body["detail"]) == (fault != "null end")
    assert is_over(site, caller)


def test_provider_is_remembered_past_a_code_and_a_handed_over_sign_in(
    mailing: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = mailing
    monkeypatch.setattr(second_factor, "time", SimpleNamespace(time=lambda: NOW_S))
    provider = site.add_provider(trusted_domains=["acme.example"])
    ada = {"sub": "ada-1", "claims": {"email": "ada@acme.example", "email_verified": True}}
    how = {"return_to": PLACE, "challenge": challenge_of(VERIFIER)}
    site.say_next(**ada)
    with site.browser() as browser:
        came = ended(browser.get(site.leave(browser, provider["id"], **how)))
        taken = browser.post(
            "/auth/oidc/token", json={"code": came["code"], "code_verifier": VERIFIER}
        )
    caller = site.app.verifier.verify(taken.json()["access_token"])
    body = {"password": PASSWORD}
    begun = call(site.handler, "POST", "/auth/totp", body=body, principal=caller)
    secret, step = base64.b32decode(begun.body["secret"]), int(NOW_S) // STEP_S
    code = {"code": code_at(secret, step - 1)}
    done = call(site.handler, "POST", "/auth/totp/confirm", body=code, principal=caller)
    assert done.status == 200
    assert str(sign_out(site, caller).body["provider_logout_url"]).startswith(site.issuer)
    asked = site.sign_in(provider["id"], ada).json()
    answered = call(
        site.handler,
        "POST",
        "/auth/login/second-factor",
        body={"challenge": asked["challenge"], "code": code_at(secret, step)},
    )
    caller = site.app.verifier.verify(answered.body["access_token"])
    assert str(sign_out(site, caller).body["provider_logout_url"]).startswith(site.issuer)
    with pytest.raises(UnauthenticatedError):
        site.app.verifier.verify(answered.body["access_token"])


def test_code_of_a_provider_that_is_gone_gives_no_tokens(site: Site, owner_url: str) -> None:
    provider = site.add_provider(makes_users=True)
    how = {"return_to": PLACE, "challenge": challenge_of(VERIFIER)}
    site.say_next(**EVE)
    with site.browser() as browser:
        came = ended(browser.get(site.leave(browser, provider["id"], **how)))
        with psycopg.connect(owner_url) as connection:
            connection.execute("DELETE FROM kontor.oidc_providers")
        body = {"code": came["code"], "code_verifier": VERIFIER}
        assert browser.post("/auth/oidc/token", json=body).status_code == 404
