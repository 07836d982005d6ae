"""Signing in at an OpenID provider that runs as a process of its own, over real HTTP."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from infra.local.ports import take_port
from shared.audit import service as audit
from shared.federation.client import OidcClient, challenge_of
from shared.identity.model import Principal
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.auth.signing_in import ADA, EVE, Site
from tests.functions.doors import serving
from tests.functions.http_events import call

PROVIDER = Path(__file__).with_name("openid_provider.py")
VERIFIER = "v" * 43
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
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/a\tb",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://127.0.0.1/",
    "http://127.0.0.1.evil.example:80/",
    "http://localhost:8080/",
    "http://a@127.0.0.1:9/",
    "http://127.0.0.1:9/#x",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:3000.evil.example/",
    "evil.example",
    "/" + "x" * 1000,
]
BAD_PROVIDERS: list[tuple[dict[str, object], int]] = [
    ({"name": "Not a name"}, 422),
    ({"title": " "}, 422),
    ({"scopes": ["a b"]}, 422),
    ({"claims": {"phone": "x"}}, 422),
    ({"allowed_domains": ["no domain"]}, 422),
    ({"trusted_domains": ["@acme.example"]}, 422),
    ({"default_role": "root"}, 422),
    ({"group_roles": {"g": "root"}}, 422),
    ({"surprise": 1}, 422),
    ({"issuer": "ftp://x.example"}, 422),
    ({"issuer": "http://public.example"}, 422),
    ({"issuer": "not an address"}, 422),
    ({"issuer": "https://169.254.169.254"}, 403),
    ({"issuer": "https://127.0.0.1"}, 403),
    ({"issuer": "https://localhost:9"}, 403),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider in a process of its own; its issuer."""
    command = [sys.executable, str(PROVIDER)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    yield process.stdout.readline().decode().strip()
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(autouse=True)
def place(issuer: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the provider is, named in the environment before the App is made."""
    place = urlsplit(issuer).netloc
    monkeypatch.setenv("OIDC_INSIDE", place)
    return place


@pytest.fixture
def site(place: str, served: App, admin: Principal, issuer: str) -> Iterator[Site]:
    from functions.auth.handler import app, handler

    with serving(app) as url:
        site = Site(url, served, handler, admin, issuer)
        site.say_next(**ADA)
        yield site


def links(site: Site, tenant: str) -> list[dict[str, str]]:
    found = httpx.get(f"{site.url}/auth/oidc/providers", params={"tenant": tenant})
    assert found.status_code == 200
    return list(found.json()["items"])


def role_of(site: Site, owner_url: str, email: str) -> str:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT role FROM kontor.users WHERE email = %s", (email,))
        (role,) = row.fetchone() or ("",)
    return str(role)


# -- who gets in -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_stranger_gets_an_account_and_keeps_it(site: Site, owner_url: str, algorithm: str) -> None:
    provider = site.add_provider(makes_users=True, default_role="editor")
    eve = {**EVE, "algorithm": algorithm}
    first = site.sign_in(provider["id"], eve)
    assert first.headers["cache-control"] == "no-store"
    body = first.json()
    assert set(body) >= {"access_token", "refresh_token", "session_id", "expires_in"}
    assert (body["user"]["email"], body["user"]["role"]) == ("eve@acme.example", "editor")
    again = site.sign_in(provider["id"], eve)
    assert site.user(again) == site.user(first)
    # A new address at the provider is the same person still.
    moved = {**EVE, "claims": {"email": "eve@new.example", "email_verified": True}}
    assert site.user(site.sign_in(provider["id"], moved)) == site.user(first)
    with psycopg.connect(owner_url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM kontor.users").fetchone() or (0,)
    assert count == 2


def test_stranger_stays_out_where_no_accounts_are_made(site: Site) -> None:
    provider = site.add_provider()
    answer = site.sign_in(provider["id"], EVE)
    assert (answer.status_code, answer.json()["detail"]) == (403, "You have no account here.")


def test_address_that_nobody_vouches_for_makes_no_account(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    for claims in ({"email": "eve@acme.example"}, {"email_verified": True}, {}):
        assert site.sign_in(provider["id"], {"sub": "eve-1", "claims": claims}).status_code == 403


def test_address_joins_an_account_only_where_the_provider_is_trusted_for_it(
    site: Site, owner_url: str
) -> None:
    plain = site.add_provider(makes_users=True, trusted_domains=["other.example"])
    answer = site.sign_in(plain["id"], ADA)
    assert answer.status_code == 409
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT 1 FROM kontor.identities").fetchall() == []
    trusted = site.add_provider(name="trusted", trusted_domains=["acme.example"])
    unverified = {"sub": "ada-1", "claims": {"email": "ada@acme.example"}}
    assert site.sign_in(trusted["id"], unverified).status_code == 409
    assert site.user(site.sign_in(trusted["id"], ADA)) == site.admin.user_id
    # Joined once, the address counts no more: another subject with it is somebody else.
    other = {**ADA, "sub": "ada-2", "claims": {"email": "ada@acme.example"}}
    assert site.sign_in(trusted["id"], other).status_code == 409
    nameless = {"sub": "ada-1", "claims": {}}
    assert site.user(site.sign_in(trusted["id"], nameless)) == site.admin.user_id


def test_only_allowed_domains_come_in(site: Site) -> None:
    provider = site.add_provider(makes_users=True, allowed_domains=["Partner.example"])
    assert site.sign_in(provider["id"], EVE).status_code == 403
    partner = {"sub": "p", "claims": {"email": "p@partner.example", "email_verified": "true"}}
    assert site.sign_in(provider["id"], partner).status_code == 200
    below = {"sub": "q", "claims": {"email": "q@x.partner.example", "email_verified": True}}
    assert site.sign_in(provider["id"], below).status_code == 403
    left = {**partner, "claims": {"email": "p@elsewhere.example", "email_verified": True}}
    assert site.sign_in(provider["id"], left).status_code == 403


def test_groups_give_roles_at_every_sign_in(site: Site, owner_url: str) -> None:
    provider = site.add_provider(
        makes_users=True,
        claims={"groups": "realm_access.roles"},
        group_roles={"writers": "editor", "bosses": "admin"},
    )

    def role_with(*groups: str) -> str:
        claims = {**EVE["claims"], "realm_access": {"roles": list(groups)}}  # type: ignore[dict-item]
        answer = site.sign_in(provider["id"], {"sub": "eve-1", "claims": claims})
        assert answer.json()["user"]["role"] == role_of(site, owner_url, "eve@acme.example")
        return str(answer.json()["user"]["role"])

    assert role_with("writers", "others") == "editor"
    assert role_with("writers", "bosses") == "admin"
    assert role_with() == "viewer"


def test_groups_take_nothing_from_an_account_that_was_there_before(
    site: Site, owner_url: str
) -> None:
    provider = site.add_provider(
        trusted_domains=["acme.example"], group_roles={"writers": "editor"}
    )
    site.sign_in(provider["id"], ADA)
    assert role_of(site, owner_url, "ada@acme.example") == "admin"
    ada = {"sub": "ada-1", "claims": {**ADA["claims"], "groups": ["writers"]}}  # type: ignore[dict-item]
    site.sign_in(provider["id"], ada)
    assert role_of(site, owner_url, "ada@acme.example") == "editor"


def test_what_the_token_leaves_out_is_asked_for(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    eve = {"sub": "eve-1", "userinfo": EVE["claims"]}
    assert site.sign_in(provider["id"], eve).status_code == 200
    assert site.sign_in(provider["id"], {**eve, "fault": "other userinfo"}).status_code == 401


@pytest.mark.parametrize(
    "change",
    ["UPDATE kontor.users SET is_active = false", "UPDATE kontor.tenants SET is_active = false"],
)
def test_account_or_tenant_that_was_switched_off_stays_out(
    site: Site, owner_url: str, change: str
) -> None:
    provider = site.add_provider(trusted_domains=["acme.example"])
    with site.browser() as browser:
        back = site.leave(browser, provider["id"])
        with psycopg.connect(owner_url) as connection:
            connection.execute(change)
        answer = browser.get(back)
    assert answer.status_code == 401


# -- whom we believe ---------------------------------------------------------------------------


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
            assert answer.status_code == 401


def test_cookie_is_kept_from_scripts_and_other_sites(site: Site) -> None:
    provider = site.add_provider()
    with site.browser() as browser:
        started = browser.get(f"/auth/oidc/{provider['id']}/start")
    cookie = started.headers["set-cookie"].lower()
    assert cookie.startswith("kontor_oidc_")
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/auth/oidc"))
    asked = parse_qs(urlsplit(started.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{site.url}/auth/oidc/callback"]
    assert provider["redirect_uri"].endswith("/auth/oidc/callback")


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


# -- where it ends -----------------------------------------------------------------------------


def test_sign_in_of_another_program_ends_with_a_code_for_its_verifier(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    site.say_next(**EVE)
    how = {"return_to": "http://127.0.0.1:9/done?x=1", "challenge": challenge_of(VERIFIER)}
    with site.browser() as browser:
        ended = browser.get(site.leave(browser, provider["id"], **how))
        assert ended.status_code == 303
        place, _, query = ended.headers["location"].partition("?x=1&code=")
        assert place == "http://127.0.0.1:9/done"
        body = {"code": query, "code_verifier": VERIFIER}
        taken = browser.post("/auth/oidc/token", json=body)
        assert taken.json()["user"]["email"] == "eve@acme.example"
        assert browser.post("/auth/oidc/token", json=body).status_code == 401


def test_code_without_its_verifier_is_used_up(site: Site) -> None:
    provider = site.add_provider(makes_users=True)
    how = {"return_to": "/app", "challenge": challenge_of(VERIFIER)}
    site.say_next(**EVE)
    with site.browser() as browser:
        ended = browser.get(site.leave(browser, provider["id"], **how))
        code = ended.headers["location"].removeprefix("/app?code=")
        wrong = {"code": code, "code_verifier": "w" * 43}
        assert browser.post("/auth/oidc/token", json=wrong).status_code == 422
        right = {"code": code, "code_verifier": VERIFIER}
        assert browser.post("/auth/oidc/token", json=right).status_code == 401


def test_failure_is_told_where_the_sign_in_was_to_end(site: Site) -> None:
    provider = site.add_provider()
    how = {"return_to": "/app", "challenge": challenge_of(VERIFIER)}
    for who, code in ((EVE, "refused"), ({**EVE, "fault": "denied"}, "unauthenticated")):
        site.say_next(**who)
        with site.browser() as browser:
            ended = browser.get(site.leave(browser, provider["id"], **how))
        said = parse_qs(urlsplit(ended.headers["location"]).query)
        assert (ended.status_code, said["error"]) == (303, [code])
        assert said["error_description"][0].endswith(".")


def test_sign_in_ends_at_no_other_place(site: Site) -> None:
    provider = site.add_provider()
    with site.browser() as browser:
        for place in ELSEWHERE:
            query = {"return_to": place, "challenge": challenge_of(VERIFIER)}
            answer = browser.get(f"/auth/oidc/{provider['id']}/start", params=query)
            assert (answer.status_code, [*answer.json()["fields"]]) == (422, ["return_to"]), place


def test_ending_elsewhere_needs_a_challenge(site: Site) -> None:
    provider = site.add_provider()
    with site.browser() as browser:
        for challenge in ("", "short", "x" * 44, "x" * 42 + "="):
            query = {"return_to": "http://127.0.0.1:3000/app", "challenge": challenge}
            answer = browser.get(f"/auth/oidc/{provider['id']}/start", params=query)
            assert (answer.status_code, [*answer.json()["fields"]]) == (422, ["challenge"])


# -- how it is kept ----------------------------------------------------------------------------


def test_providers_are_told_by_the_tenants_slug_and_no_more_than_needed(
    site: Site, other_tenant: TenantId
) -> None:
    provider = site.add_provider()
    site.add_provider(name="off", is_active=False)
    (link,) = links(site, "acme")
    assert link == {
        "id": provider["id"],
        "name": "corporate",
        "title": "Acme's own",
        "start_url": f"/auth/oidc/{provider['id']}/start",
    }
    assert links(site, "globex") == links(site, "nobody") == []


def test_secret_is_kept_by_reference_and_never_shown(site: Site, owner_url: str) -> None:
    provider = site.add_provider()
    assert provider["has_secret"] is True
    assert "s3cret" not in str(provider)
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT t::text FROM kontor.oidc_providers AS t").fetchall()
        (name,) = connection.execute(
            "SELECT secret_name FROM kontor.oidc_providers"
        ).fetchone() or ("",)
    assert "s3cret" not in str(rows)
    assert site.app.secrets.read(name).startswith("s3cret")
    path = f"/api/v1/oidc/providers/{provider['id']}"
    assert call(site.handler, "DELETE", path, principal=site.admin).status == 204
    with pytest.raises(NotFoundError):
        site.app.secrets.read(name)


def test_secret_never_goes_to_a_place_it_was_not_given_for(site: Site) -> None:
    provider = site.add_provider()
    path = f"/api/v1/oidc/providers/{provider['id']}"
    same = {
        "name": "renamed",
        "title": "T",
        "issuer": site.issuer,
        "client_id": provider["client_id"],
    }
    kept = call(site.handler, "PUT", path, body=same, principal=site.admin)
    assert (kept.body["name"], kept.body["has_secret"]) == ("renamed", True)
    other = {**same, "client_id": "another"}
    moved = call(site.handler, "PUT", path, body=other, principal=site.admin)
    assert moved.body["has_secret"] is False


def test_bad_provider_is_refused(site: Site) -> None:
    path = "/api/v1/oidc/providers"
    for change, status in BAD_PROVIDERS:
        body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c", **change}
        answer = call(site.handler, "POST", path, body=body, principal=site.admin)
        assert answer.status == status, change
    listed = call(site.handler, "GET", "/api/v1/oidc/providers", principal=site.admin)
    assert listed.body["items"] == []


def test_issuer_must_call_itself_what_it_is_called(site: Site) -> None:
    site.say_next(fault="other name")
    body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c"}
    answer = call(site.handler, "POST", "/api/v1/oidc/providers", body=body, principal=site.admin)
    assert (answer.status, list(answer.body["fields"])) == (422, ["issuer"])


def test_only_who_manages_users_and_is_signed_in_keeps_providers(
    site: Site, other_tenant: TenantId
) -> None:
    from dataclasses import replace

    provider = site.add_provider()
    body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c"}
    path = f"/api/v1/oidc/providers/{provider['id']}"
    everything = [
        ("GET", "/api/v1/oidc/providers", None),
        ("POST", "/api/v1/oidc/providers", body),
        ("GET", path, None),
        ("PUT", path, body),
        ("DELETE", path, None),
    ]
    viewer = replace(site.admin, role="viewer")
    program = replace(site.admin, credential="key")
    stranger = replace(site.admin, tenant_id=other_tenant)
    for method, where, given in everything:
        asked = call(site.handler, method, where, body=given, principal=viewer)
        assert asked.status == 403
        if method in {"POST", "PUT", "DELETE"}:
            asked = call(site.handler, method, where, body=given, principal=program)
            assert asked.status == 403
        if where == path:
            asked = call(site.handler, method, where, body=given, principal=stranger)
            assert asked.status == 404
    twice = {**body, "name": "corporate"}
    again = call(site.handler, "POST", "/api/v1/oidc/providers", body=twice, principal=site.admin)
    assert again.status == 409


def test_every_act_is_in_the_trail_without_secrets(site: Site) -> None:
    provider = site.add_provider(makes_users=True, group_roles={"bosses": "admin"})
    site.sign_in(provider["id"], EVE)
    boss = {"sub": "eve-1", "claims": {**EVE["claims"], "groups": ["bosses"]}}  # type: ignore[dict-item]
    answer = site.sign_in(provider["id"], boss)
    with site.app.database.transaction(site.admin.tenant_id) as session:
        trail = audit.list_events(session).items
    assert [entry.action for entry in trail] == [
        "user.signed_in",
        "user.role_changed",
        "user.signed_in",
        "identity.joined",
        "user.added",
        "provider.added",
    ]
    assert "s3cret" not in str(trail)
    person = site.app.verifier.verify(answer.json()["access_token"])
    mine = call(site.handler, "GET", "/auth/identities", principal=person)
    assert [(each["issuer"], each["subject"]) for each in mine.body["items"]] == [
        (site.issuer, "eve-1")
    ]


def test_providers_on_this_machine_need_to_be_named(issuer: str) -> None:
    from shared.adapters.egress import Egress
    from shared.kernel.errors import KontorError

    with pytest.raises(KontorError, match="https"):
        OidcClient(Egress()).metadata(issuer)


# -- somebody else's implementation ------------------------------------------------------------


@pytest.fixture
def independent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The provider of the package oidc-provider-mock, built on Authlib."""
    with closing(take_port(0, purpose="a test")) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "--require-nonce"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=5)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the provider did not start"
            time.sleep(0.05)
    yield issuer
    process.terminate()
    process.wait(10)


@pytest.fixture
def its_place(independent: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OIDC_INSIDE", urlsplit(independent).netloc)
    return independent


def test_sign_in_at_a_provider_that_others_wrote(
    its_place: str, served: App, admin: Principal
) -> None:
    from functions.auth.handler import app, handler

    with serving(app) as url:
        site = Site(url, served, handler, admin, its_place)
        provider = site.add_provider(makes_users=True)
        claims = {"email": "eve@acme.example", "email_verified": True, "name": "Eve"}
        httpx.put(f"{its_place}/users/eve-7", json=claims).raise_for_status()
        with site.browser() as browser:
            started = browser.get(f"/auth/oidc/{provider['id']}/start")
            there = started.headers["location"]
            consent = httpx.post(there, data={"sub": "eve-7"}, trust_env=False)
            answer = browser.get(consent.headers["location"])
    assert answer.json()["user"]["display_name"] == "Eve"
