"""Signing keys: the private half in Secrets Manager, public halves in the database by thumbprint.

Functions that verify tokens hold no secret at all. Rotation adds a key and retires the old one
once its last token has expired; both verify until then.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.adapters.database import Database, Session
from shared.adapters.secrets import Secrets
from shared.identity import store
from shared.kernel.errors import NotFoundError, UnauthenticatedError, UnavailableError

_KEEP_S = 60.0
_ASK_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The Ed25519 key that signs access tokens; its repr shows the thumbprint only."""

    private_key: Ed25519PrivateKey

    @classmethod
    def make(cls) -> SigningKey:
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: str) -> SigningKey:
        """Read a PKCS #8 PEM; raises UnavailableError when it is not an Ed25519 key."""
        try:
            key = serialization.load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _unusable() from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _unusable()
        return cls(key)

    @property
    def pem(self) -> str:
        """Return the private key as PKCS #8 PEM, for the secret store only."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def public_bytes(self) -> bytes:
        """Return the public half, 32 bytes."""
        return self.private_key.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        """Return the thumbprint that tokens name in ``kid``."""
        return thumbprint(self.public_bytes)

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"


class Keyring:
    """The public keys in force, read from the database at most once a minute.

    An unknown ``kid`` asks again at most every five seconds: a new key is accepted at once, and
    forged ids cannot turn into database load.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._read_at: float | None = None

    def find(self, kid: str) -> Ed25519PublicKey:
        """Return the public key called ``kid``; raises UnauthenticatedError for an unknown one."""
        age = float("inf") if self._read_at is None else time.monotonic() - self._read_at
        if age > _KEEP_S or (kid not in self._keys and age > _ASK_AGAIN_S):
            with self._database.system_transaction() as session:
                rows = store.list_signing_keys(session)
            self._keys = {
                row.id: Ed25519PublicKey.from_public_bytes(bytes(row.public_key)) for row in rows
            }
            self._read_at = time.monotonic()
        try:
            return self._keys[kid]
        except KeyError:
            raise UnauthenticatedError(
                "The token was signed with a key that is not ours.", hint="Sign in again."
            ) from None


def load_signing_key(secrets: Secrets, name: str) -> SigningKey:
    """Read the signing key from the secret ``name``.

    Raises UnavailableError when the secret is missing or holds something else.
    """
    try:
        return SigningKey.from_pem(secrets.read(name))
    except NotFoundError as error:
        raise UnavailableError(
            f"The signing key is not there: no secret {name}.",
            hint="`kontor up` makes it, and so does `kontor migrate --signing-secret NAME`.",
        ) from error


def ensure_signing_key(session: Session, secrets: Secrets, name: str) -> str:
    """Make the signing key and publish its public half where missing; returns its ``kid``.

    ``session`` is a system transaction on the owner's connection: functions may only read the
    table of public keys. Repeating it changes nothing.
    """
    try:
        key = SigningKey.from_pem(secrets.read(name))
    except NotFoundError:
        key = SigningKey.make()
        secrets.keep(name, key.pem)
    store.record_signing_key(session, kid=key.id, public_key=key.public_bytes)
    return key.id


def thumbprint(public_key: bytes) -> str:
    """Return the JWK thumbprint of an Ed25519 public key (RFC 7638, RFC 8037 appendix A.3)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public_key)}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def as_jwk(kid: str, public_key: bytes) -> dict[str, str]:
    """Describe a public key as a JSON Web Key."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _base64url(public_key),
        "kid": kid,
        "alg": "EdDSA",
        "use": "sig",
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unusable() -> UnavailableError:
    return UnavailableError(
        "The signing secret holds no Ed25519 private key.",
        hint="Remove it and run `kontor migrate --signing-secret NAME`: it makes a new key.",
    )
