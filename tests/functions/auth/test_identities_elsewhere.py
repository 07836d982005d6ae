"""Joining, parting and signing out from a terminal, and at a provider that others wrote."""

from __future__ import annotations

import html
import io
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.cli.main import main
from shared.identity.model import Principal
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.auth.linking import GIL, add_person, begin, confirm, ended, link, signed_in
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.doors import serving
from tests.functions.http_events import call


@dataclass
class Browser:
    """A person's browser: goes where it is sent, signs in there, and ends where it is led."""

    site: Site
    opened: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def open(self, url: str) -> bool:
        self.opened.append(url)
        self.threads.append(threading.Thread(target=self._go, args=(url,)))
        self.threads[-1].start()
        return True

    def _go(self, url: str) -> None:
        with self.site.browser() as browser:
            started = browser.get(url)
            if started.status_code != 303:
                return
            answered = httpx.get(started.headers["location"], trust_env=False)
            ended = browser.get(self.site.here(answered.headers["location"]))
            shown = httpx.get(ended.headers["location"], trust_env=False)
            assert shown.status_code == 200


@pytest.fixture
def person(mailing: Site, gate: str, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser beside the whole API, which is reached at one address by all."""
    mailing.url = gate
    settings = mailing.app.settings
    mailing.app.settings = settings.model_copy(update={"public_url": gate})
    browser = Browser(mailing)
    monkeypatch.setattr(webbrowser, "open", browser.open)
    return browser


@pytest.fixture
def kontor(person: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--api", person.site.url, "--data", str(tmp_path)])
        for thread in person.threads:
            thread.join(20)
        return int(ended.value.code or 0)

    return run


def test_terminal_joins_lists_and_parts(
    person: Browser,
    kontor: Callable[..., int],
    sign_in: SignIn,
    owner_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    site = person.site
    site.add_provider()
    mine = ("--token", sign_in().body["access_token"])
    assert kontor("oidc", "identities", *mine) == 0
    site.say_next(**GIL)
    assert kontor("oidc", "link", "corporate", *mine) == 0
    assert kontor("oidc", "identities", *mine) == 0
    out = capfd.readouterr().out
    assert "You are joined to no account." in out
    assert f"Joined gil@else.example at {site.issuer}: kontor login --oidc corporate" in out
    assert f"{site.issuer}  gil@else.example  gil-1" in out
    # Somebody else's: told in the terminal, with the code of a conflict or a refusal.
    body = {"email": "bea@acme.example", "display_name": "B", "password": PASSWORD}
    httpx.post(
        f"{site.url}/api/v1/users",
        json=body,
        headers={"authorization": f"Bearer {mine[1]}"},
        trust_env=False,
    ).raise_for_status()
    bea = ("--token", sign_in("bea@acme.example").body["access_token"])
    assert kontor("oidc", "link", "corporate", *bea) == 77
    assert "is joined to another account here" in capfd.readouterr().err
    assert kontor("oidc", "unlink", *bea) == 66
    # A session that is not fresh is asked for the password.
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.sessions SET created_at = now() - interval '1 day'")
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    piped = ("--password-stdin", *mine)
    assert kontor("oidc", "unlink", "nobody@else.example", *piped) == 66
    assert kontor("oidc", "unlink", "gil@else.example", *piped) == 0
    assert "gil@else.example signs you in no more." in capfd.readouterr().out


def test_terminal_signs_out_at_the_provider_too(
    person: Browser, kontor: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    site = person.site
    site.add_provider(makes_users=True)
    site.say_next(**EVE)
    assert kontor("login", "--oidc", "corporate", "--tenant", "acme") == 0
    assert kontor("logout", "--at-provider") == 0
    assert person.opened[-1].startswith(f"{site.issuer}/end?from=here&client_id=")
    assert "Sign out at the provider in the browser" in capfd.readouterr().err
    assert kontor("logout", "--at-provider") == 77
    assert kontor("login", "--oidc", "corporate", "--tenant", "acme") == 0
    assert kontor("logout", "--everywhere", "--at-provider", "--no-browser") == 0
    said = capfd.readouterr()
    assert "Signed out everywhere." in said.out
    assert f"Open this address in a browser: {site.issuer}/end" in said.err


def test_terminal_says_why_there_is_nowhere_to_sign_out(
    person: Browser,
    kontor: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert kontor("login", "--email", "ada@acme.example", "--password-stdin") == 0
    assert kontor("logout", "--at-provider") == 0
    assert "You did not sign in at an identity provider." in capfd.readouterr().err
    assert person.opened == []


def test_joining_and_signing_out_at_a_provider_that_others_wrote(
    its_place: str, served: App, admin: Principal, postman: Postman
) -> None:
    from functions.auth.handler import app, handler

    with serving(app) as url:
        served.settings = served.settings.model_copy(
            update={"public_url": url, "cors_origins": "https://app.acme.example"}
        )
        site = Site(url, served, handler, admin, its_place)
        provider = site.add_provider()
        claims = {"email": "gil@else.example", "email_verified": True}
        httpx.put(f"{its_place}/users/gil-7", json=claims).raise_for_status()
        ada = signed_in(site)

        def go(browser: httpx.Client, start_url: str) -> httpx.Response:
            there = browser.get(start_url).headers["location"]
            consent = httpx.post(there, data={"sub": "gil-7"}, trust_env=False)
            return browser.get(consent.headers["location"])

        with site.browser() as browser:
            came = ended(go(browser, begin(site, ada, provider["id"]).body["start_url"]))
            assert confirm(site, ada, came["code"]).body["email"] == "gil@else.example"
            entered = go(browser, f"/auth/oidc/{provider['id']}/start")
        caller = served.verifier.verify(entered.json()["access_token"])
        assert caller.user_id == ada.user_id
        bye = "https://app.acme.example/bye"
        asked = {"at_provider": "true", "return_to": bye}
        left = call(handler, "POST", "/auth/logout", query=asked, principal=caller).body
        shown = httpx.get(left["provider_logout_url"], trust_env=False)
        assert shown.status_code == 200
        back = f"{bye}?state={left['state']}"
        assert html.escape(back) in shown.text
    assert [mail.to for mail in postman.deliver()] == ["ada@acme.example"]


def test_provider_that_is_not_trusted_gives_no_role_to_an_account_joined_by_hand(
    mailing: Site,
) -> None:
    site = mailing
    provider = site.add_provider(
        claims={"groups": "realm_access.roles"}, group_roles={"all": "viewer", "bosses": "admin"}
    )
    bea = add_person(site, "bea@acme.example", "editor")
    claims: dict[str, object] = {**GIL["claims"], "realm_access": {"roles": ["all"]}}
    gil: dict[str, object] = {"sub": "gil-1", "claims": claims}
    assert link(site, bea, provider["id"], gil).status == 201
    for group in ("all", "bosses"):
        claims["realm_access"] = {"roles": [group]}
        answer = site.sign_in(provider["id"], gil)
        assert (site.user(answer), answer.json()["user"]["role"]) == (bea.user_id, "editor")
