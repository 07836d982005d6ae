"""Sealing: AES-256-GCM under a key the database does not hold, bound to what is sealed."""

from __future__ import annotations

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.adapters.secrets import Secrets
from shared.kernel.errors import NotFoundError, UnavailableError

_KEY_BYTES, _NONCE_BYTES = 32, 12


class Seal:
    """Seals small texts; ``about`` (what it is and whose) must be the same when opened."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, text: bytes, *, about: str) -> bytes:
        """Return the sealed text: a random nonce, then the ciphertext with its tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Return the text; raises UnavailableError when the key is another or it was changed."""
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise UnavailableError(
                "A sealed value cannot be opened.",
                hint="Was the identity secret replaced? Bring back the one it was sealed with.",
            ) from error

    def __repr__(self) -> str:
        return "Seal()"


def load_seal(secrets_: Secrets, name: str) -> Seal:
    """Read the key from the secret ``name``. Raises UnavailableError without a usable one."""
    try:
        return Seal(_key(secrets_.read(name)))
    except NotFoundError as error:
        raise UnavailableError(
            f"The identity secret is not there: no secret {name}.",
            hint="`kontor up` makes it, and so does `kontor migrate --identity-secret NAME`.",
        ) from error


def ensure_seal(secrets_: Secrets, name: str) -> None:
    """Make the key where it is missing; repeating it changes nothing."""
    try:
        _key(secrets_.read(name))
    except NotFoundError:
        secrets_.keep(name, base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise UnavailableError(
            "The identity secret holds no key of 256 bits.",
            hint="Remove it and run `kontor migrate --identity-secret NAME`: it makes a new one.",
        )
    return key
