"""Where browsers are sent: our own address, where a visit to a provider ends, the way there."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from functions.edge.pages import OURS_ALONE, cookie_called
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
        cookie_of(app, request, departure.cookie_name),
        departure.cookie,
        max_age=FLOW_LIFE_S,
        secure=_is_encrypted(app, request),
        httponly=True,
        samesite="lax",
    )
    return answer


def cookie_of(app: App, request: Request, name: str) -> str:
    """Return what a cookie of ours is called at the address that people reach us by."""
    return cookie_called(name, is_secure=_is_encrypted(app, request))


def forget_cookie(answer: Response, called: str) -> None:
    """Let a browser forget a cookie; one with the prefix goes only over HTTPS, too."""
    is_secure = called.startswith(OURS_ALONE)
    answer.delete_cookie(called, secure=is_secure, httponly=True, samesite="lax")


def _is_encrypted(app: App, request: Request) -> bool:
    return public_url(app, request).startswith("https://")
