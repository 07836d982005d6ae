"""Routes of grants on folders, documents and collections: the same five for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from functions.access.schemas import (
    AccessBody,
    EffectBody,
    GrantBody,
    NewGrant,
    NewGrants,
    ReaderBody,
    ReaderList,
)
from functions.edge.http import Caller
from shared.access import service as access
from shared.access.model import LEVELS, Kind, Resource
from shared.access.service import Access, Wish
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.wiring import app as wired

router = APIRouter()


@router.get("/api/v1/folders/{folder_id}/access")
def show_folder_access(caller: Caller, folder_id: UUID) -> AccessBody:
    """Tell who was granted what on a folder, and who has what in the end."""
    return _show(caller, Resource("folder", folder_id))


@router.put("/api/v1/folders/{folder_id}/access")
def replace_folder_access(caller: Caller, folder_id: UUID, wanted: NewGrants) -> AccessBody:
    """Say anew who is granted what on a folder and everything below it."""
    return _replace(caller, Resource("folder", folder_id), wanted)


@router.post("/api/v1/folders/{folder_id}/access")
def grant_folder_access(caller: Caller, folder_id: UUID, new: NewGrant) -> AccessBody:
    """Grant somebody something on a folder and everything below it."""
    return _grant(caller, Resource("folder", folder_id), new)


@router.delete("/api/v1/folders/{folder_id}/access/{subject}")
def withdraw_folder_access(caller: Caller, folder_id: UUID, subject: str) -> AccessBody:
    """Take back what was granted on a folder."""
    return _withdraw(caller, Resource("folder", folder_id), subject)


@router.get("/api/v1/folders/{folder_id}/readers")
def list_folder_readers(caller: Caller, folder_id: UUID) -> ReaderList:
    """Tell who sees a folder, and how far each reaches."""
    return _readers(caller, Resource("folder", folder_id))


@router.get("/api/v1/documents/{document_id}/access")
def show_document_access(caller: Caller, document_id: UUID) -> AccessBody:
    """Tell who was granted what on a document, and who has what in the end."""
    return _show(caller, Resource("document", document_id))


@router.put("/api/v1/documents/{document_id}/access")
def replace_document_access(caller: Caller, document_id: UUID, wanted: NewGrants) -> AccessBody:
    """Say anew who is granted what on a document, beside what its folder grants."""
    return _replace(caller, Resource("document", document_id), wanted)


@router.post("/api/v1/documents/{document_id}/access")
def grant_document_access(caller: Caller, document_id: UUID, new: NewGrant) -> AccessBody:
    """Grant somebody something on a document."""
    return _grant(caller, Resource("document", document_id), new)


@router.delete("/api/v1/documents/{document_id}/access/{subject}")
def withdraw_document_access(caller: Caller, document_id: UUID, subject: str) -> AccessBody:
    """Take back what was granted on a document."""
    return _withdraw(caller, Resource("document", document_id), subject)


@router.get("/api/v1/documents/{document_id}/readers")
def list_document_readers(caller: Caller, document_id: UUID) -> ReaderList:
    """Tell who sees a document, and how far each reaches."""
    return _readers(caller, Resource("document", document_id))


@router.get("/api/v1/collections/{collection_id}/access")
def show_collection_access(caller: Caller, collection_id: UUID) -> AccessBody:
    """Tell who was granted what on a collection; its documents keep their own access."""
    return _show(caller, Resource("collection", collection_id))


@router.put("/api/v1/collections/{collection_id}/access")
def replace_collection_access(caller: Caller, collection_id: UUID, wanted: NewGrants) -> AccessBody:
    """Say anew who is granted what on a collection; its documents keep their own access."""
    return _replace(caller, Resource("collection", collection_id), wanted)


@router.post("/api/v1/collections/{collection_id}/access")
def grant_collection_access(caller: Caller, collection_id: UUID, new: NewGrant) -> AccessBody:
    """Grant somebody something on a collection."""
    return _grant(caller, Resource("collection", collection_id), new)


@router.delete("/api/v1/collections/{collection_id}/access/{subject}")
def withdraw_collection_access(caller: Caller, collection_id: UUID, subject: str) -> AccessBody:
    """Take back what was granted on a collection."""
    return _withdraw(caller, Resource("collection", collection_id), subject)


@router.get("/api/v1/collections/{collection_id}/readers")
def list_collection_readers(caller: Caller, collection_id: UUID) -> ReaderList:
    """Tell who sees a collection, and how far each reaches."""
    return _readers(caller, Resource("collection", collection_id))


def _show(caller: Principal, resource: Resource) -> AccessBody:
    with wired().database.transaction(caller.tenant_id) as session:
        return _body(access.show_access(session, caller, resource))


def _replace(caller: Principal, resource: Resource, wanted: NewGrants) -> AccessBody:
    wishes = [Wish(grant.subject, grant.level) for grant in wanted.grants]

    def change(session: Session) -> Access:
        return access.replace_grants(session, caller, resource, wishes)

    return _changed(caller, resource, "access.replaced", change)


def _grant(caller: Principal, resource: Resource, new: NewGrant) -> AccessBody:
    def change(session: Session) -> Access:
        return access.grant(session, caller, resource, Wish(new.subject, new.level))

    return _changed(caller, resource, "access.granted", change)


def _withdraw(caller: Principal, resource: Resource, subject: str) -> AccessBody:
    def change(session: Session) -> Access:
        return access.withdraw(session, caller, resource, subject)

    return _changed(caller, resource, "access.withdrawn", change)


def _changed(
    caller: Principal, resource: Resource, action: str, change: Callable[[Session], Access]
) -> AccessBody:
    with wired().database.transaction(caller.tenant_id) as session:
        done = change(session)
        said: dict[str, Any] = {grant.subject: grant.level for grant in done.grants}
        audit.record(
            session,
            actor_id=caller.user_id,
            action=action,
            subject=str(resource),
            details={"grants": said},
        )
    return _body(done)


def _readers(caller: Principal, resource: Resource) -> ReaderList:
    kind: Kind = resource.kind
    with wired().database.transaction(caller.tenant_id) as session:
        found = access.list_readers(session, caller, Resource(kind, resource.id))
    items = [
        ReaderBody.model_validate(
            {"id": one.id, "email": one.email, "role": one.role, "level": LEVELS[one.rank]}
        )
        for one in found
    ]
    return ReaderList(items=items)


def _body(found: Access) -> AccessBody:
    return AccessBody.model_validate(
        {
            "title": found.place.title,
            "owner_id": found.place.owner_id,
            "is_open": found.place.is_open,
            "mine": LEVELS[found.rank],
            "grants": [GrantBody.model_validate(grant) for grant in found.grants],
            "effects": [EffectBody.model_validate(effect) for effect in found.effects],
        }
    )
