"""Routes of share links: making and ending them, and coming through one."""

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
    SharePassword,
    VisitBody,
)
from functions.edge.http import Caller
from shared.access import links
from shared.access.links import NewLink, Opened
from shared.access.model import LinkId, Resource
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
    """Make a link to a folder or a document, for people without an account, to look."""
    with wired().database.transaction(caller.tenant_id) as session:
        link, token = links.make_link(
            session,
            caller,
            NewLink(
                resource=_resource(new),
                days=new.days,
                password=new.password,
                most_uses=new.most_uses,
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


@router.get("/s/{token}")
def look_behind(token: str, response: Response) -> VisitBody:
    """Come through a link; one with a password is only described."""
    return _open(token, None, response)


@router.post("/s/{token}")
def come_through(token: str, given: SharePassword, response: Response) -> VisitBody:
    """Come through a link with its password."""
    return _open(token, given.password, response)


def _open(token: str, password: str | None, response: Response) -> VisitBody:
    app = wired()
    tenant_id, opened = links.open_link(
        app.database, token, password=password, life_s=app.settings.share_visit_s
    )
    if opened.token is not None:
        with app.database.transaction(tenant_id) as session:
            audit.record(
                session, actor_id=None, action="share.opened", subject=str(opened.resource)
            )
    response.headers["cache-control"] = "no-store"
    response.headers["referrer-policy"] = "no-referrer"
    return _visit(opened)


def _visit(opened: Opened) -> VisitBody:
    return VisitBody(
        title=opened.title,
        kind=opened.resource.kind,
        id=opened.resource.id,
        expires_at=opened.expires_at,
        needs_password=opened.token is None,
        access_token=opened.token,
        expires_in=opened.life_s if opened.token is not None else 0,
    )


def _resource(new: NewShare) -> Resource:
    if (new.folder_id is None) == (new.document_id is None):
        raise InvalidError(
            "A link shows one folder or one document.", hint="Send folder_id or document_id."
        )
    if new.folder_id is not None:
        return Resource("folder", new.folder_id)
    assert new.document_id is not None
    return Resource("document", new.document_id)
