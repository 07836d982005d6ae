"""Signing out at a provider as well (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from shared.adapters.database import Session
from shared.federation import store
from shared.federation.client import OidcClient
from shared.federation.model import Provider
from shared.identity import sessions
from shared.identity.model import Principal


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Where a browser signs out, and the state it comes back with; both may be empty."""

    url: str
    state: str


def find_provider(session: Session, caller: Principal) -> Provider | None:
    """Return the provider that the caller's session was opened at, while it is active."""
    if caller.credential != "session" or caller.session_id is None:
        return None
    opening = sessions.find_opening(session, caller)
    if opening.provider_id is None:
        return None
    found = store.find_provider(session, opening.provider_id)
    return found if found is not None and found.is_active else None


def say_goodbye(client: OidcClient, provider: Provider, *, return_to: str) -> Goodbye:
    """Make the address that signs somebody out at a provider; empty where it has none.

    Raises UnavailableError when the provider does not answer, and what discovery raises.
    """
    state = secrets.token_urlsafe(24) if return_to else ""
    url = client.sign_out_url(provider, state=state, return_to=return_to)
    return Goodbye(url, state if url else "")
