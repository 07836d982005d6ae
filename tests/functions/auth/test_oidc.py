"""Signing in at an OpenID provider that runs as a process of its own, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from shared.access import groups
from shared.audit import service as audit
from shared.federation.client import challenge_of
from tests.functions.auth.conftest import PASSWORD
from tests.functions.auth.signing_in import ADA, EVE, Site
from tests.functions.http_events import call

VERIFIER = "v" * 43
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


def role_of(site: Site, owner_url: str, email: str) -> str:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT role FROM kontor.users WHERE email = %s", (email,))
        (role,) = row.fetchone() or ("",)
    return str(role)


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
    # Somebody has to be left who can put things right.
    site.sign_in(provider["id"], ada)
    assert role_of(site, owner_url, "ada@acme.example") == "admin"
    body = {"email": "bo@b.example", "display_name": "Bo", "password": PASSWORD, "role": "admin"}
    assert (
        call(site.handler, "POST", "/api/v1/users", body=body, principal=site.admin).status == 201
    )
    site.sign_in(provider["id"], ada)
    assert role_of(site, owner_url, "ada@acme.example") == "editor"


def test_groups_there_are_groups_here(site: Site, owner_url: str) -> None:
    with site.app.database.transaction(site.admin.tenant_id) as session:
        for name in ("Law", "Tax", "Own"):
            made = groups.add_group(session, site.admin, name=name, description="")
    provider = site.add_provider(
        makes_users=True, group_groups={"/law": "law", "/tax": "Tax", "/gone": "Gone"}
    )

    def groups_with(*named: str) -> set[str]:
        claims = {**EVE["claims"], "groups": list(named)}  # type: ignore[dict-item]
        user = site.user(site.sign_in(provider["id"], {"sub": "eve-1", "claims": claims}))
        with psycopg.connect(owner_url) as connection:
            rows = connection.execute(
                "SELECT g.name FROM kontor.groups AS g JOIN kontor.group_members AS m"
                " ON m.group_id = g.id WHERE m.user_id = %s",
                (user,),
            )
            return {name for (name,) in rows}

    assert groups_with("/law", "/gone", "/other") == {"Law"}
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.group_members (tenant_id, group_id, user_id, added_by)"
            " SELECT tenant_id, %s, id, id FROM kontor.users WHERE email LIKE 'eve%%'",
            (made.id,),
        )
    assert groups_with("/law", "/tax") == {"Law", "Tax", "Own"}
    assert groups_with() == {"Own"}
    with site.app.database.transaction(site.admin.tenant_id) as session:
        acts = [entry.action for entry in audit.list_events(session).items]
    assert (acts.count("group.joined"), acts.count("group.left")) == (2, 2)


def test_nobody_hands_on_more_than_they_hold(site: Site) -> None:
    limited = replace(site.admin, permissions=frozenset({"users:manage", "documents:read"}))
    for change in (
        {"trusted_domains": ["acme.example"]},
        {"group_groups": {"a": "b"}},
        {"group_roles": {"a": "admin"}},
        {"default_role": "editor"},
    ):
        body = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c", **change}
        answer = call(site.handler, "POST", "/api/v1/oidc/providers", body=body, principal=limited)
        assert answer.status == 403, change


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
