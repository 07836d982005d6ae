"""Passwords: argon2id, the same work for known and unknown people, stronger hashes over time.

Parameters are OWASP's minimum for argon2id (m = 19 MiB, t = 2, p = 1), which fits the smallest
function; a hash made with others is replaced at the next sign-in.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from shared.kernel.errors import InvalidError

MIN_CHARACTERS = 12
MAX_BYTES = 1024

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def hash_new(password: str) -> str:
    """Hash a password somebody chose; raises InvalidError when it is too short or too long."""
    encoded = _encoded(password)
    if len(encoded.decode()) < MIN_CHARACTERS:
        raise InvalidError(
            "The password is too short.",
            hint=f"Use at least {MIN_CHARACTERS} characters; a sentence is a good password.",
            fields={"password": f"at least {MIN_CHARACTERS} characters"},
        )
    if len(encoded) > MAX_BYTES:
        raise InvalidError(
            "The password is too long.",
            hint=f"Use at most {MAX_BYTES} bytes.",
            fields={"password": f"at most {MAX_BYTES} bytes"},
        )
    return _HASHER.hash(encoded)


def is_right(password_hash: str, password: str) -> bool:
    """Compare a password with a stored hash; an over-long one is wrong without being hashed."""
    encoded = _encoded(password)
    if len(encoded) > MAX_BYTES:
        return False
    try:
        return _HASHER.verify(password_hash, encoded)
    except (VerificationError, InvalidHashError):
        return False


def spend(password: str) -> None:
    """Do the work of one comparison for nobody, so timing tells nothing about who exists."""
    is_right(_nobody(), password)


def rehashed(password_hash: str, password: str) -> str | None:
    """Return a fresh hash of a right password if today's parameters differ from the hash's."""
    if not _HASHER.check_needs_rehash(password_hash):
        return None
    return _HASHER.hash(_encoded(password))


def _encoded(password: str) -> bytes:
    """Return the bytes to hash. NFKC: an umlaut is one key here and two code points there."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")
