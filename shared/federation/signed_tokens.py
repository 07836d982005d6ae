"""What every token of a provider must be before what it says is looked at: signed, and for us."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jwt

from shared.federation.key_sets import ALGORITHMS, ProviderKey, choose_key
from shared.kernel.errors import KontorError

LEEWAY_S: Final = 60
MAX_CHARACTERS: Final = 64 * 1024
MAX_NAME: Final = 255
Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a kind of token must be: whose, for whom, of which types, with which claims.

    ``refuse`` makes the error that says why one is not believed.
    """

    issuer: str
    client_id: str
    types: Collection[str]
    required: Sequence[str]
    refuse: Callable[[str], KontorError]


class UnknownKeyError(Exception):
    """The token names a key that is not among those known: perhaps the set is old."""


def read_signed(token: str, keys: list[ProviderKey], wanted: Wanted) -> tuple[Claims, str]:
    """Check a token's signature, issuer, audience and time; returns its claims and algorithm.

    Raises what ``wanted.refuse`` makes for anything amiss, UnknownKeyError for a key not in the
    set.
    """
    if len(token) > MAX_CHARACTERS:
        raise wanted.refuse("its token is too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise wanted.refuse("its token cannot be read") from error
    algorithm, kid = header.get("alg"), header.get("kid", "")
    is_plain = str(header.get("typ", "JWT")).upper() in wanted.types and "crit" not in header
    if algorithm not in ALGORITHMS or not isinstance(kid, str) or not is_plain:
        raise wanted.refuse("its token is signed in a way that is not accepted")
    key = choose_key(keys, kid, algorithm)
    if key is None:
        raise UnknownKeyError
    try:
        claims: dict[str, object] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=wanted.issuer,
            audience=wanted.client_id,
            leeway=LEEWAY_S,
            options={"require": list(wanted.required)},
        )
    except jwt.PyJWTError as error:
        raise wanted.refuse("its token does not hold") from error
    return claims, algorithm


def is_name(value: str) -> bool:
    """Tell whether a claim can name a person or a session (OpenID Connect Core, section 2)."""
    return 1 <= len(value) <= MAX_NAME and "\0" not in value
