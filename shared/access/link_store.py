"""The rows of share links and of those who came through them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from shared.access.model import FoundLink, Known, LinkId, Resource, ShareLink
from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.access")


def record_link(
    session: Session,
    link_id: LinkId,
    resource: Resource,
    *,
    token_hash: bytes,
    title: str,
    password_hash: str,
    created_by: UserId,
    expires_at: datetime,
    most_uses: int | None,
    allows_download: bool,
) -> None:
    """Insert a link."""
    session.execute(
        QUERIES["record_link"],
        {
            "id": link_id,
            "kind": resource.kind,
            "resource_id": resource.id,
            "token_hash": token_hash,
            "title": title,
            "password_hash": password_hash,
            "created_by": created_by,
            "expires_at": expires_at,
            "most_uses": most_uses,
            "allows_download": allows_download,
        },
    )


def find_link(session: Session, link_id: LinkId) -> ShareLink | None:
    """Return one link."""
    return session.find(QUERIES["find_link"], ShareLink, {"id": link_id})


def list_links(
    session: Session, *, created_by: UserId | None, before: LinkId | None, limit: int
) -> list[ShareLink]:
    """List links, newest first: somebody's, or everybody's."""
    params = {"created_by": created_by, "before": before, "limit": limit}
    return session.all(QUERIES["list_links"], ShareLink, params)


def change_link_revoked(session: Session, link_id: LinkId) -> bool:
    """End a link; False when it had ended by hand before."""
    return session.execute(QUERIES["change_link_revoked"], {"id": link_id}) == 1


def change_link_used(session: Session, link_id: LinkId) -> bool:
    """Count one use; False when there is none left."""
    return session.execute(QUERIES["change_link_used"], {"id": link_id}) == 1


def change_link_failed(session: Session, link_id: LinkId, *, most: int) -> None:
    """Count one wrong password; the last of so many ends the link."""
    session.execute(QUERIES["change_link_failed"], {"id": link_id, "most": most})


def record_visit(
    session: Session, visit_id: UUID, link_id: LinkId, *, token_hash: bytes, life_s: int
) -> None:
    """Insert a visit; those that are over make room."""
    session.execute(QUERIES["remove_ended_visits"])
    params = {"id": visit_id, "link_id": link_id, "token_hash": token_hash, "life_s": life_s}
    session.execute(QUERIES["record_visit"], params)


def find_share_link(session: Session, token_hash: bytes) -> FoundLink | None:
    """Return a link in force by its token's hash; in a system transaction."""
    return session.find(QUERIES["find_share_link"], FoundLink, {"token_hash": token_hash})


def has_share_link(session: Session, token_hash: bytes) -> bool:
    """Tell whether there is or was a link with this token; in a system transaction."""
    return session.get(QUERIES["has_share_link"], Known, {"token_hash": token_hash}).is_known
