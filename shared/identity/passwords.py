"""Passwords: argon2id, the same work for known and unknown people, stronger hashes over time.

Parameters are OWASP's minimum for argon2id (m = 19 MiB, t = 2, p = 1), which fits the smallest
function; a hash made with others is replaced at the next sign-in, and so is a bcrypt hash that
came with people from another system. No rule asks for digits or capitals: length counts, and that
a guesser does not try the password first.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from shared.kernel.errors import InvalidError

MIN_CHARACTERS = 12
MAX_BYTES = 1024
_MIN_SIGNS = 5  # different ones
_MIN_UNIT = 8  # a shorter text repeated is no longer password
_MAX_BCRYPT_COST = 14  # a second's work; more would let an import tie up sign-in
_BCRYPT_BYTES = 72  # bcrypt itself never looked further
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_WRITTEN_AS = str.maketrans("@4310$57!", "aaeiosstl")

Weakness = Literal["short", "long", "guessed"]
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


class WeakPasswordError(InvalidError):
    """A chosen password will not do; its field says why in a word, which programs tell apart."""

    def __init__(self, reason: Weakness, detail: str, *, hint: str) -> None:
        super().__init__(detail, hint=hint, fields={"password": reason})
        self.reason = reason


def hash_new(password: str, *, about: Iterable[str] = ()) -> str:
    """Hash a password somebody chose.

    Raises WeakPasswordError when it is too short, too long, or guessers try it first: a common
    one, also with digits around it or signs for letters, or a word ``about`` the person.
    """
    encoded = _encoded(password)
    text = encoded.decode()
    if len(text) < MIN_CHARACTERS:
        hint = f"Use at least {MIN_CHARACTERS} characters; a sentence is a good password."
        raise WeakPasswordError("short", "The password is too short.", hint=hint)
    if len(encoded) > MAX_BYTES:
        hint = f"Use at most {MAX_BYTES} bytes."
        raise WeakPasswordError("long", "The password is too long.", hint=hint)
    refuse_guessed(text, about=about)
    return _HASHER.hash(encoded)


def refuse_guessed(password: str, *, about: Iterable[str] = ()) -> None:
    """Raise WeakPasswordError for a password that a guesser would soon try."""
    if is_guessed(password, about=about):
        hint = "Use a sentence that only you would think of."
        raise WeakPasswordError(
            "guessed", "The password is one that guessers try first.", hint=hint
        )


def is_guessed(password: str, *, about: Iterable[str] = ()) -> bool:
    """Tell whether a guesser would soon try a password."""
    text = password.casefold()
    if len(set(text)) < _MIN_SIGNS or _is_run(text):
        return True
    unit = text[: (text + text).find(text, 1)]
    if len(unit) < min(len(text), _MIN_UNIT):
        return True
    own = {word.casefold() for word in about if word}
    words = set(re.findall(r"[^\W\d_]+", text))
    if words <= own or (len(words) == 1 and words <= _common()):
        return True
    return any(form in own or form in _common() for form in _forms(text) | _forms(unit))


def is_right(password_hash: str, password: str) -> bool:
    """Compare a password with a stored hash; an over-long one is wrong without being hashed."""
    encoded = _encoded(password)
    if len(encoded) > MAX_BYTES:
        return False
    if _BCRYPT.fullmatch(password_hash):
        return _is_right_bcrypt(password_hash, password)
    try:
        return _HASHER.verify(password_hash, encoded)
    except (VerificationError, InvalidHashError):
        return False


def spend(password: str) -> None:
    """Do the work of one comparison for nobody, so timing tells nothing about who exists."""
    is_right(_nobody(), password)


def rehashed(password_hash: str, password: str) -> str | None:
    """Return a fresh hash of a right password if it was made otherwise than today."""
    if not _BCRYPT.fullmatch(password_hash) and not _HASHER.check_needs_rehash(password_hash):
        return None
    return _HASHER.hash(_encoded(password))


def check_importable(password_hash: str) -> str:
    """Return a hash of another system if sign-in can check it: argon2id or bcrypt.

    Raises InvalidError for any other, and for one whose check would take too long.
    """
    bcrypt = _BCRYPT.fullmatch(password_hash)
    if bcrypt and int(bcrypt[1]) <= _MAX_BCRYPT_COST:
        return password_hash
    if password_hash.startswith("$argon2id$") and _is_modest(password_hash):
        return password_hash
    raise InvalidError(
        "A password hash is of a kind that cannot be checked here.",
        hint=f"Bring argon2id, or bcrypt ($2a$, $2b$, $2y$) of at most cost {_MAX_BCRYPT_COST}.",
        fields={"password_hash": "argon2id or bcrypt"},
    )


def _encoded(password: str) -> bytes:
    """Return the bytes to hash. NFKC: an umlaut is one key here and two code points there."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")


def _is_right_bcrypt(password_hash: str, password: str) -> bool:
    import bcrypt

    # The system a hash came from hashed what was typed, without bringing it into one form.
    typed = password.encode("utf-8", "replace")[:_BCRYPT_BYTES]
    try:
        return bcrypt.checkpw(typed, password_hash.encode())
    except ValueError:
        return False


def _is_modest(password_hash: str) -> bool:
    from argon2 import extract_parameters

    try:
        found = extract_parameters(password_hash)
    except InvalidHashError:
        return False
    return found.memory_cost <= 256 * 1024 and found.time_cost <= 10 and found.parallelism <= 8  # noqa: PLR2004


def _forms(text: str) -> set[str]:
    """Return a text as itself, without what stands around its letters, with signs as letters."""
    plain = text.translate(_WRITTEN_AS)
    bare = {re.sub(r"^[\W\d_]+|[\W\d_]+$", "", form) for form in (text, plain)}
    tail = re.sub(r"[\W\d_]+$", "", text).translate(_WRITTEN_AS)
    return {text, plain, *bare, tail}


def _is_run(text: str) -> bool:
    """Tell whether every sign follows the one before: ``abcdefghijkl``, ``987654321098``."""
    steps = {
        (ord(after) - ord(before)) % (10 if after.isdigit() and before.isdigit() else 0x110000)
        for before, after in itertools.pairwise(text)
    }
    return len(steps) == 1


@cache
def _common() -> frozenset[str]:
    text = files("shared.identity").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("# "))


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")
