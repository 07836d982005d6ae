"""ID tokens: checked as OpenID Connect Core 1.0, section 3.1.3.7 demands, and a little more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.federation.key_sets import ProviderKey
from shared.federation.model import Foreigner, Provider
from shared.federation.signed_tokens import LEEWAY_S, Claims, Wanted, is_name, read_signed
from shared.kernel.clock import now
from shared.kernel.errors import UnauthenticatedError

OLDEST_S: Final = 600  # an ID token comes fresh from the token endpoint
_MOST_GROUPS: Final = 1000
# What only the ID token may say, for only it belongs to this one sign-in.
OF_THE_SIGN_IN: Final = frozenset({"acr", "amr", "auth_time", "sid"})
_DIGESTS: Final = {"256": "sha256", "384": "sha384", "512": "sha512", "DSA": "sha512"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What one sign-in's ID token must agree with; ``max_age_s`` is how old it may be at most."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str = field(repr=False)
    max_age_s: int | None = None


def read_id_token(token: str, keys: list[ProviderKey], expected: Expected) -> Claims:
    """Check an ID token and return its claims.

    Raises UnauthenticatedError for anything amiss, UnknownKeyError for a key not in the set.
    """
    wanted = Wanted(
        issuer=expected.issuer,
        client_id=expected.client_id,
        types={"JWT"},
        required=("iss", "sub", "aud", "exp", "iat"),
        refuse=refused,
    )
    claims, algorithm = read_signed(token, keys, wanted)
    _check_claims(claims, algorithm, expected)
    return claims


def _check_claims(claims: Claims, algorithm: str, expected: Expected) -> None:
    audience, party = claims["aud"], claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise refused("its token is meant for several and does not say for whom it was issued")
    if party is not None and party != expected.client_id:
        raise refused("its token was issued to another client")
    issued, subject = claims["iat"], claims["sub"]
    if not isinstance(issued, int | float) or now().timestamp() - issued > OLDEST_S:
        raise refused("its token is too old")
    if not isinstance(subject, str) or not is_name(subject):
        raise refused("its token does not say who signed in")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), expected.nonce.encode()):
        raise refused("its token belongs to another sign-in")
    given = claims.get("at_hash")
    if given is not None and given != left_half(expected.access_token, algorithm):
        raise refused("its tokens do not belong together")
    if expected.max_age_s is not None and _age_s(claims) > expected.max_age_s + LEEWAY_S:
        raise refused("you signed in there too long ago, or it does not say when")


def _age_s(claims: Claims) -> float:
    """Return how long ago somebody signed in at the provider; endless where it does not say."""
    at = claims.get("auth_time")
    if isinstance(at, bool) or not isinstance(at, int | float):
        return math.inf
    return now().timestamp() - at


def left_half(access_token: str, algorithm: str) -> str:
    """Return ``at_hash``: the left half of the hash that the algorithm uses (section 3.1.3.6)."""
    digest = hashlib.new(_DIGESTS[algorithm[-3:]], access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def describe(provider: Provider, claims: Claims) -> Foreigner:
    """Read who somebody is out of verified claims, as the provider's mapping says."""
    email = _pick(claims, provider.claims["email"])
    verified = _pick(claims, provider.claims["email_verified"])
    name = _pick(claims, provider.claims["name"])
    groups, sid = _pick(claims, provider.claims["groups"]), claims.get("sid")
    listed = groups if isinstance(groups, list) else [groups] if isinstance(groups, str) else []
    return Foreigner(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        email=email.strip().lower() if isinstance(email, str) else "",
        # Some providers write booleans as words.
        is_email_verified=verified is True or verified == "true",
        name=name.strip() if isinstance(name, str) else "",
        groups=tuple(each for each in listed if isinstance(each, str))[:_MOST_GROUPS],
        has_second_factor=_vouches(provider, claims),
        sid=sid if isinstance(sid, str) and is_name(sid) else "",
    )


def _vouches(provider: Provider, claims: Claims) -> bool:
    """Tell whether a token vouches for a second factor, where the provider is trusted for it.

    ``mfa`` is RFC 8176's word for it; what the values of ``acr`` mean only the provider knows.
    """
    if not provider.trusts_second_factor:
        return False
    if provider.second_factor_acr:
        return claims.get("acr") in provider.second_factor_acr
    methods = claims.get("amr")
    return isinstance(methods, list) and "mfa" in methods


def _pick(claims: Claims, path: str) -> object:
    """Find a claim by its name, or by a dotted path into objects (``realm_access.roles``)."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def refused(why: str) -> UnauthenticatedError:
    """Say why a provider's answer is not believed; nothing of it is repeated."""
    return UnauthenticatedError(
        f"The identity provider's answer is refused: {why}.", hint="Sign in again."
    )
