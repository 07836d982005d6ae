"""Opaque tokens: 256 random bits that only their hash is kept of, with the way to their tenant.

The tenant's id stands before the randomness, so a token is looked up inside its tenant's walls;
naming another tenant there finds nothing. The prefix lets scanners recognise a leaked one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from shared.kernel.ids import TenantId

Kind = Literal["refresh", "link", "challenge", "invitation", "ticket", "state", "code"]
PREFIXES: Final[dict[Kind, str]] = {
    "refresh": "kontor_rt_",
    "link": "kontor_ln_",
    "challenge": "kontor_ch_",
    "invitation": "kontor_in_",
    "ticket": "kontor_ws_",
    "state": "kontor_st_",
    "code": "kontor_co_",
}
_RANDOM_BYTES = 32
_BODY = re.compile(r"[A-Za-z0-9_-]{64}")  # 16 bytes of tenant and 32 of randomness


@dataclass(frozen=True, slots=True)
class Presented:
    """A token somebody showed: the tenant it points to, and the hash it is kept under."""

    tenant_id: TenantId
    token_hash: bytes


def make(kind: Kind, tenant_id: TenantId) -> str:
    """Make a token of a tenant from the system's randomness."""
    body = tenant_id.bytes + secrets.token_bytes(_RANDOM_BYTES)
    return PREFIXES[kind] + base64.urlsafe_b64encode(body).decode()


def present(kind: Kind, token: str) -> Presented | None:
    """Read a token of one kind; ``None`` for anything else."""
    prefix = PREFIXES[kind]
    body = token.removeprefix(prefix)
    if not token.startswith(prefix) or not _BODY.fullmatch(body):
        return None
    try:
        raw = base64.urlsafe_b64decode(body)
    except binascii.Error:
        return None
    return Presented(TenantId(UUID(bytes=raw[:16])), hash_of(token))


def hash_of(token: str) -> bytes:
    """Return what is kept of a token. It is random, so one round of SHA-256 suffices."""
    return hashlib.sha256(token.encode()).digest()
