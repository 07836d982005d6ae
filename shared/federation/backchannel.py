"""Signing out because a provider says so (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.adapters.database import Session
from shared.federation import store
from shared.federation.logout_tokens import Logout
from shared.federation.model import EndedThere, Provider

BECAUSE: Final = "signed out at the identity provider"
# ``iat`` is in whole seconds mostly: what was opened in the same second came before it.
_SECOND: Final = timedelta(seconds=1)


def end_sessions(session: Session, provider: Provider, logout: Logout) -> list[EndedThere]:
    """End the sessions that somebody opened at a provider before signing out there; returns them.

    Sign-ins that are under way are over too: those that wait for a code, and those handed over that
    nobody took yet. A session of which the provider never told its name for it cannot be told
    apart, so it ends with any of that person's. What was opened later stays: a token that is sent
    again ends nothing more.
    """
    before = logout.issued_at + _SECOND
    store.remove_waiting(session, provider, logout, before=before)
    return store.change_to_ended_there(session, provider, logout, before=before, because=BECAUSE)
