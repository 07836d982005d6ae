"""Routes of the trash: look into it, take out of it, erase what is in it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Response

from functions.documents.paging import Cursor, Limit
from functions.documents.schemas import DocumentBody
from functions.documents.shelf_schemas import RemovedBody, Trash
from functions.edge.http import Caller
from shared.audit import service as audit
from shared.documents import service as documents
from shared.documents import trash
from shared.identity.model import Principal
from shared.ingestion.revival import restore_document as revive_document
from shared.kernel.errors import RefusedError
from shared.kernel.ids import DocumentId
from shared.wiring import app as wired

router = APIRouter()
DONE, UNDER_WAY = 204, 202


@router.get("/api/v1/trash")
def list_trash(caller: Caller, cursor: Cursor = None, limit: Limit = 50) -> Trash:
    """List removed documents, last removed first, and when each will be erased."""
    caller.require("documents:read")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        page = trash.list_removed(session, cursor=cursor, limit=limit)
    days = timedelta(days=app.settings.trash_days)
    items = [
        RemovedBody(**_shown(asdict(row)), erased_at=row.removed_at + days) for row in page.items
    ]
    return Trash(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/trash/{document_id}/restore", status_code=202)
def restore_document(caller: Caller, document_id: UUID) -> DocumentBody:
    """Take a document out of the trash, back to its folder and into the index."""
    caller.require("documents:write")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        revive_document(
            session,
            app.objects,
            DocumentId(document_id),
            restored_by=caller.user_id,
            embedding_model=app.chunk_index.active_model(session),
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="document.restored",
            subject=f"document:{document_id}",
        )
        row = documents.find_document(session, DocumentId(document_id))
    app.relay(caller.tenant_id)
    return DocumentBody.model_validate(row)


@router.delete("/api/v1/trash/{document_id}", status_code=204)
def erase_document(caller: Caller, document_id: UUID, response: Response) -> None:
    """Erase a document for good; for its owner and administrators.

    202 means that it can no longer be seen, and that a step which was under way has to end before
    its last files go, within minutes.
    """
    caller.require("documents:write")
    response.status_code = erase(caller, DocumentId(document_id))


def erase(caller: Principal, document_id: DocumentId) -> int:
    """Erase a document, whether or not it is in the trash; returns the answer's status.

    Raises RefusedError for a document of somebody else's, unless the role may erase those too.
    """
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        owner = trash.find_owner(session, document_id)
        if owner.created_by != caller.user_id and not caller.may("documents:erase"):
            raise RefusedError(
                "Only who put a document in and administrators may erase it.",
                hint="Put it into the trash, or ask an administrator.",
            )
        if not owner.is_removed:
            documents.remove_document(session, document_id, removed_by=caller.user_id)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="document.erase_requested",
            subject=f"document:{document_id}",
        )
    is_gone = app.erasure.erase(caller.tenant_id, document_id, erased_by=caller.user_id)
    return DONE if is_gone else UNDER_WAY


def _shown(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "is_erasing"}
