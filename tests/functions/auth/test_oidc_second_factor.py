"""The second factor after a sign-in at a provider: ours, or theirs where it is trusted."""

from __future__ import annotations

import base64
import json
import threading
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from infra.cli.main import main
from shared.federation.client import challenge_of
from shared.identity import second_factor
from shared.identity.model import Principal
from shared.identity.second_factor import STEP_S, code_at
from tests.functions.auth.conftest import PASSWORD
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.http_events import call

NOW_S = 1_800_000_000.0
STEP = int(NOW_S) // STEP_S
VERIFIER = "v" * 43
MFA = {"amr": ["pwd", "otp", "mfa"]}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock of the codes stand still, so that no test waits for the next one."""
    monkeypatch.setattr(second_factor, "time", SimpleNamespace(time=lambda: NOW_S))


@pytest.fixture
def strict(mailing: Site) -> Site:
    """A tenant that asks everybody for a code."""
    site = mailing
    policy = {"requires_second_factor": True}
    path = "/api/v1/sign-in-policy"
    assert call(site.handler, "PUT", path, body=policy, principal=site.admin).status == 200
    return site


def eve(**claims: object) -> dict[str, object]:
    return {**EVE, "claims": {**EVE["claims"], **claims}}  # type: ignore[dict-item]


def kind(answer: httpx.Response) -> str:
    """What a sign-in came to: ``in``, or what was asked for."""
    body = answer.json()
    if answer.status_code == 200:
        return "in"
    assert "access_token" not in body
    return str(body["type"]).removeprefix("urn:kontor:problem:second-factor-")


def shown(site: Site, challenge: str, code: str) -> httpx.Response:
    body = {"challenge": challenge, "code": code}
    return httpx.post(f"{site.url}/auth/login/second-factor", json=body, trust_env=False)


def enrol(site: Site, challenge: str) -> tuple[bytes, httpx.Response]:
    """Set an authenticator app up during the sign-in; returns its secret and the answer."""
    path = f"{site.url}/auth/login/enrol"
    begun = httpx.post(path, json={"challenge": challenge}, trust_env=False)
    assert begun.status_code == 200, begun.text
    secret = base64.b32decode(begun.json()["secret"])
    return secret, shown(site, challenge, code_at(secret, STEP - 1))


def test_policy_asks_after_a_providers_sign_in_too(
    strict: Site, actions: Callable[..., list[str]]
) -> None:
    provider = strict.add_provider(makes_users=True)
    first = strict.sign_in(provider["id"], EVE)
    assert kind(first) == "enrolment-required"
    assert "user.signed_in" not in actions(strict.admin.tenant_id)
    secret, done = enrol(strict, first.json()["challenge"])
    assert (done.status_code, len(done.json()["recovery_codes"])) == (200, 10)
    again = strict.sign_in(provider["id"], EVE)
    assert kind(again) == "required"
    challenge = again.json()["challenge"]
    assert shown(strict, challenge, "000000").status_code == 401
    replayed = code_at(secret, STEP - 1)
    assert shown(strict, challenge, replayed).status_code == 401
    entered = shown(strict, challenge, code_at(secret, STEP))
    assert entered.status_code == 200
    caller = strict.app.verifier.verify(entered.json()["access_token"])
    listed = call(strict.handler, "GET", "/auth/sessions", principal=caller).body["items"]
    assert [each["methods"] for each in listed] == [["oidc", "totp"], ["oidc", "totp"]]
    assert shown(strict, challenge, code_at(secret, STEP + 1)).status_code == 422


def test_own_code_is_asked_for_without_a_policy(mailing: Site) -> None:
    site = mailing
    provider = site.add_provider(trusted_domains=["acme.example"])
    body = {"password": PASSWORD}
    begun = call(site.handler, "POST", "/auth/totp", body=body, principal=site.admin)
    secret = base64.b32decode(begun.body["secret"])
    code = {"code": code_at(secret, STEP - 1)}
    confirmed = call(site.handler, "POST", "/auth/totp/confirm", body=code, principal=site.admin)
    assert confirmed.status == 200
    ada = {"sub": "ada-1", "claims": {"email": "ada@acme.example", "email_verified": True}}
    asked = site.sign_in(provider["id"], ada)
    assert kind(asked) == "required"
    entered = shown(site, asked.json()["challenge"], code_at(secret, STEP))
    assert site.user(entered) == site.admin.user_id


def test_code_for_another_program_is_followed_by_ours(strict: Site) -> None:
    provider = strict.add_provider(makes_users=True)
    how = {"return_to": "http://127.0.0.1:9/done", "challenge": challenge_of(VERIFIER)}
    strict.say_next(**EVE)
    with strict.browser() as browser:
        ended = browser.get(strict.leave(browser, provider["id"], **how))
        (code,) = parse_qs(urlsplit(ended.headers["location"]).query)["code"]
        body = {"code": code, "code_verifier": VERIFIER}
        asked = browser.post("/auth/oidc/token", json=body)
        assert kind(asked) == "enrolment-required"
        assert browser.post("/auth/oidc/token", json=body).status_code == 401
    _, done = enrol(strict, asked.json()["challenge"])
    assert strict.app.verifier.verify(done.json()["access_token"]).email == "eve@acme.example"


@pytest.mark.parametrize(
    ("trust", "claims", "came"),
    [
        ({}, MFA, "enrolment-required"),
        ({}, {"acr": "high"}, "enrolment-required"),
        ({"trusts_second_factor": True}, {}, "enrolment-required"),
        ({"trusts_second_factor": True}, {"amr": ["pwd"]}, "enrolment-required"),
        ({"trusts_second_factor": True}, {"amr": "mfa"}, "enrolment-required"),
        ({"trusts_second_factor": True}, {"acr": "high"}, "enrolment-required"),
        ({"trusts_second_factor": True}, MFA, "in"),
        ({"trusts_second_factor": True, "second_factor_acr": ["high"]}, MFA, "enrolment-required"),
        (
            {"trusts_second_factor": True, "second_factor_acr": ["high"]},
            {"acr": ["high"]},
            "enrolment-required",
        ),
        ({"trusts_second_factor": True, "second_factor_acr": ["x", "high"]}, {"acr": "high"}, "in"),
    ],
)
def test_their_second_factor_counts_only_where_it_is_trusted(
    strict: Site, trust: dict[str, object], claims: dict[str, object], came: str
) -> None:
    provider = strict.add_provider(makes_users=True, **trust)
    answer = strict.sign_in(provider["id"], eve(**claims))
    assert kind(answer) == came
    if came == "in":
        caller = strict.app.verifier.verify(answer.json()["access_token"])
        listed = call(strict.handler, "GET", "/auth/sessions", principal=caller).body["items"]
        assert [each["methods"] for each in listed] == [["oidc", "mfa"]]


def test_trusted_second_factor_goes_with_the_code_for_another_program(strict: Site) -> None:
    provider = strict.add_provider(makes_users=True, trusts_second_factor=True)
    how = {"return_to": "http://127.0.0.1:9/done", "challenge": challenge_of(VERIFIER)}
    strict.say_next(**eve(**MFA))
    with strict.browser() as browser:
        ended = browser.get(strict.leave(browser, provider["id"], **how))
        (code,) = parse_qs(urlsplit(ended.headers["location"]).query)["code"]
        body = {"code": code, "code_verifier": VERIFIER}
        assert kind(browser.post("/auth/oidc/token", json=body)) == "in"


def test_only_the_id_token_tells_how_somebody_signed_in(strict: Site) -> None:
    """What userinfo says belongs to no sign-in in particular."""
    provider = strict.add_provider(makes_users=True, trusts_second_factor=True)
    told = {"sub": "eve-1", "userinfo": {**EVE["claims"], **MFA, "auth_time": 1}}  # type: ignore[dict-item]
    assert kind(strict.sign_in(provider["id"], told)) == "enrolment-required"


def test_sign_in_there_may_be_only_so_old(site: Site) -> None:
    provider = site.add_provider(makes_users=True, max_age_s=600)
    now = time.time()
    for at, status in (
        (now - 60, 200),
        (now - 1200, 401),
        (None, 401),
        ("now", 401),
        (True, 401),
    ):
        answer = site.sign_in(provider["id"], eve(auth_time=at))
        assert answer.status_code == status, at
    told = {"sub": "eve-1", "userinfo": {**EVE["claims"], "auth_time": now}}  # type: ignore[dict-item]
    assert site.sign_in(provider["id"], told).status_code == 401


def test_provider_is_told_what_is_wanted_of_it(site: Site) -> None:
    provider = site.add_provider(
        trusts_second_factor=True, second_factor_acr=["gold", "silver"], max_age_s=0
    )
    with site.browser() as browser:
        started = browser.get(f"/auth/oidc/{provider['id']}/start")
    asked = parse_qs(urlsplit(started.headers["location"]).query)
    assert (asked["acr_values"], asked["max_age"]) == (["gold silver"], ["0"])


def test_only_who_may_change_the_policy_trusts_a_provider_for_it(site: Site) -> None:
    limited = Principal(
        site.admin.tenant_id,
        site.admin.user_id,
        site.admin.email,
        "admin",
        permissions=frozenset({"users:manage", "documents:read"}),
    )
    body: dict[str, Any] = {"name": "x", "title": "X", "issuer": site.issuer, "client_id": "c"}
    wrong: list[tuple[Principal, dict[str, object], int]] = [
        (limited, {"trusts_second_factor": True}, 403),
        (site.admin, {"second_factor_acr": ["gold"]}, 422),
        (site.admin, {"trusts_second_factor": True, "second_factor_acr": ["a b"]}, 422),
        (site.admin, {"max_age_s": -1}, 422),
        (site.admin, {"max_age_s": 10**9}, 422),
    ]
    for caller, change, status in wrong:
        given = {**body, **change}
        answer = call(site.handler, "POST", "/api/v1/oidc/providers", body=given, principal=caller)
        assert answer.status == status, change


def test_terminal_asks_for_the_code_after_the_browser(
    strict: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    provider = strict.add_provider(makes_users=True)
    first = strict.sign_in(provider["id"], EVE)
    secret, _ = enrol(strict, first.json()["challenge"])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def browse(url: str) -> bool:
        def go() -> None:
            with strict.browser() as browser:
                started = browser.get(url)
                answered = httpx.get(started.headers["location"], trust_env=False)
                ended = browser.get(strict.here(answered.headers["location"]))
                httpx.get(ended.headers["location"], trust_env=False)

        threading.Thread(target=go).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    login = ["login", "--api", strict.url, "--tenant", "acme", "--data", str(tmp_path), "--json"]
    for code, ended_with in (("000000", 77), (code_at(secret, STEP), 0)):
        with pytest.raises(SystemExit) as ended:
            main([*login, "--oidc", provider["name"], "--totp", code])
        out, err = capfd.readouterr()
        assert (ended.value.code or 0) == ended_with, err
    assert json.loads(out)["email"] == "eve@acme.example"
