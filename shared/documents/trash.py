"""Use cases of the trash: look into it, take out of it, and erase what is in it for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.access.deciding import require_reach
from shared.access.model import Resource
from shared.adapters.database import Session
from shared.documents import trash_store as store
from shared.documents.folders import make_folder
from shared.documents.trash_store import (
    DocumentOwner,
    ErasableUpload,
    ErasableVersion,
    RemovedDocument,
)
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, JobId, UserId
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

_NOT_THERE = "There is no such document in the trash."


def list_removed(session: Session, *, cursor: str | None, limit: int) -> Page[RemovedDocument]:
    """List the trash, last removed first; what is being erased is no longer in it."""
    before, before_id = _position(cursor)
    limit = clamp_limit(limit)
    rows = store.list_removed(session, before=before, before_id=before_id, limit=limit)
    last = rows[-1] if len(rows) == limit else None
    return Page(rows, encode_cursor(last.removed_at.isoformat(), str(last.id)) if last else None)


def restore_document(
    session: Session, document_id: DocumentId, *, restored_by: UserId
) -> list[DocumentId]:
    """Take a document out of the trash, and what came inside it and went there with it.

    Each goes back to its folder, which is made again when it is gone. Returns their ids, the
    document's own first; the caller brings their versions into the index. Raises NotFoundError
    when it is not in the trash, ConflictError when its file has been put again meanwhile.
    """
    require_reach(session, "edit", Resource("document", document_id))
    lock = store.lock_removed(session, document_id)
    if lock is None or lock.is_erasing:
        raise NotFoundError(_NOT_THERE)
    same = store.find_same_elsewhere(session, document_id)
    if same is not None:
        raise ConflictError(
            f"The same file has been put again as “{same.title}” ({same.id}).",
            hint="Use that one, or remove it first.",
        )
    inside = store.list_removed_with(session, document_id)
    folder_id = lock.folder_id
    if folder_id is None:
        folder_id = make_folder(session, lock.folder, created_by=restored_by)
    store.restore_document(session, document_id, folder_id=folder_id)
    restored = [document_id]
    for child_id in inside:
        # A file that has been put again stands on its own; its parent comes back without it.
        if store.find_same_elsewhere(session, child_id) is None:
            restored += restore_document(session, child_id, restored_by=restored_by)
    return restored


def find_owner(session: Session, document_id: DocumentId) -> DocumentOwner:
    """Tell who put a document in, also when it lies in the trash; raises NotFoundError."""
    owner = store.find_owner(session, document_id)
    if owner is None:
        raise NotFoundError("There is no such document.")
    return owner


def begin_erasing(session: Session, document_id: DocumentId) -> list[DocumentId]:
    """Mark a removed document, and what came inside it, as going for good.

    Returns their ids, the innermost first. Repeating it changes nothing. Raises NotFoundError
    when it is not in the trash.
    """
    require_reach(session, "edit", Resource("document", document_id))
    if not store.begin_erasing(session, document_id):
        raise NotFoundError(_NOT_THERE)
    going: list[DocumentId] = []
    for child_id in store.list_removed_inside(session, document_id):
        going += begin_erasing(session, child_id)
    return [*going, document_id]


def list_erasable(session: Session, *, trash_days: int) -> list[DocumentId]:
    """List documents whose days in the trash are over, and those that are to go at once."""
    return store.list_erasable_documents(session, trash_days=trash_days)


def list_erasable_versions(session: Session, document_id: DocumentId) -> list[ErasableVersion]:
    """List the versions whose objects go before their rows."""
    return store.list_erasable_versions(session, document_id)


def list_erasable_uploads(session: Session, document_id: DocumentId) -> list[ErasableUpload]:
    """List the uploads that brought something of a document, or were to."""
    return store.list_erasable_uploads(session, document_id)


def erase(session: Session, document_id: DocumentId, upload_ids: Sequence[JobId]) -> None:
    """Delete what is left of a removed document, after its objects are gone."""
    store.erase_document(session, document_id, upload_ids)


def _position(cursor: str | None) -> tuple[datetime | None, DocumentId | None]:
    if cursor is None:
        return None, None
    moment, document_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(moment), DocumentId(UUID(document_id))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
