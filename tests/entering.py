"""Signing somebody in for a test as the product does, when a password is all that is asked."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.identity import entering
from shared.identity.model import Device, SignIn, Welcome
from shared.identity.sessions import TokenRules


def welcome(session: Session, account: SignIn, *, password: str, rules: TokenRules) -> Welcome:
    """Open the session of a recognised account."""
    entered = entering.enter(session, account, password=password, rules=rules, device=Device())
    assert isinstance(entered, Welcome)
    return entered
