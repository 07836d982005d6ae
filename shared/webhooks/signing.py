"""Signatures after the Standard Webhooks specification, and GitHub's.

``webhook-signature`` holds one or more ``v1,BASE64`` separated by spaces: HMAC-SHA256 over
``id.timestamp.body`` with the secret's bytes. Two stand there while a secret is being replaced.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from shared.kernel.errors import UnauthenticatedError

PREFIX: Final = "whsec_"
WINDOW_S: Final = 300
_LONGEST_ID = 255
_MOST_SIGNATURES = 16


def new_secret() -> str:
    """Make a secret of 32 random bytes, written as the specification says."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a message, signed with every key."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            f"v1,{_digest(key, message_id, str(timestamp), body)}" for key in keys
        ),
    }


def check_standard(key: str, headers: Mapping[str, str], body: bytes, *, at: float) -> str:
    """Return the id of a rightly and freshly signed message.

    Raises UnauthenticatedError for anything amiss; the same for everything but its age.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()[:_MOST_SIGNATURES]
    is_plain = 0 < len(message_id) <= _LONGEST_ID and message_id.isascii()
    if not is_plain or not timestamp.isascii() or not timestamp.isdecimal():
        raise _unsigned()
    expected = _digest(key, message_id, timestamp, body)
    signatures = [each.partition(",")[2] for each in given if each.startswith("v1,")]
    if not _is_among(expected, signatures):
        raise _unsigned()
    if abs(at - int(timestamp[:15])) > WINDOW_S:
        raise UnauthenticatedError(
            "The message is not of the last five minutes.", hint="Set the sender's clock right."
        )
    return message_id


def check_github(key: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the id of a message that GitHub signed; raises UnauthenticatedError otherwise.

    GitHub signs no time: what came once under an id is not taken again.
    """
    expected = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    message_id = headers.get("x-github-delivery", "")
    is_plain = 0 < len(message_id) <= _LONGEST_ID and message_id.isascii()
    if not is_plain or not _is_among(expected, [headers.get("x-hub-signature-256", "")]):
        raise _unsigned()
    return message_id


def _is_among(expected: str, given: Sequence[str]) -> bool:
    wanted = expected.encode()
    return any(hmac.compare_digest(wanted, each.encode()) for each in given)


def _digest(key: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(_bytes(key), signed, hashlib.sha256).digest()).decode()


def _bytes(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return key.encode()


def _unsigned() -> UnauthenticatedError:
    return UnauthenticatedError(
        "There is no such address, or the message is not signed with its secret.",
        hint="Check the address and the secret.",
    )


def refuse() -> UnauthenticatedError:
    """Return the one answer to whoever cannot prove who they are."""
    return _unsigned()
