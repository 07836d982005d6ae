"""Routes of folders and collections."""

from __future__ import annotations

import time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.documents.paging import Cursor, Limit
from functions.documents.shelf_schemas import (
    Added,
    CollectionBody,
    CollectionChange,
    CollectionPage,
    DocumentIds,
    FolderBody,
    FolderChange,
    FolderPage,
    FolderRemoval,
    NewCollection,
    NewFolder,
)
from functions.edge.http import Caller
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.documents import collections, folders
from shared.documents import service as documents
from shared.identity.model import Principal
from shared.kernel.ids import CollectionId, DocumentId, FolderId
from shared.wiring import app as wired

router = APIRouter()
_BATCH = 20
_LONGEST_S = 15.0  # the rest of the function's 29 s is for the last batch


@router.get("/api/v1/folders")
def list_folders(caller: Caller, cursor: Cursor = None, limit: Limit = 200) -> FolderPage:
    """List folders in the order of their paths."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = folders.list_folders(session, cursor=cursor, limit=limit)
    items = [FolderBody.model_validate(folder) for folder in page.items]
    return FolderPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/folders", status_code=201)
def make_folder(caller: Caller, new: NewFolder) -> FolderBody:
    """Make a folder and whatever is missing above it; an existing one is returned."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        folder_id = folders.make_folder(session, new.path, created_by=caller.user_id)
        folder = folders.find_folder(session, folder_id or FolderId(UUID(int=0)))
    return FolderBody.model_validate(folder)


@router.patch("/api/v1/folders/{folder_id}")
def move_folder(caller: Caller, folder_id: UUID, change: FolderChange) -> FolderBody:
    """Move or rename a folder with everything in it; nothing in it is read again."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        folder = folders.move_folder(
            session, FolderId(folder_id), change.path, moved_by=caller.user_id
        )
        _note(session, caller, "folder.moved", f"folder:{folder_id}")
    return FolderBody.model_validate(folder)


@router.delete("/api/v1/folders/{folder_id}")
def remove_folder(
    caller: Caller,
    folder_id: UUID,
    *,
    recursive: Annotated[
        bool, Query(description="Also put everything in and below it into the trash.")
    ] = False,
) -> FolderRemoval:
    """Delete a folder that is empty; with ``recursive``, its documents go into the trash first.

    A folder with very many documents takes several requests: repeat it until ``is_complete``.
    """
    caller.require("documents:write")
    app = wired()
    removed = 0
    started = time.monotonic()
    while recursive and time.monotonic() - started < _LONGEST_S:
        with app.database.transaction(caller.tenant_id) as session:
            count = _remove_some(session, caller, FolderId(folder_id))
        removed += count
        if count < _BATCH:
            break
    with app.database.transaction(caller.tenant_id) as session:
        if not recursive:
            folders.remove_folder(session, FolderId(folder_id))
        elif not folders.remove_empty_tree(session, FolderId(folder_id)):
            return FolderRemoval(removed_documents=removed, is_complete=False)
        _note(session, caller, "folder.removed", f"folder:{folder_id}")
    return FolderRemoval(removed_documents=removed, is_complete=True)


def _remove_some(session: Session, caller: Principal, folder_id: FolderId) -> int:
    folder = folders.find_folder(session, folder_id)
    found = folders.list_documents_below(session, folder, limit=_BATCH)
    for document_id in found:
        for version in documents.remove_document(session, document_id, removed_by=caller.user_id):
            wired().chunk_index.remove(session, version.id)
        _note(session, caller, "document.removed", f"document:{document_id}")
    return len(found)


@router.get("/api/v1/collections")
def list_collections(caller: Caller, cursor: Cursor = None, limit: Limit = 50) -> CollectionPage:
    """List collections by name."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = collections.list_collections(session, cursor=cursor, limit=limit)
    items = [CollectionBody.model_validate(row) for row in page.items]
    return CollectionPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/collections", status_code=201)
def add_collection(caller: Caller, new: NewCollection) -> CollectionBody:
    """Make a collection."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        made = collections.add_collection(
            session, name=new.name, description=new.description, created_by=caller.user_id
        )
        _note(session, caller, "collection.added", f"collection:{made.id}")
    return CollectionBody.model_validate(made)


@router.get("/api/v1/collections/{collection_id}")
def show_collection(caller: Caller, collection_id: UUID) -> CollectionBody:
    """Show a collection; its documents are listed by ``GET /api/v1/documents?collection=…``."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        found = collections.find_collection(session, CollectionId(collection_id))
    return CollectionBody.model_validate(found)


@router.patch("/api/v1/collections/{collection_id}")
def change_collection(
    caller: Caller, collection_id: UUID, change: CollectionChange
) -> CollectionBody:
    """Rename or describe a collection."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        found = collections.change_collection(
            session,
            CollectionId(collection_id),
            name=change.name,
            description=change.description,
        )
        _note(session, caller, "collection.changed", f"collection:{collection_id}")
    return CollectionBody.model_validate(found)


@router.delete("/api/v1/collections/{collection_id}", status_code=204)
def remove_collection(caller: Caller, collection_id: UUID) -> None:
    """Delete a collection; its documents stay where they are."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        collections.remove_collection(session, CollectionId(collection_id))
        _note(session, caller, "collection.removed", f"collection:{collection_id}")


@router.post("/api/v1/collections/{collection_id}/documents")
def add_documents(caller: Caller, collection_id: UUID, wanted: DocumentIds) -> Added:
    """Put documents into a collection; all of them or none."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        added = collections.add_documents(
            session,
            CollectionId(collection_id),
            [DocumentId(each) for each in wanted.document_ids],
            added_by=caller.user_id,
        )
        _note(session, caller, "collection.filled", f"collection:{collection_id}")
    return Added(added=added)


@router.delete("/api/v1/collections/{collection_id}/documents/{document_id}", status_code=204)
def take_document(caller: Caller, collection_id: UUID, document_id: UUID) -> None:
    """Take a document out of a collection; the document itself stays."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        collections.take_document(session, CollectionId(collection_id), DocumentId(document_id))
        _note(session, caller, "collection.emptied", f"collection:{collection_id}")


def _note(session: Session, caller: Principal, action: str, subject: str) -> None:
    audit.record(session, actor_id=caller.user_id, action=action, subject=subject)
