"""Routes of documents; those of versions, shelves, trash and jobs lie beside them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.documents import job_routes, shelf_routes, trash_routes, version_routes
from functions.documents.paging import Cursor, Limit
from functions.documents.schemas import (
    CollectionName,
    DocumentBody,
    DocumentChange,
    DocumentPage,
    MemberBody,
    TagCount,
    TagList,
    VersionBody,
)
from functions.documents.trash_routes import erase
from functions.documents.version_routes import may_look
from functions.edge.bodies import Name
from functions.edge.http import Caller
from shared.audit import service as audit
from shared.documents import collections, descriptions
from shared.documents import service as documents
from shared.documents.descriptions import Change
from shared.documents.members import list_members
from shared.identity.model import Principal
from shared.kernel.ids import CollectionId, DocumentId
from shared.wiring import app as wired

router = APIRouter(tags=["documents"])
for part in (version_routes, shelf_routes, trash_routes, job_routes):
    router.include_router(part.router)


@router.get("/api/v1/documents")
def list_documents(
    caller: Caller,
    *,
    folder: Annotated[str, Query(max_length=4096)] = "",
    tag: Annotated[list[Name] | None, Query(max_length=50)] = None,
    collection: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DocumentPage:
    """List documents, newest first: in and below a folder, with all tags, of a collection."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = documents.list_documents(
            session,
            folder=folder,
            tags=tag or (),
            collection_id=CollectionId(collection) if collection else None,
            cursor=cursor,
            limit=limit,
        )
    items = [DocumentBody.model_validate(row) for row in page.items]
    return DocumentPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/documents/{document_id}")
def show_document(caller: Caller, document_id: UUID) -> DocumentBody:
    """Show a document with all its versions and the collections it is in."""
    caller.require("documents:read")
    return _show(caller, DocumentId(document_id))


def _show(caller: Principal, document_id: DocumentId) -> DocumentBody:
    with wired().database.transaction(caller.tenant_id) as session:
        row = documents.find_document(session, document_id)
        versions = [
            version
            for version in documents.list_versions(session, document_id)
            if may_look(caller, row, version.number)
        ]
        within = collections.list_collections_of(session, document_id)
        inside = list_members(session, document_id)
    body = DocumentBody.model_validate(row)
    body.members = [MemberBody.model_validate(member) for member in inside]
    body.versions = [VersionBody.model_validate(version) for version in versions]
    body.collections = [CollectionName.model_validate(each) for each in within]
    return body


@router.patch("/api/v1/documents/{document_id}")
def change_document(caller: Caller, document_id: UUID, change: DocumentChange) -> DocumentBody:
    """Rename, move, describe or tag a document; nothing of it is read again."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        descriptions.change_document(
            session,
            DocumentId(document_id),
            Change(**change.model_dump()),
            changed_by=caller.user_id,
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="document.changed",
            subject=f"document:{document_id}",
            # Values are the document's own and go when it is erased; the trail stays.
            details={"fields": sorted(change.model_fields_set)},
        )
    return _show(caller, DocumentId(document_id))


@router.delete("/api/v1/documents/{document_id}", status_code=204)
def remove_document(
    caller: Caller,
    document_id: UUID,
    response: Response,
    *,
    permanent: Annotated[
        bool, Query(description="Erase it for good; for its owner and administrators.")
    ] = False,
) -> None:
    """Put a document into the trash and out of the index; with ``permanent``, erase it for good.

    202 means that it can no longer be seen, and that a step which was under way has to end before
    its last files go, within minutes.
    """
    caller.require("documents:write")
    if permanent:
        response.status_code = erase(caller, DocumentId(document_id))
        return
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        removed = documents.remove_document(
            session, DocumentId(document_id), removed_by=caller.user_id
        )
        for version in removed:
            app.chunk_index.remove(session, version.id)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="document.removed",
            subject=f"document:{document_id}",
            details={},
        )


@router.get("/api/v1/tags")
def list_tags(caller: Caller) -> TagList:
    """List the tags in use with how many documents carry each."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        found = descriptions.list_tags(session)
    return TagList(items=[TagCount.model_validate(row) for row in found])
