"""Routes of share links: making and ending them; ``visit_routes`` is for who comes through one."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from functions.access.schemas import (
    Cursor,
    Limit,
    MadeShare,
    NewShare,
    ShareBody,
    SharePage,
)
from functions.edge.http import Caller
from shared.access import links
from shared.access.links import NewLink
from shared.access.model import Kind, LinkId, Resource
from shared.audit import service as audit
from shared.kernel.errors import InvalidError
from shared.wiring import app as wired

router = APIRouter()


@router.get("/api/v1/shares")
def list_shares(caller: Caller, cursor: Cursor = None, limit: Limit = 50) -> SharePage:
    """List one's own links, newest first; everybody's for those who oversee access."""
    with wired().database.transaction(caller.tenant_id) as session:
        page = links.list_links(session, caller, cursor=cursor, limit=limit)
    items = [ShareBody.model_validate(link) for link in page.items]
    return SharePage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/shares", status_code=201)
def make_share(caller: Caller, new: NewShare, response: Response) -> MadeShare:
    """Make a link to a folder, document or collection, for people without an account, to look."""
    with wired().database.transaction(caller.tenant_id) as session:
        link, token = links.make_link(
            session,
            caller,
            NewLink(
                resource=_resource(new),
                days=new.days,
                password=new.password,
                most_uses=new.most_uses,
                allows_download=new.allows_download,
            ),
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="share.made",
            subject=f"share:{link.id}",
            details={
                "resource": f"{link.resource_kind}:{link.resource_id}",
                "has_password": link.has_password,
            },
        )
    response.headers["cache-control"] = "no-store"
    return MadeShare(**ShareBody.model_validate(link).model_dump(), path=f"/s/{token}")


@router.delete("/api/v1/shares/{share_id}")
def revoke_share(caller: Caller, share_id: UUID) -> ShareBody:
    """End a link; everybody who came through it is out at once."""
    with wired().database.transaction(caller.tenant_id) as session:
        link = links.revoke_link(session, caller, LinkId(share_id))
        audit.record(
            session, actor_id=caller.user_id, action="share.revoked", subject=f"share:{share_id}"
        )
    return ShareBody.model_validate(link)


def _resource(new: NewShare) -> Resource:
    named: dict[Kind, UUID | None] = {
        "folder": new.folder_id,
        "document": new.document_id,
        "collection": new.collection_id,
    }
    wanted = [Resource(kind, each) for kind, each in named.items() if each is not None]
    if len(wanted) != 1:
        raise InvalidError(
            "A link shows one folder, one document or one collection.",
            hint="Send folder_id, document_id or collection_id.",
        )
    return wanted[0]
