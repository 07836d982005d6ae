"""Routes of documents, folders and jobs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.documents.schemas import (
    DocumentBody,
    DocumentChange,
    DocumentPage,
    DownloadBody,
    FolderBody,
    FolderPage,
    HopBody,
    JobBody,
    JobPage,
    MemberBody,
    NewFolder,
    TextBody,
    Trace,
    VersionBody,
)
from functions.edge.http import Caller
from shared.audit import service as audit
from shared.documents import service as documents
from shared.documents.members import list_members
from shared.identity.model import Principal
from shared.ingestion.derived import load_document
from shared.kernel.ids import DocumentId, FolderId, JobId
from shared.realtime import service as realtime
from shared.wiring import app as wired

router = APIRouter(tags=["documents"])
DOWNLOAD_S = 300
Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/api/v1/documents")
def list_documents(
    caller: Caller,
    folder: Annotated[str, Query(max_length=4096)] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DocumentPage:
    """List documents in and below a folder, newest first."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = documents.list_documents(session, folder=folder, cursor=cursor, limit=limit)
    items = [DocumentBody.model_validate(row) for row in page.items]
    return DocumentPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/documents/{document_id}")
def show_document(caller: Caller, document_id: UUID) -> DocumentBody:
    """Show a document with all its versions."""
    caller.require("documents:read")
    return _show(caller, DocumentId(document_id))


def _show(caller: Principal, document_id: DocumentId) -> DocumentBody:
    with wired().database.transaction(caller.tenant_id) as session:
        row = documents.find_document(session, document_id)
        versions = documents.list_versions(session, document_id)
        inside = list_members(session, document_id)
    body = DocumentBody.model_validate(row)
    body.members = [MemberBody.model_validate(member) for member in inside]
    body.versions = [VersionBody.model_validate(version) for version in versions]
    return body


@router.patch("/api/v1/documents/{document_id}")
def change_document(caller: Caller, document_id: UUID, change: DocumentChange) -> DocumentBody:
    """Rename, move or describe a document."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        documents.change_document(
            session,
            DocumentId(document_id),
            changed_by=caller.user_id,
            title=change.title,
            folder=change.folder,
            metadata=change.metadata,
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="document.changed",
            subject=f"document:{document_id}",
            details=change.model_dump(exclude_unset=True, mode="json"),
        )
    return _show(caller, DocumentId(document_id))


@router.delete("/api/v1/documents/{document_id}", status_code=204)
def remove_document(caller: Caller, document_id: UUID) -> None:
    """Put a document into the trash and take it out of the index at once."""
    caller.require("documents:write")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        for version in documents.remove_document(session, DocumentId(document_id)):
            app.chunk_index.remove(session, version.id)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="document.removed",
            subject=f"document:{document_id}",
            details={},
        )


@router.get("/api/v1/documents/{document_id}/versions/{number}/text")
def show_text(caller: Caller, document_id: UUID, number: int) -> TextBody:
    """Show a version's canonical text, the one citations' character spans point into."""
    caller.require("documents:read")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        documents.find_document(session, DocumentId(document_id))
        version = documents.find_version_number(session, DocumentId(document_id), number)
    parsed = load_document(app.objects, caller.tenant_id, version.id)
    return TextBody(version_id=version.id, text=parsed.text)


@router.get("/api/v1/documents/{document_id}/download")
def download(caller: Caller, document_id: UUID) -> DownloadBody:
    """Make a short-lived address of the newest version's original file."""
    caller.require("documents:read")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        documents.find_document(session, DocumentId(document_id))
        version = documents.list_versions(session, DocumentId(document_id))[0]
    url = app.objects.presign_download(
        version.object_key,
        filename=version.filename,
        version=version.object_version,
        expires_s=DOWNLOAD_S,
    )
    return DownloadBody(url=url, expires_in=DOWNLOAD_S)


@router.get("/api/v1/documents/{document_id}/trace")
def trace(caller: Caller, document_id: UUID) -> Trace:
    """Tell every hop of the document's pipeline, in order of time."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        documents.find_document(session, DocumentId(document_id))
        hops = realtime.trace(session, DocumentId(document_id))
    return Trace(hops=[HopBody.model_validate(hop) for hop in hops])


@router.get("/api/v1/folders")
def list_folders(caller: Caller, cursor: Cursor = None, limit: Limit = 200) -> FolderPage:
    """List folders in the order of their paths."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = documents.list_folders(session, cursor=cursor, limit=limit)
    items = [FolderBody.model_validate(folder) for folder in page.items]
    return FolderPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/folders", status_code=201)
def make_folder(caller: Caller, new: NewFolder) -> FolderBody:
    """Make a folder and whatever is missing above it; an existing one is returned."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        folder_id = documents.make_folder(session, new.path, created_by=caller.user_id)
        folder = documents.find_folder(session, folder_id or FolderId(UUID(int=0)))
    return FolderBody.model_validate(folder)


@router.delete("/api/v1/folders/{folder_id}", status_code=204)
def remove_folder(caller: Caller, folder_id: UUID) -> None:
    """Delete an empty folder."""
    caller.require("documents:write")
    with wired().database.transaction(caller.tenant_id) as session:
        documents.remove_folder(session, FolderId(folder_id))


@router.get("/api/v1/jobs")
def list_jobs(
    caller: Caller,
    state: Annotated[str, Query(pattern="^(open|all)$")] = "open",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> JobPage:
    """List jobs, newest first; by default those that are not finished."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = realtime.list_jobs(session, cursor=cursor, is_open_only=state == "open", limit=limit)
    items = [JobBody.model_validate(job) for job in page.items]
    return JobPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/jobs/{job_id}")
def show_job(caller: Caller, job_id: UUID) -> JobBody:
    """Show a job and everything that happened to it."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        job = realtime.find_job(session, JobId(job_id))
        hops = realtime.list_hops(session, JobId(job_id))
    body = JobBody.model_validate(job)
    body.events = [HopBody.model_validate(hop) for hop in hops]
    return body
