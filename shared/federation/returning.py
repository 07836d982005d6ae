"""Where a sign-in may end: only at places that are ours, or on the person's own machine."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from shared.kernel.errors import InvalidError

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f-\uffff\\]")
_LOOPBACK: Final = {"127.0.0.1", "::1"}  # RFC 8252, section 7.3: the name localhost is not meant
_LONGEST: Final = 1000


def check_return(return_to: str, challenge: str, *, origins: Collection[str]) -> None:
    """Make sure that a sign-in may end at ``return_to``.

    That is a path of ours, an address of an origin that browsers may call from, or a port of the
    person's own machine. What is handed over there is a code that only who knows the challenge's
    verifier can trade for tokens. Raises InvalidError.
    """
    if not return_to:
        return
    check_place(return_to, origins=origins)
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidError(
            "A sign-in that ends elsewhere needs a challenge.",
            hint="Send the S256 challenge of a verifier that only you know (RFC 7636).",
            fields={"challenge": "43 characters of base64url"},
        )


def check_place(return_to: str, *, origins: Collection[str]) -> None:
    """Make sure that a browser may be sent to ``return_to``; raises InvalidError."""
    if not _may_end_at(return_to, origins):
        raise InvalidError(
            "A sign-in may not end there.",
            hint="Give a path, an address of an allowed origin, or http://127.0.0.1:PORT/….",
            fields={"return_to": "a path, an allowed origin's address or a loopback address"},
        )


def address_with(return_to: str, facts: Mapping[str, str]) -> str:
    """Add facts to the query of an address."""
    parts = urlsplit(return_to)
    query = "&".join(filter(None, (parts.query, urlencode(facts))))
    return urlunsplit(parts._replace(query=query))


def _may_end_at(return_to: str, origins: Collection[str]) -> bool:
    if len(return_to) > _LONGEST or _UNWRITABLE.search(return_to):
        return False
    try:
        parts = urlsplit(return_to)
        port = parts.port
    except ValueError:
        return False
    if parts.fragment or parts.username is not None or parts.password is not None:
        return False
    if not parts.scheme and not parts.netloc:
        # A second slash would name a host to browsers.
        return return_to.startswith("/") and not return_to.startswith("//")
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return port is not None
    return f"{parts.scheme}://{parts.netloc}" in origins
