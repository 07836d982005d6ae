"""Use cases of the trash: look into it, take out of it, and erase what is in it for good."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.documents import trash_store as store
from shared.documents.folders import make_folder
from shared.documents.trash_store import DocumentOwner, ErasableVersion, RemovedDocument
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, UserId
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

_NOT_THERE = "There is no such document in the trash."


def list_removed(session: Session, *, cursor: str | None, limit: int) -> Page[RemovedDocument]:
    """List the trash, last removed first; what is being erased is no longer in it."""
    before, before_id = _position(cursor)
    limit = clamp_limit(limit)
    rows = store.list_removed(session, before=before, before_id=before_id, limit=limit)
    last = rows[-1] if len(rows) == limit else None
    return Page(rows, encode_cursor(last.removed_at.isoformat(), str(last.id)) if last else None)


def restore_document(session: Session, document_id: DocumentId, *, restored_by: UserId) -> str:
    """Take a document out of the trash, back to its folder, which is made again when it is gone.

    Returns its folder's path; the caller brings its version into the index. Raises NotFoundError
    when it is not in the trash, ConflictError when its file has been put again meanwhile.
    """
    lock = store.lock_removed(session, document_id)
    if lock is None or lock.is_erasing:
        raise NotFoundError(_NOT_THERE)
    same = store.find_same_elsewhere(session, document_id)
    if same is not None:
        raise ConflictError(
            f"The same file has been put again as “{same.title}” ({same.id}).",
            hint="Use that one, or remove it first.",
        )
    folder_id = make_folder(session, lock.folder, created_by=restored_by)
    store.restore_document(session, document_id, folder_id=folder_id)
    return lock.folder


def find_owner(session: Session, document_id: DocumentId) -> DocumentOwner:
    """Tell who put a document in, also when it lies in the trash; raises NotFoundError."""
    owner = store.find_owner(session, document_id)
    if owner is None:
        raise NotFoundError("There is no such document.")
    return owner


def begin_erasing(session: Session, document_id: DocumentId) -> None:
    """Mark a removed document as one that goes for good; repeating it changes nothing."""
    if not store.begin_erasing(session, document_id):
        raise NotFoundError(_NOT_THERE)


def list_erasable(session: Session, *, trash_days: int) -> list[DocumentId]:
    """List documents whose days in the trash are over, and those that are to go at once."""
    return store.list_erasable_documents(session, trash_days=trash_days)


def list_erasable_versions(session: Session, document_id: DocumentId) -> list[ErasableVersion]:
    """List the versions whose objects go before their rows."""
    return store.list_erasable_versions(session, document_id)


def erase(session: Session, document_id: DocumentId) -> None:
    """Delete what is left of a removed document, after its objects are gone."""
    store.erase_document(session, document_id)


def _position(cursor: str | None) -> tuple[datetime | None, DocumentId | None]:
    if cursor is None:
        return None, None
    moment, document_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(moment), DocumentId(UUID(document_id))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
