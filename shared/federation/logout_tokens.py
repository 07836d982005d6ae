"""Logout tokens: checked as OpenID Connect Back-Channel Logout 1.0, section 2.6 demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.federation.key_sets import ProviderKey
from shared.federation.model import Provider
from shared.federation.signed_tokens import LEEWAY_S, Claims, Wanted, is_name, read_signed
from shared.kernel.clock import now
from shared.kernel.errors import MalformedError

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
OLDEST_S: Final = 120  # section 2.6 leaves it open; a provider sends one as somebody signs out


@dataclass(frozen=True, slots=True)
class Logout:
    """Who signed out at a provider, when, and of which session there; one of the two may be empty.

    ``subject`` alone means every session of theirs, ``sid`` one.
    """

    subject: str
    sid: str
    issued_at: datetime


def read_logout_token(token: str, keys: list[ProviderKey], provider: Provider) -> Logout:
    """Check a logout token and return what it says.

    It must be typed as one, unless the provider is known not to do that (section 2.4 recommends it
    only); what keeps other tokens out then is ``events``, and that there is no ``nonce``.

    Raises MalformedError for anything amiss (section 2.8 wants 400), UnknownKeyError for a key not
    in the set.
    """
    wanted = Wanted(
        issuer=provider.issuer,
        client_id=provider.client_id,
        types={"LOGOUT+JWT", "JWT"} if provider.takes_untyped_logout else {"LOGOUT+JWT"},
        required=("iss", "aud", "iat", "events"),
        refuse=disbelieved,
    )
    claims, _ = read_signed(token, keys, wanted)
    issued = claims["iat"]
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise disbelieved("it does not say when it was made")
    if now().timestamp() - issued > OLDEST_S + LEEWAY_S:
        raise disbelieved("it is too old")
    events = claims["events"]
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        raise disbelieved("it does not tell of a sign-out")
    # So that no ID token passes for one (section 2.4).
    if "nonce" in claims:
        raise disbelieved("it belongs to a sign-in")
    subject, sid = _name(claims, "sub"), _name(claims, "sid")
    if not subject and not sid:
        raise disbelieved("it does not say who signed out")
    return Logout(subject, sid, datetime.fromtimestamp(issued, UTC))


def disbelieved(why: str) -> MalformedError:
    """Say why a logout token is not believed; nothing of it is repeated."""
    return MalformedError(
        f"This is no logout token of this provider for us: {why}.",
        hint="Send logout_token as OpenID Connect Back-Channel Logout 1.0 describes it.",
    )


def _name(claims: Claims, claim: str) -> str:
    value = claims.get(claim)
    if value is None:
        return ""
    if not isinstance(value, str) or not is_name(value):
        raise disbelieved(f"its {claim} is none")
    return value
