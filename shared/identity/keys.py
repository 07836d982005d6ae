"""Signing keys: private halves in Secrets Manager, public halves in the database by thumbprint.

Functions that verify tokens hold no secret at all. Which key signs is said by the database, so
that every process changes over at the same moment: a rotation publishes the next key, lets it
sign once everybody has read the published keys anew, and retires the one before it when its last
token has expired. Until then both verify.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.adapters.database import Database, Session
from shared.adapters.secrets import Secrets
from shared.identity import store
from shared.kernel.errors import (
    ConflictError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)

_KEEP_S = 60.0
_ASK_AGAIN_S = 5.0
LEAD_S = 120  # twice as long as anybody keeps the published keys
_SPARE_S = 60  # clocks of two machines, and a process that signed just before the change
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)
_MADE_BY = "`kontor up` makes it, and so does `kontor migrate --signing-secret NAME`."


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


def load_signing_key(session: Session, secrets: Secrets, name: str) -> SigningKey:
    """Return the key that signs now, its private half out of the secret ``name``.

    Raises UnavailableError when the secret is missing or holds something else.
    """
    found = store.find_signing_kid(session)
    try:
        keys = read_keys(secrets.read(name))
        if found is not None and found.kid not in keys:
            # A rotation that this process's copy of the secret is too old to know.
            secrets.forget(name)
            keys = read_keys(secrets.read(name))
    except NotFoundError as error:
        raise UnavailableError(
            f"The signing key is not there: no secret {name}.", hint=_MADE_BY
        ) from error
    if found is None or found.kid not in keys:
        raise UnavailableError(
            f"The secret {name} does not hold the key that is published.", hint=_MADE_BY
        )
    return keys[found.kid]


def ensure_signing_key(session: Session, secrets: Secrets, name: str) -> str:
    """Make the signing key and publish its public half where missing; returns its ``kid``.

    ``session`` is a system transaction on the owner's connection: functions may only read the
    table of public keys. Repeating it changes nothing.
    """
    try:
        keys = read_keys(secrets.read(name))
    except NotFoundError:
        made = SigningKey.make()
        secrets.keep(name, made.pem)
        keys = {made.id: made}
    found = store.find_signing_kid(session)
    if found is not None and found.kid in keys:
        return found.kid
    newest = list(keys.values())[-1]
    store.record_signing_key(session, kid=newest.id, public_key=newest.public_bytes)
    return newest.id


def rotate_signing_key(
    session: Session, secrets: Secrets, name: str, *, life_s: int, lead_s: int = LEAD_S
) -> str:
    """Publish the next key and set the moment from which it signs; returns its ``kid``.

    ``life_s`` is the longest life of a token: the key before it retires when its last one has
    expired. With ``lead_s`` 0 the new key signs at once and every other is void at once, for a
    private half that became known. ``session`` is as for ``ensure_signing_key``. Raises
    ConflictError while an earlier rotation waits for its moment.
    """
    secrets.forget(name)
    try:
        held = read_keys(secrets.read(name))
    except NotFoundError as error:
        raise UnavailableError(f"There is no secret {name}.", hint=_MADE_BY) from error
    if lead_s and store.list_coming_keys(session):
        raise ConflictError(
            "A key is published already and will sign soon.", hint="See `kontor signing-key list`."
        )
    in_force = {row.id for row in store.list_signing_keys(session)}
    made = SigningKey.make()
    kept = [key.pem for kid, key in held.items() if kid in in_force and lead_s]
    # The private half first: a key that signs must never be published without one.
    secrets.keep(name, "".join([*kept, made.pem]))
    store.change_keys_retired(session, after_s=lead_s + life_s + _SPARE_S if lead_s else 0)
    store.record_next_key(session, kid=made.id, public_key=made.public_bytes, lead_s=lead_s)
    return made.id


def read_keys(text: str) -> dict[str, SigningKey]:
    """Read the private keys of a signing secret by ``kid``, oldest first; PEM after PEM.

    Raises UnavailableError when there is none, or something else.
    """
    found = [SigningKey.from_pem(pem) for pem in _PEM.findall(text)]
    if not found:
        raise _unusable()
    return {key.id: key for key in found}


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
