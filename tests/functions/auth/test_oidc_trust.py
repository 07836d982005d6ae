"""Whom we believe at an OpenID provider: faulty, foreign, late and repeated answers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg

from shared.kernel.ids import TenantId
from tests.functions.auth.signing_in import EVE, Site

FAULTS = [
    "nonce",
    "no nonce",
    "audience",
    "audiences",
    "party",
    "issuer",
    "expired",
    "old",
    "future",
    "no subject",
    "empty subject",
    "number subject",
    "no life",
    "at_hash",
    "alg none",
    "hs256 over the public key",
    "foreign key",
    "unknown kid",
    "embedded key",
    "type",
    "cut signature",
    "denied",
]


def test_faulty_answer_signs_nobody_in(site: Site, owner_url: str) -> None:
    provider = site.add_provider(makes_users=True)
    for fault in FAULTS:
        answer = site.sign_in(provider["id"], {**EVE, "fault": fault})
        assert (answer.status_code, "access_token" in answer.text) == (401, False), fault
        assert "<b>" not in answer.text
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT 1 FROM kontor.identities").fetchall() == []


def test_answer_of_another_provider_is_refused(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    answer = site.sign_in(provider["id"], {**EVE, "sender": "https://other.example"})
    assert answer.status_code == 401
    with site.browser() as browser:
        back = site.leave(browser, provider["id"])
        silent = browser.get(back.partition("&iss=")[0] + "&code=x")
    assert silent.status_code == 401


def test_state_counts_once_and_in_its_own_browser_only(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    site.say_next(**EVE)
    with site.browser() as browser, site.browser() as other:
        back = site.leave(browser, provider["id"])
        site.leave(other, provider["id"])
        assert other.get(back).status_code == 401
        assert browser.get(back).status_code == 200
        assert browser.get(back).status_code == 401


def test_two_tabs_do_not_take_each_others_sign_in(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    site.say_next(**EVE)
    with site.browser() as browser:
        first = site.leave(browser, provider["id"])
        second = site.leave(browser, provider["id"])
        assert browser.get(first).status_code == browser.get(second).status_code == 200


def test_sign_in_that_took_too_long_is_over(site: Site, owner_url: str) -> None:
    provider = site.add_provider(makes_users=True)
    with site.browser() as browser:
        back = site.leave(browser, provider["id"])
        with psycopg.connect(owner_url) as connection:
            connection.execute("UPDATE kontor.oidc_flows SET expires_at = now()")
        assert browser.get(back).status_code == 401


def test_made_up_state_is_refused(site: Site, other_tenant: TenantId) -> None:
    from shared.identity import opaque

    site.add_provider(makes_users=True)
    with site.browser() as browser:
        for state in ("", "x", "\x00", opaque.make("state", other_tenant), "kontor_st_" + "A" * 64):
            answer = browser.get("/auth/oidc/callback", params={"state": state, "code": "x"})
            assert answer.status_code in {401, 422}


def test_cookie_is_kept_from_scripts_and_other_sites(site: Site) -> None:
    provider = site.add_provider()
    with site.browser() as browser:
        started = browser.get(f"/auth/oidc/{provider['id']}/start")
    cookie = started.headers["set-cookie"].lower()
    assert cookie.startswith("kontor_oidc_")
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    asked = parse_qs(urlsplit(started.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{site.url}/auth/oidc/callback"]
    assert provider["redirect_uri"].endswith("/auth/oidc/callback")


def test_cookie_is_bound_to_our_own_host_where_that_is_encrypted(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    settings = site.app.settings
    site.app.settings = settings.model_copy(update={"public_url": "https://kontor.example"})
    site.say_next(**EVE)
    with site.browser() as browser:
        started = browser.get(f"/auth/oidc/{provider['id']}/start")
        given, _, how = started.headers["set-cookie"].partition("; ")
        assert given.startswith("__Host-kontor_oidc_")
        assert {"secure", "path=/", "httponly"} <= set(how.lower().split("; "))
        assert "domain" not in how.lower()
        answered = httpx.get(started.headers["location"], trust_env=False)
        back = site.here(answered.headers["location"])
        plain = {"cookie": given.removeprefix("__Host-")}
        assert httpx.get(back, headers=plain, trust_env=False).status_code == 401
        ended = httpx.get(back, headers={"cookie": given}, trust_env=False)
    assert ended.status_code == 200
    gone = ended.headers["set-cookie"].lower()
    assert gone.startswith("__host-kontor_oidc_")
    assert "secure" in gone


def test_keys_are_read_once_and_again_for_a_new_one(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    for _ in range(2):
        site.say_next(**EVE)
        site.sign_in(provider["id"])
    assert httpx.get(f"{site.issuer}/_asked").json() == []
    client = site.app.oidc_client
    client._keys = {uri: (at - 60, keys[:0]) for uri, (at, keys) in client._keys.items()}
    assert site.sign_in(provider["id"]).status_code == 200
    assert httpx.get(f"{site.issuer}/_asked").json() == ["keys"]
