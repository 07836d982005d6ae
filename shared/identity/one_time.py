"""Links and challenges that count once: made for one person and one purpose, kept as a hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from shared.adapters.database import Session
from shared.identity import account_store, opaque
from shared.identity.account_store import OneTime
from shared.identity.model import FirstFactor, ProviderSession
from shared.kernel.clock import now
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId, UserId

Purpose = Literal["verify_email", "change_email", "reset_password", "second_factor", "enrolment"]
_HOUR_S, _DAY_S = 3600, 24 * 3600
LIVES_S: Final[dict[Purpose, int]] = {
    "verify_email": 3 * _DAY_S,
    "change_email": _DAY_S,
    "reset_password": _HOUR_S,
    "second_factor": 300,
    "enrolment": 900,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token that is about to be made: whose, what for, the address it is about, after what."""

    user_id: UserId
    purpose: Purpose
    email: str = ""
    after_method: FirstFactor = "password"
    there: ProviderSession | None = None


def kind_of(purpose: Purpose) -> opaque.Kind:
    """Return the kind of token a purpose uses: challenges answer a sign-in, links come by mail."""
    return "challenge" if purpose in {"second_factor", "enrolment"} else "link"


def make(session: Session, tenant_id: TenantId, wanted: Wanted) -> str:
    """Make a token; those made before for the same purpose no longer count."""
    token = opaque.make(kind_of(wanted.purpose), tenant_id)
    account_store.remove_one_time(session, wanted.user_id, wanted.purpose)
    account_store.record_one_time(
        session,
        opaque.hash_of(token),
        wanted.user_id,
        purpose=wanted.purpose,
        email=wanted.email,
        after_method=wanted.after_method,
        there=wanted.there,
        expires_at=now() + timedelta(seconds=LIVES_S[wanted.purpose]),
    )
    return token


def present(purpose: Purpose, token: str) -> opaque.Presented:
    """Read a token somebody shows; raises InvalidError when it is none of this purpose."""
    shown = opaque.present(kind_of(purpose), token)
    if shown is None:
        raise spent()
    return shown


def look(session: Session, shown: opaque.Presented, purpose: Purpose) -> OneTime:
    """Return what a token stands for and let it count once more.

    Raises InvalidError when it does not count (any more).
    """
    found = account_store.find_one_time(session, shown.token_hash, purpose)
    if found is None:
        raise spent()
    return found


def redeem(session: Session, shown: opaque.Presented, purpose: Purpose) -> OneTime:
    """Return what a token stands for and use it up.

    Raises InvalidError when it does not count (any more).
    """
    found = account_store.take_one_time(session, shown.token_hash, purpose)
    if found is None:
        raise spent()
    return found


def spent() -> InvalidError:
    """Say that a token does not count, whatever the reason."""
    return InvalidError(
        "This link or code has been used, replaced or has expired.", hint="Ask for a new one."
    )
