"""A browser that signs in at a real provider over HTTP, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx

from shared.identity.model import Principal
from shared.wiring import App
from tests.functions.auth.openid_provider import CLIENT, SECRET
from tests.functions.http_events import Handler, call

ADA = {"sub": "ada-1", "claims": {"email": "Ada@acme.example", "email_verified": True}}
EVE = {"sub": "eve-1", "claims": {"email": "eve@acme.example", "email_verified": True}}


class Site:
    """Kontor's sign-in on a port, an administrator to set it up, a provider to sign in at."""

    def __init__(self, url: str, app: App, handler: Handler, admin: Principal, issuer: str) -> None:
        self.url = url
        self.app = app
        self.handler = handler
        self.admin = admin
        self.issuer = issuer

    def add_provider(self, **changes: object) -> dict[str, Any]:
        body = {
            "name": "corporate",
            "title": "Acme's own",
            "issuer": self.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            **changes,
        }
        answer = call(
            self.handler, "POST", "/api/v1/oidc/providers", body=body, principal=self.admin
        )
        assert answer.status == 201, answer.body
        return dict(answer.body)

    def say_next(self, **who: object) -> None:
        """Tell the provider who signs in next, and what goes wrong."""
        httpx.post(f"{self.issuer}/_next", json=who).raise_for_status()

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, follow_redirects=False, trust_env=False) as client:
            yield client

    def leave(self, browser: httpx.Client, provider_id: str, **query: str) -> str:
        """Go to the provider and sign in there; returns where it sends the browser back to."""
        started = browser.get(f"/auth/oidc/{provider_id}/start", params=query)
        assert started.status_code == 303, started.text
        answered = httpx.get(started.headers["location"], trust_env=False)
        assert answered.status_code == 302, answered.text
        return str(answered.headers["location"])

    def sign_in(self, provider_id: str, who: dict[str, object] | None = None) -> httpx.Response:
        """Sign in in a new browser, to the end."""
        if who is not None:
            self.say_next(**who)
        with self.browser() as browser:
            return browser.get(self.leave(browser, provider_id))

    def user(self, answer: httpx.Response) -> UUID:
        assert answer.status_code == 200, answer.text
        return self.app.verifier.verify(answer.json()["access_token"]).user_id
