"""A provider's published keys, and which of them may check which signature.

Strict on purpose: a set with a private or symmetric key in it, or with two keys of one name, is
somebody's mistake or attack, and refused whole (the cases of Wycheproof's JsonWebKey vectors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.kernel.errors import UnauthenticatedError

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
MOST_KEYS: Final = 50
MIN_RSA_BITS: Final = 2048  # NIST SP 800-131A
_RSA: Final[tuple[str, ...]] = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final[Mapping[str, tuple[str, ...]]] = {
    "secp256r1": ("ES256",),
    "secp384r1": ("ES384",),
    "secp521r1": ("ES512",),
}
ALGORITHMS: Final = frozenset((*_RSA, "ES256", "ES384", "ES512", "EdDSA"))
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A public key with what it may be used for; ``kid`` may be empty."""

    kid: str
    algorithms: tuple[str, ...]
    key: PublicKey


def read_key_set(body: object) -> list[ProviderKey]:
    """Read a JSON Web Key Set (RFC 7517); keys of kinds nobody knows are left out.

    Raises UnauthenticatedError for a set that cannot be trusted.
    """
    listed = body.get("keys") if isinstance(body, Mapping) else None
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise _untrusted("no list of keys")
    keys: list[ProviderKey] = []
    for entry in listed:
        if not isinstance(entry, Mapping):
            raise _untrusted("an entry that is no key")
        if _PRIVATE & entry.keys() or entry.get("kty") == "oct":
            raise _untrusted("a key that must not be public")
        found = _read_key(entry)
        if found is not None:
            keys.append(found)
    names = [key.kid for key in keys if key.kid]
    if len(names) != len(set(names)):
        raise _untrusted("two keys of one name")
    return keys


def choose_key(keys: list[ProviderKey], kid: str, algorithm: str) -> PublicKey | None:
    """Return the key that a token's header means; without ``kid`` only where there is no choice."""
    fitting = [each for each in keys if algorithm in each.algorithms]
    if kid:
        fitting = [each for each in fitting if each.kid == kid]
    return fitting[0].key if len(fitting) == 1 else None


def _read_key(entry: Mapping[str, object]) -> ProviderKey | None:
    kind, use, operations = entry.get("kty"), entry.get("use", "sig"), entry.get("key_ops")
    is_for_us = use == "sig" and (operations is None or operations == ["verify"])
    if kind not in {"RSA", "EC", "OKP"} or not is_for_us:
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm=_guess(entry)).key
    except jwt.PyJWTError:
        return None
    if isinstance(key, RSAPublicKey):
        possible: tuple[str, ...] = _RSA if key.key_size >= MIN_RSA_BITS else ()
    elif isinstance(key, EllipticCurvePublicKey):
        possible = _CURVES.get(key.curve.name, ())
    elif isinstance(key, Ed25519PublicKey):
        possible = ("EdDSA",)
    else:
        return None
    said = entry.get("alg")
    algorithms = possible if said is None else tuple(a for a in possible if a == said)
    kid = entry.get("kid", "")
    return ProviderKey(kid, algorithms, key) if algorithms and isinstance(kid, str) else None


def _guess(entry: Mapping[str, object]) -> str:
    """Name an algorithm that PyJWT reads such a key with; which may be used is decided later."""
    curves = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
    if entry.get("kty") == "EC":
        return curves.get(str(entry.get("crv")), "ES256")
    return "RS256" if entry.get("kty") == "RSA" else "EdDSA"


def _untrusted(what: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"The identity provider publishes {what}.", hint="Tell the provider's administrator."
    )
