"""What every way of signing in shares: the rules of tokens, the device, the answer."""

from __future__ import annotations

from fastapi import Request, Response

from functions.auth.schemas import TokenAnswer, token_answer
from shared.identity.keys import load_signing_key
from shared.identity.model import Device, Welcome
from shared.identity.sessions import TokenRules
from shared.kernel.clock import now
from shared.wiring import App


def rules_of(app: App) -> TokenRules:
    """Read how tokens are issued here. Raises UnavailableError without a signing key."""
    config = app.settings
    with app.database.system_transaction() as session:
        key = load_signing_key(session, app.secrets, config.signing_secret)
    return TokenRules(
        key=key,
        issuer=config.token_issuer,
        life_s=config.access_token_s,
        session_idle_s=config.session_idle_s,
        session_life_s=config.session_life_s,
        asks_everybody=asks_everybody(app),
    )


def asks_everybody(app: App) -> bool:
    """Tell whether this server asks everybody for a code, whatever a tenant wants."""
    return app.settings.second_factor == "everybody"


def device_of(request: Request) -> Device:
    """Tell where a request comes from: the gateway's word for the address, the client's name."""
    return Device(
        address=request.client.host if request.client else "",
        user_agent=request.headers.get("user-agent", ""),
    )


def signed_in(welcome: Welcome, response: Response) -> TokenAnswer:
    """Answer with tokens, which nobody on the way may keep (RFC 6749, section 5.1)."""
    response.headers["cache-control"] = "no-store"
    return token_answer(welcome, now=now())
