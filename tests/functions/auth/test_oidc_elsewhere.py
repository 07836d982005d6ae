"""Signing in at a provider that others wrote, and from a terminal through the browser."""

from __future__ import annotations

import json
import threading
import webbrowser
from pathlib import Path

import httpx
import pytest

from infra.cli.main import main
from shared.identity.model import Principal
from shared.wiring import App
from tests.functions.auth.signing_in import EVE, Site
from tests.functions.doors import serving


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


# -- from a terminal ---------------------------------------------------------------------------


def test_terminal_signs_in_through_the_browser(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    provider = site.add_provider(makes_users=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    login = ["login", "--api", site.url, "--tenant", "acme", "--json", "--data", str(tmp_path)]

    def browse(url: str) -> bool:
        """Be the browser: go there, sign in, come back, and end where we are sent."""

        def go() -> None:
            with site.browser() as browser:
                started = browser.get(url)
                answered = httpx.get(started.headers["location"], trust_env=False)
                ended = browser.get(site.here(answered.headers["location"]))
                shown = httpx.get(ended.headers["location"], trust_env=False)
                assert shown.status_code == 200

        threading.Thread(target=go).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    for who, code, said in (
        (EVE, 0, '"email": "eve@acme.example"'),
        ({**EVE, "fault": "denied"}, 77, "did not sign you in"),
    ):
        site.say_next(**who)
        with pytest.raises(SystemExit) as ended:
            main([*login, "--oidc", provider["name"]])
        out, err = capfd.readouterr()
        assert (ended.value.code or 0, said in out + err) == (code, True), err
    profiles = json.loads((tmp_path / "kontor" / "profiles.json").read_text())
    assert site.app.verifier.verify(profiles[site.url]["token"]).email == "eve@acme.example"
    with pytest.raises(SystemExit) as ended:
        main([*login, "--oidc", "nobody"])
    assert ended.value.code == 66
    assert "It has: corporate." in capfd.readouterr().err
