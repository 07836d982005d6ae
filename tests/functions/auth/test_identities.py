"""Joining an account at a provider to one's own by hand, over real HTTP, and parting from it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest

from shared.federation.client import challenge_of
from shared.identity import second_factor
from shared.identity.model import Principal
from shared.identity.second_factor import STEP_S, code_at
from shared.kernel.ids import TenantId
from tests.functions.auth.conftest import PASSWORD, Postman
from tests.functions.auth.linking import (
    GIL,
    PLACE,
    VERIFIER,
    add_person,
    begin,
    confirm,
    ended,
    go,
    identities,
    link,
    part,
    signed_in,
    ticket_of,
    visit,
)
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.http_events import call

NOW_S = 1_800_000_000.0
OLD = "UPDATE kontor.sessions SET created_at = now() - interval '11 minutes'"


def execute(owner_url: str, statement: str) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


# -- joining -----------------------------------------------------------------------------------


def test_account_that_was_joined_signs_in_from_then_on(
    mailing: Site, postman: Postman, actions: Callable[[TenantId], list[str]]
) -> None:
    site = mailing
    provider = site.add_provider()
    assert site.sign_in(provider["id"], GIL).status_code == 403
    ada = signed_in(site)
    joined = link(site, ada, provider["id"], GIL)
    assert (joined.status, joined.body["email"]) == (201, "gil@else.example")
    assert identities(site, ada) == ["gil-1"]
    (mail,) = postman.deliver()
    assert (mail.to, mail.subject) == (
        "ada@acme.example",
        "You can sign in with “Acme's own” now",
    )
    assert site.user(site.sign_in(provider["id"], GIL)) == site.admin.user_id
    told = actions(site.admin.tenant_id)
    assert told.index("identity.joined") < told.index("identity.joining_begun")
    # Joined again it is as it was, and nobody is written to.
    assert link(site, ada, provider["id"], GIL).status == 201
    assert (identities(site, ada), postman.deliver()) == (["gil-1"], [])


def test_account_that_was_joined_by_its_address_is_written_to_as_well(
    mailing: Site, postman: Postman
) -> None:
    provider = mailing.add_provider(trusted_domains=["acme.example"], makes_users=True)
    ada = {"sub": "ada-1", "claims": {"email": "ada@acme.example", "email_verified": True}}
    assert mailing.user(mailing.sign_in(provider["id"], ada)) == mailing.admin.user_id
    (mail,) = postman.deliver()
    assert (mail.to, "with “Acme's own” now" in mail.subject) == ("ada@acme.example", True)
    mailing.sign_in(provider["id"], ada)
    mailing.sign_in(provider["id"], EVE)
    assert postman.deliver() == [], "nobody had the account before"


def test_coming_back_opens_no_session(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider(makes_users=True, trusted_domains=["acme.example"])
    ada = signed_in(site)
    begun = begin(site, ada, provider["id"])
    came = visit(site, begun.body["start_url"], EVE)
    assert set(came) == {"code"}
    body = {"code": came["code"], "code_verifier": VERIFIER}
    assert call(site.handler, "POST", "/auth/oidc/token", body=body).status == 401
    assert confirm(site, ada, came["code"]).status == 201
    # And a code of a sign-in joins nothing.
    how = {"return_to": PLACE, "challenge": challenge_of(VERIFIER)}
    with site.browser() as browser:
        came = ended(browser.get(site.leave(browser, provider["id"], **how)))
    assert confirm(site, ada, came["code"]).status == 401


def test_nobody_finishes_what_somebody_else_began(mailing: Site) -> None:
    """An attacker sends a victim the address to begin with, or the one to come back by."""
    site = mailing
    provider = site.add_provider()
    attacker, victim = add_person(site, "cem@acme.example"), signed_in(site)
    sent = begin(site, attacker, provider["id"]).body["start_url"]
    came = visit(site, sent, GIL)  # in the victim's browser, where the victim is signed in there
    assert confirm(site, victim, came["code"]).status == 401
    assert confirm(site, attacker, came["code"]).status == 401, "it was used up"
    # The attacker's browser goes first, and the victim's comes back.
    sent = begin(site, attacker, provider["id"]).body["start_url"]
    with site.browser() as theirs, site.browser() as ours:
        back = go(site, theirs, sent)
        assert ours.get(back).status_code == 401
    assert identities(site, attacker) == identities(site, victim) == []


def test_code_counts_for_its_session_and_verifier_alone(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider()
    ada, elsewhere = signed_in(site), signed_in(site)
    for caller, verifier in ((elsewhere, VERIFIER), (ada, "w" * 43)):
        came = visit(site, begin(site, ada, provider["id"]).body["start_url"], GIL)
        assert confirm(site, caller, came["code"], verifier).status == 401
        assert confirm(site, ada, came["code"]).status == 401
    for code in ("x", "kontor_co_" + "A" * 64):
        assert confirm(site, ada, code).status == 401
    assert identities(site, ada) == []


def test_start_address_counts_once_and_for_five_minutes(mailing: Site, owner_url: str) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    begun = begin(site, ada, provider["id"])
    assert begun.body["expires_in"] == 300
    with site.browser() as browser:
        assert browser.get(begun.body["start_url"]).status_code == 303
        assert browser.get(begun.body["start_url"]).status_code == 401
        late = begin(site, ada, provider["id"]).body["start_url"]
        execute(owner_url, "UPDATE kontor.tickets SET expires_at = now()")
        assert browser.get(late).status_code == 401
        for ticket in ("", "x", "kontor_co_" + "A" * 64):
            assert browser.get(f"/auth/identities/start?ticket={ticket}").status_code == 401
    # The ticket of a start is no code that a joining ends with.
    fresh = begin(site, ada, provider["id"]).body["start_url"]
    assert confirm(site, ada, ticket_of(fresh)).status == 401


def test_identity_of_somebody_else_is_refused_without_saying_whose(
    mailing: Site, owner_url: str
) -> None:
    site = mailing
    provider = site.add_provider()
    ada, bea = signed_in(site), add_person(site, "bea@acme.example")
    early = visit(site, begin(site, bea, provider["id"]).body["start_url"], GIL)
    assert link(site, ada, provider["id"], GIL).status == 201
    refused = confirm(site, bea, early["code"])
    assert (refused.status, "ada" in str(refused.body).lower()) == (409, False)
    told = visit(site, begin(site, bea, provider["id"]).body["start_url"], GIL)
    assert told["error"] == "conflict"
    assert "ada" not in told["error_description"].lower()
    assert (identities(site, ada), identities(site, bea)) == (["gil-1"], [])


ENDS = {
    "signed out": "UPDATE kontor.sessions SET revoked_at = now()",
    "session is gone": "DELETE FROM kontor.sessions",
    "switched off": "UPDATE kontor.users SET is_active = false WHERE email LIKE 'ada%'",
    "tenant off": "UPDATE kontor.tenants SET is_active = false",
}


@pytest.mark.parametrize("end", ENDS)
def test_joining_ends_with_the_session_that_began_it(
    mailing: Site, owner_url: str, end: str
) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    unopened, opened, returned = (begin(site, ada, provider["id"]).body for _ in range(3))
    came = visit(site, returned["start_url"], GIL)
    with site.browser() as browser:
        back = go(site, browser, opened["start_url"])
        execute(owner_url, ENDS[end])
        assert browser.get(unopened["start_url"]).status_code == 401
        stopped = browser.get(back)
    # Without its session a visit is forgotten; else it says at its place that it is over.
    assert stopped.status_code == (401 if end == "session is gone" else 303)
    assert stopped.status_code == 401 or ended(stopped)["error"] == "unauthenticated"
    assert confirm(site, ada, came["code"]).status == (403 if end == "tenant off" else 401)
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT 1 FROM kontor.identities").fetchall() == []


def test_provider_that_is_switched_off_meanwhile_joins_nobody(
    mailing: Site, owner_url: str
) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    begun = begin(site, ada, provider["id"]).body
    came = visit(site, begin(site, ada, provider["id"]).body["start_url"], GIL)
    execute(owner_url, "UPDATE kontor.oidc_providers SET is_active = false")
    with site.browser() as browser:
        assert browser.get(begun["start_url"]).status_code == 404
    assert confirm(site, ada, came["code"]).status == 404
    assert begin(site, ada, provider["id"]).status == 404


def test_address_that_may_not_come_by_a_provider_is_not_joined(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider(allowed_domains=["acme.example"])
    ada = signed_in(site)
    told = visit(site, begin(site, ada, provider["id"]).body["start_url"], GIL)
    assert told["error"] == "refused"


def test_faulty_answer_joins_nobody(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    for fault in ("nonce", "foreign key", "audience", "denied"):
        start_url = begin(site, ada, provider["id"]).body["start_url"]
        assert visit(site, start_url, {**GIL, "fault": fault})["error"] == "unauthenticated"
    assert identities(site, ada) == []


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"return_to": "https://evil.example/"}, 422, "return_to"),
        ({"return_to": ""}, 422, "return_to"),
        ({"challenge": "x" * 42 + "="}, 422, "challenge"),
        ({"provider_id": "00000000-0000-7000-8000-000000000000"}, 404, None),
    ],
)
def test_joining_that_cannot_end_well_is_not_begun(
    mailing: Site, change: dict[str, str], status: int, field: str | None
) -> None:
    site = mailing
    provider = site.add_provider()
    answer = begin(site, signed_in(site), **{"provider_id": provider["id"], **change})
    assert answer.status == status
    assert field is None or field in str(answer.body["fields"])


def test_provider_of_another_tenant_is_not_there(mailing: Site, other_tenant: TenantId) -> None:
    site = mailing
    provider = site.add_provider()
    stranger = replace(signed_in(site), tenant_id=other_tenant)
    assert begin(site, stranger, provider["id"]).status in {401, 404}


# -- proofs ------------------------------------------------------------------------------------


def test_who_signed_in_long_ago_shows_the_password(
    mailing: Site, owner_url: str, actions: Callable[[TenantId], list[str]]
) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    assert link(site, ada, provider["id"], GIL).status == 201
    execute(owner_url, OLD)
    for asked in (begin(site, ada, provider["id"]), part(site, ada, "gil-1")):
        assert (asked.status, asked.body["fields"]) == (403, {"password": "needed"})
        assert asked.body["type"] == "urn:kontor:problem:proof-required"
    assert begin(site, ada, provider["id"], password="wrong").status == 401
    assert part(site, ada, "gil-1", password="wrong").status == 401
    assert actions(site.admin.tenant_id).count("user.secret_refused") == 2
    assert begin(site, ada, provider["id"], password=PASSWORD).status == 201
    assert part(site, ada, "gil-1", password=PASSWORD).status == 204


def test_code_goes_with_the_password_where_there_is_one(
    mailing: Site, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor, "time", SimpleNamespace(time=lambda: NOW_S))
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    body = {"password": PASSWORD}
    begun = call(site.handler, "POST", "/auth/totp", body=body, principal=ada)
    secret, step = base64.b32decode(begun.body["secret"]), int(NOW_S) // STEP_S
    code = {"code": code_at(secret, step - 1)}
    assert call(site.handler, "POST", "/auth/totp/confirm", body=code, principal=ada).status == 200
    execute(owner_url, OLD)
    lacking = begin(site, ada, provider["id"], password=PASSWORD)
    assert lacking.body["fields"] == {"password": "needed", "code": "needed"}
    wrong = {"password": PASSWORD, "code": "000000"}
    assert begin(site, ada, provider["id"], **wrong).status == 401
    right = {"password": PASSWORD, "code": code_at(secret, step)}
    assert begin(site, ada, provider["id"], **right).status == 201
    assert begin(site, ada, provider["id"], **right).status == 401, "a code counts once"


def test_only_somebody_who_is_signed_in_joins_and_parts(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    for caller in (replace(ada, credential="key"), replace(ada, credential="link")):
        assert begin(site, caller, provider["id"], password=PASSWORD).status == 403
        assert part(site, caller, "gil-1", password=PASSWORD).status == 403
    nowhere: Principal = replace(ada, session_id=site.admin.user_id)
    assert begin(site, nowhere, provider["id"]).status == 401


# -- parting -----------------------------------------------------------------------------------


def test_account_that_was_parted_signs_in_no_more_and_its_sessions_end(
    mailing: Site, postman: Postman, actions: Callable[[TenantId], list[str]]
) -> None:
    site = mailing
    provider = site.add_provider()
    ada = signed_in(site)
    link(site, ada, provider["id"], GIL)
    there = site.sign_in(provider["id"], GIL).json()["access_token"]
    assert site.app.verifier.verify(there).user_id == ada.user_id
    assert part(site, ada, "gil-2").status == 404
    assert part(site, ada, "gil-1").status == 204
    assert part(site, ada, "gil-1").status == 404
    assert postman.deliver()[-1].subject == "You can no longer sign in with “Acme's own”"
    assert "identity.parted" in actions(site.admin.tenant_id)
    assert site.sign_in(provider["id"], GIL).status_code == 403
    body = call(site.handler, "GET", "/auth/sessions", principal=ada).body["items"]
    assert [each["methods"] for each in body] == [["password"]]


def test_only_way_in_is_never_taken(mailing: Site, owner_url: str) -> None:
    site = mailing
    provider = site.add_provider(makes_users=True)
    first = site.sign_in(provider["id"], EVE)
    eve = site.app.verifier.verify(first.json()["access_token"])
    refused = part(site, eve, "eve-1")
    assert (refused.status, "only way in" in refused.body["detail"]) == (409, True)
    # An account at a provider that is off opens nothing, so it does not count.
    off = site.add_provider(name="off")
    assert link(site, eve, off["id"], GIL).status == 201
    execute(owner_url, "UPDATE kontor.identities SET issuer = 'https://x' WHERE subject = 'gil-1'")
    assert part(site, eve, "eve-1").status == 409
    other = {**GIL, "sub": "gil-2"}
    assert link(site, eve, provider["id"], other).status == 201
    assert part(site, eve, "eve-1").status == 204
    execute(owner_url, "UPDATE kontor.users SET password_hash = 'x' WHERE email LIKE 'eve%'")
    assert part(site, eve, "gil-2").status == 204


def test_identities_of_others_are_not_there(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider()
    ada, bea = signed_in(site), add_person(site, "bea@acme.example")
    link(site, ada, provider["id"], GIL)
    assert part(site, bea, "gil-1").status == 404
    assert identities(site, ada) == ["gil-1"]
