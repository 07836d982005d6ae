"""Where browsers are sent: our own address, where a visit to a provider ends, the way there."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import RedirectResponse

from shared.federation.service import FLOW_LIFE_S, Departure
from shared.wiring import App

CALLBACK: Final = "/auth/oidc/callback"


def public_url(app: App, request: Request) -> str:
    """Return the address that people reach the API by, without a slash at its end."""
    return (app.settings.public_url or str(request.base_url)).rstrip("/")


def redirect_uri(app: App, request: Request) -> str:
    """Return the address that is registered with providers."""
    return public_url(app, request) + CALLBACK


def backchannel_uri(app: App, request: Request, provider_id: UUID) -> str:
    """Return the address by which a provider tells of sign-outs, to be registered with it."""
    return f"{public_url(app, request)}/auth/oidc/{provider_id}/backchannel-logout"


def origins(app: App) -> set[str]:
    """List the origins that browsers may call from."""
    return {origin.strip() for origin in app.settings.cors_origins.split(",") if origin.strip()}


def sent_off(app: App, request: Request, departure: Departure) -> RedirectResponse:
    """Send a browser to a provider, with the cookie by which it is known when it comes back."""
    answer = RedirectResponse(departure.url, 303, headers={"cache-control": "no-store"})
    answer.set_cookie(
        departure.cookie_name,
        departure.cookie,
        max_age=FLOW_LIFE_S,
        path="/auth/oidc",
        secure=public_url(app, request).startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return answer
