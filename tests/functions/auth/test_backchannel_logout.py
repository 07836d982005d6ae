"""Providers that tell of a sign-out, and what ends here at once because of it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from shared.federation.client import challenge_of
from shared.identity import second_factor
from shared.identity.model import Principal
from shared.identity.second_factor import STEP_S, code_at
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId
from tests.functions.auth.conftest import PASSWORD
from tests.functions.auth.linking import PLACE, VERIFIER, ended, signed_in
from tests.functions.auth.openid_provider import CLIENT, EVENT
from tests.functions.auth.signing_in import ADA, EVE, Site
from tests.functions.http_events import call, http_event, read_answer

NOW_S = 1_800_000_000.0


def path_of(provider: dict[str, Any]) -> str:
    return urlsplit(provider["backchannel_logout_uri"]).path


def logout_token(site: Site, *, fault: str = "", later_s: int = 0, **more: Any) -> str:
    """Have the provider make a logout token; of Eve unless claims say of whom else."""
    asked = {"fault": fault, "later_s": later_s, "claims": {"sub": "eve-1"}, **more}
    answer = httpx.post(f"{site.issuer}/_logout_token", json=asked, trust_env=False)
    return answer.raise_for_status().text


def tell(site: Site, provider: dict[str, Any], token: str) -> httpx.Response:
    with site.browser() as provider_itself:
        return provider_itself.post(path_of(provider), data={"logout_token": token})


def come(site: Site, provider: dict[str, Any], sid: str = "", who: Any = EVE) -> Principal:
    """Sign somebody in at a provider, in a session that it calls ``sid``."""
    claims = {**who["claims"], **({"sid": sid} if sid else {})}
    answer = site.sign_in(provider["id"], {**who, "claims": claims})
    assert answer.status_code == 200, answer.text
    return site.app.verifier.verify(answer.json()["access_token"])


def lasts(owner_url: str, caller: Principal) -> bool:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(
            "SELECT revoked_at IS NULL FROM kontor.sessions WHERE id = %s", (caller.session_id,)
        ).fetchone()
    assert row is not None
    return bool(row[0])


def age(owner_url: str, seconds: int) -> None:
    """Let every session, challenge and code be older than it is."""
    with psycopg.connect(owner_url) as connection:
        for statement in (
            "UPDATE kontor.sessions SET created_at = created_at - make_interval(secs => %s)",
            "UPDATE kontor.one_time_tokens SET created_at = created_at - make_interval(secs => %s)",
            "UPDATE kontor.tickets SET expires_at = expires_at - make_interval(secs => %s)",
        ):
            connection.execute(statement, (seconds,))


@pytest.fixture
def provider(site: Site) -> dict[str, Any]:
    return site.add_provider(makes_users=True, trusted_domains=["acme.example"])


# -- what ends -----------------------------------------------------------------------------------


def test_sign_out_there_ends_every_session_of_the_person_opened_there(
    site: Site,
    provider: dict[str, Any],
    owner_url: str,
    actions: Callable[[TenantId], list[str]],
) -> None:
    assert provider["backchannel_logout_uri"].startswith("https://test/auth/oidc/")
    answer = site.sign_in(provider["id"], EVE)
    first, second = come(site, provider, "a"), come(site, provider)
    ada, by_password = come(site, provider, "b", ADA), signed_in(site)
    told = tell(site, provider, logout_token(site))
    assert (told.status_code, told.text) == (200, "")
    assert told.headers["cache-control"] == "no-store"
    assert [lasts(owner_url, each) for each in (first, second, ada, by_password)] == [
        False, False, True, True,
    ]  # fmt: skip
    with pytest.raises(UnauthenticatedError):
        site.app.verifier.verify(answer.json()["access_token"])
    renewed = {"refresh_token": answer.json()["refresh_token"]}
    assert call(site.handler, "POST", "/auth/refresh", body=renewed).status == 401
    assert actions(site.admin.tenant_id).count("session.ended_by_provider") == 3


@pytest.mark.parametrize("subject", [None, "eve-1"])
def test_sign_out_of_one_session_there_ends_that_one(
    site: Site, provider: dict[str, Any], owner_url: str, subject: str | None
) -> None:
    desk, phone = come(site, provider, "desk"), come(site, provider, "phone")
    token = logout_token(site, claims={"sub": subject, "sid": "desk"})
    assert tell(site, provider, token).status_code == 200
    assert (lasts(owner_url, desk), lasts(owner_url, phone)) == (False, True)


def test_session_whose_name_there_was_never_told_ends_with_any_of_the_person(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    nameless, ada = come(site, provider), come(site, provider, who=ADA)
    by_sid = logout_token(site, claims={"sid": "desk"})
    assert tell(site, provider, by_sid).status_code == 200
    assert lasts(owner_url, nameless)
    by_both = logout_token(site, claims={"sub": "eve-1", "sid": "desk"})
    assert tell(site, provider, by_both).status_code == 200
    assert (lasts(owner_url, nameless), lasts(owner_url, ada)) == (False, True)


def test_token_that_is_sent_again_ends_nothing_that_came_after_it(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    before = come(site, provider)
    age(owner_url, 60)
    token = logout_token(site, later_s=-30)
    assert tell(site, provider, token).status_code == 200
    assert not lasts(owner_url, before)
    after = come(site, provider)
    assert tell(site, provider, token).status_code == 200
    assert lasts(owner_url, after)


@pytest.mark.parametrize("claims", [{"sub": "nobody"}, {"sid": "none"}, {"sub": "x", "sid": "y"}])
def test_whether_anybody_was_signed_in_is_not_told(
    site: Site, provider: dict[str, Any], owner_url: str, claims: dict[str, str]
) -> None:
    eve = come(site, provider, "desk")
    told = tell(site, provider, logout_token(site, claims=claims))
    assert (told.status_code, told.text) == (200, "")
    assert lasts(owner_url, eve)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_tokens_of_every_signature_that_providers_send_are_read(
    site: Site, provider: dict[str, Any], owner_url: str, algorithm: str
) -> None:
    eve = come(site, provider)
    claims = {"sub": "eve-1", "aud": ["somebody else", CLIENT], "exp": None}
    token = logout_token(site, algorithm=algorithm, claims=claims)
    assert tell(site, provider, token).status_code == 200
    assert not lasts(owner_url, eve)


def test_token_that_is_typed_as_no_more_than_a_jwt_counts_only_where_that_is_wanted(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    eve = come(site, provider)
    assert tell(site, provider, logout_token(site, kind="JWT")).status_code == 400
    lax = site.add_provider(name="lax", makes_users=True, takes_untyped_logout=True)
    there = come(site, lax)
    assert tell(site, lax, logout_token(site, kind="at+jwt")).status_code == 400
    assert lasts(owner_url, there)
    assert tell(site, lax, logout_token(site, kind="JWT")).status_code == 200
    assert (lasts(owner_url, there), lasts(owner_url, eve)) == (False, True)


def test_sign_in_that_was_handed_over_and_not_taken_is_over(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    come(site, provider)
    how = {"return_to": PLACE, "challenge": challenge_of(VERIFIER)}

    def handed(sid: str) -> dict[str, str]:
        site.say_next(**{**EVE, "claims": {**EVE["claims"], "sid": sid}})  # type: ignore[dict-item]
        with site.browser() as browser:
            came = ended(browser.get(site.leave(browser, provider["id"], **how)))
        return {"code": came["code"], "code_verifier": VERIFIER}

    over, other = handed("desk"), handed("phone")
    token = logout_token(site, claims={"sid": "desk"})
    assert tell(site, provider, token).status_code == 200
    assert call(site.handler, "POST", "/auth/oidc/token", body=over).status == 401
    taken = call(site.handler, "POST", "/auth/oidc/token", body=other)
    phone = site.app.verifier.verify(taken.body["access_token"])
    # Its name went along with the code.
    assert tell(site, provider, logout_token(site, claims={"sid": "phone"})).status_code == 200
    assert not lasts(owner_url, phone)


def test_sign_in_that_waits_for_a_code_is_over_and_remembers_its_name_there(
    mailing: Site, monkeypatch: pytest.MonkeyPatch, owner_url: str
) -> None:
    site = mailing
    monkeypatch.setattr(second_factor, "time", SimpleNamespace(time=lambda: NOW_S))
    provider = site.add_provider(trusted_domains=["acme.example"])
    caller, step = signed_in(site), int(NOW_S) // STEP_S
    begun = call(site.handler, "POST", "/auth/totp", body={"password": PASSWORD}, principal=caller)
    secret = base64.b32decode(begun.body["secret"])
    code = {"code": code_at(secret, step - 1)}
    assert (
        call(site.handler, "POST", "/auth/totp/confirm", body=code, principal=caller).status == 200
    )

    def asked(sid: str) -> dict[str, str]:
        ada = {**ADA, "claims": {**ADA["claims"], "sid": sid}}  # type: ignore[dict-item]
        answer = site.sign_in(provider["id"], ada).json()
        return {"challenge": answer["challenge"], "code": code_at(secret, step)}

    over = asked("desk")
    assert tell(site, provider, logout_token(site, claims={"sub": "ada-1"})).status_code == 200
    assert call(site.handler, "POST", "/auth/login/second-factor", body=over).status == 422
    answered = call(site.handler, "POST", "/auth/login/second-factor", body=asked("phone"))
    phone = site.app.verifier.verify(answered.body["access_token"])
    assert tell(site, provider, logout_token(site, claims={"sid": "phone"})).status_code == 200
    assert not lasts(owner_url, phone)


# -- what is not believed ------------------------------------------------------------------------

FAULTS = [
    "alg none", "hs256 over the public key", "foreign key", "unknown kid", "embedded key", "type",
    "cut signature",
]  # fmt: skip
CLAIMS: list[dict[str, Any]] = [
    {"sub": "eve-1", "iss": "https://evil.example"},
    {"sub": "eve-1", "aud": "somebody else"},
    {"sub": "eve-1", "aud": None},
    {"sub": "eve-1", "iat": None},
    {"sub": "eve-1", "iat": 1_000_000_000},
    {"sub": "eve-1", "iat": 9_000_000_000, "exp": 9_000_000_060},
    {"sub": "eve-1", "exp": 1_000_000_000},
    {"sub": "eve-1", "events": None},
    {"sub": "eve-1", "events": {}},
    {"sub": "eve-1", "events": [EVENT]},
    {"sub": "eve-1", "events": {EVENT: None}},
    {"sub": "eve-1", "events": {EVENT: "yes"}},
    {"sub": "eve-1", "events": {"http://schemas.openid.net/event/other": {}}},
    {"sub": "eve-1", "nonce": "n"},
    {},
    {"sub": ""},
    {"sub": 7},
    {"sub": "eve-1", "sid": 7},
    {"sub": "eve-1", "sid": "x" * 256},
    {"sid": "a\0b"},
]


def test_token_that_does_not_hold_ends_nothing(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    free(site)
    eve = come(site, provider)
    wrong = [logout_token(site, fault=fault) for fault in FAULTS]
    wrong += [logout_token(site, claims=claims) for claims in CLAIMS]
    wrong += ["", "x", "a.b.c", "x" * 20_000]
    for token in wrong:
        told = tell(site, provider, token)
        assert told.status_code == 400, token
        assert told.headers["content-type"].startswith("application/problem+json")
    with site.browser() as nobody:
        assert nobody.post(path_of(provider)).status_code == 400
    assert lasts(owner_url, eve)


def test_id_token_is_no_logout_token_nor_the_other_way_round(
    site: Site, provider: dict[str, Any], owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lax = site.add_provider(name="lax", makes_users=True, takes_untyped_logout=True)
    eve = come(site, lax)
    seen: list[str] = []
    client = site.app.oidc_client
    asked = type(client)._ask_for_tokens

    def listening(*given: Any) -> Any:
        answer = asked(*given)
        seen.append(str(answer["id_token"]))
        return answer

    monkeypatch.setattr(type(client), "_ask_for_tokens", listening)
    come(site, lax)
    assert tell(site, lax, seen[0]).status_code == 400
    assert lasts(owner_url, eve)

    def swapping(*given: Any) -> Any:
        return {**asked(*given), "id_token": token}

    monkeypatch.setattr(type(client), "_ask_for_tokens", swapping)
    for kind in ("logout+jwt", "JWT"):
        token = logout_token(site, kind=kind)
        assert site.sign_in(provider["id"], EVE).status_code == 401


def test_provider_speaks_for_its_own_sessions_alone(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    eve = come(site, provider, "desk")
    other = site.add_provider(name="other", makes_users=True)
    assert tell(site, other, logout_token(site)).status_code == 200
    assert tell(site, other, logout_token(site, claims={"sid": "desk"})).status_code == 200
    assert lasts(owner_url, eve)
    foreign = site.add_provider(name="foreign", client_id="another")
    assert tell(site, foreign, logout_token(site)).status_code == 400


def test_provider_of_another_tenant_ends_nothing_here(
    site: Site, provider: dict[str, Any], owner_url: str, other_tenant: TenantId
) -> None:
    eve = come(site, provider, "desk")
    theirs = site.add_provider(name="theirs")
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.oidc_providers SET tenant_id = %s WHERE name = 'theirs'", (other_tenant,)
        )
    for claims in ({"sub": "eve-1"}, {"sid": "desk"}):
        assert tell(site, theirs, logout_token(site, claims=claims)).status_code == 200
    assert lasts(owner_url, eve)


def test_provider_that_is_not_there_or_switched_off_is_not_believed(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    eve = come(site, provider)
    nobody = "/auth/oidc/00000000-0000-7000-8000-000000000000/backchannel-logout"
    token = logout_token(site)
    assert tell(site, {"backchannel_logout_uri": nobody}, token).status_code == 400
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.oidc_providers SET is_active = false")
    assert tell(site, provider, token).status_code == 400
    assert lasts(owner_url, eve)


# -- how often ---------------------------------------------------------------------------------


def test_forgers_wait_and_keep_nobody_else_waiting(
    site: Site, provider: dict[str, Any], owner_url: str
) -> None:
    eve = come(site, provider)
    for _ in range(8):
        assert tell(site, provider, logout_token(site)).status_code == 200
    told = [tell(site, provider, "forged").status_code for _ in range(8)]
    assert told[0] == 400
    assert told[-1] == 429
    assert not lasts(owner_url, eve)
    form = {"content-type": "application/x-www-form-urlencoded"}
    event = http_event("POST", path_of(provider), headers=form)
    event["body"] = f"logout_token={logout_token(site)}"
    event["requestContext"]["http"]["sourceIp"] = "198.51.100.7"
    assert read_answer(site.handler(event, None)).status == 200


def free(site: Site) -> None:
    """Let tries be free: here it is about each of them."""
    tries = {"sign_in_tries": 1000, "sign_in_address_tries": 1000}
    site.app.settings = site.app.settings.model_copy(update=tries)
