"""Somebody who is signed in joins an account at a provider to theirs, step by step."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from shared.federation.client import challenge_of
from shared.identity.model import Principal
from tests.functions.auth.conftest import PASSWORD
from tests.functions.auth.signing_in import Site
from tests.functions.http_events import Answer, call

VERIFIER = "v" * 43
PLACE = "http://127.0.0.1:9/done"
GIL = {"sub": "gil-1", "claims": {"email": "gil@else.example", "email_verified": True}}


def principal_of(site: Site, answer: Answer) -> Principal:
    assert answer.status == 200, answer.body
    return site.app.verifier.verify(answer.body["access_token"])


def signed_in(site: Site, email: str = "ada@acme.example") -> Principal:
    """Open a session by password; returns who that is, with its session."""
    body = {"email": email, "password": PASSWORD}
    return principal_of(site, call(site.handler, "POST", "/auth/login", body=body))


def add_person(site: Site, email: str, role: str = "editor") -> Principal:
    """Make another account of the tenant and sign it in."""
    body = {"email": email, "display_name": "P", "password": PASSWORD, "role": role}
    made = call(site.handler, "POST", "/api/v1/users", body=body, principal=site.admin)
    assert made.status == 201, made.body
    return signed_in(site, email)


def begin(site: Site, caller: Principal, provider_id: str, **more: str) -> Answer:
    body = {
        "provider_id": provider_id,
        "return_to": PLACE,
        "challenge": challenge_of(VERIFIER),
        **more,
    }
    return call(site.handler, "POST", "/auth/identities", body=body, principal=caller)


def go(site: Site, browser: httpx.Client, start_url: str) -> str:
    """Open a start address and sign in there; returns where the provider sends the browser."""
    started = browser.get(start_url)
    assert started.status_code == 303, started.text
    answered = httpx.get(started.headers["location"], trust_env=False)
    return site.here(answered.headers["location"])


def visit(site: Site, start_url: str, who: dict[str, Any]) -> dict[str, str]:
    """Go to the provider and back in a new browser; returns what comes to the place it ends at."""
    site.say_next(**who)
    with site.browser() as browser:
        return ended(browser.get(go(site, browser, start_url)))


def ended(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    place, _, query = answer.headers["location"].partition("?")
    assert place == PLACE
    return {name: values[0] for name, values in parse_qs(query).items()}


def confirm(site: Site, caller: Principal, code: str, verifier: str = VERIFIER) -> Answer:
    body = {"code": code, "code_verifier": verifier}
    return call(site.handler, "POST", "/auth/identities/confirm", body=body, principal=caller)


def link(site: Site, caller: Principal, provider_id: str, who: dict[str, Any]) -> Answer:
    """Join the account of who signs in there to the caller's, to the end."""
    begun = begin(site, caller, provider_id)
    assert begun.status == 201, begun.body
    came = visit(site, begun.body["start_url"], who)
    assert "code" in came, came
    return confirm(site, caller, came["code"])


def part(site: Site, caller: Principal, subject: str, **more: str) -> Answer:
    body = {"issuer": site.issuer, "subject": subject, **more}
    return call(site.handler, "DELETE", "/auth/identities", body=body, principal=caller)


def identities(site: Site, caller: Principal) -> list[str]:
    found = call(site.handler, "GET", "/auth/identities", principal=caller)
    return [each["subject"] for each in found.body["items"]]


def ticket_of(start_url: str) -> str:
    return parse_qs(urlsplit(start_url).query)["ticket"][0]
