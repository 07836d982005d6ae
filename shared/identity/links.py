"""Visitors who came through a share link: a short-lived token of theirs becomes a principal.

The token is 256 random bits behind a prefix; only its hash is kept. It dies with its link: a link
that was revoked or has expired ends every visit at once, because the same look asks for both.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.adapters.database import Database
from shared.adapters.queries import load_queries
from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId

QUERIES = load_queries("shared.identity")
PREFIX: Final = "kontor_visit_"
ROLE: Final = "visitor"
PERMISSIONS: Final = frozenset({"documents:read"})
DOWNLOAD: Final = "documents:download"
"""What a link gives beside that, unless it is for looking only; people's reading includes it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit in force, and the link it came through."""

    tenant_id: TenantId
    link_id: UUID
    allows_download: bool


def new_token(prefix: str) -> str:
    """Make a token that nobody guesses."""
    return prefix + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """Return what is kept of a token: with 256 random bits in it, a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def is_visit(token: str) -> bool:
    """Tell a visitor's token from others by its beginning."""
    return token.startswith(PREFIX)


def verify_visit(database: Database, token: str) -> Principal:
    """Return who came through a link: may read, and sees what the link shows.

    Nobody's account stands behind a visitor: ``user_id`` is the link's own id, so that what people
    may do with their own account leads nowhere. Raises UnauthenticatedError when the visit or its
    link has ended.
    """
    with database.system_transaction() as session:
        visit = session.find(QUERIES["find_visit"], Visit, {"token_hash": hash_of(token)})
    if visit is None:
        raise UnauthenticatedError(
            "This visit has ended, or its link has.", hint="Open the link again."
        )
    return Principal(
        visit.tenant_id,
        UserId(visit.link_id),
        "",
        ROLE,
        permissions=PERMISSIONS | {DOWNLOAD} if visit.allows_download else PERMISSIONS,
        credential="link",
        session_id=visit.link_id,
    )
