"""The rows of the trash, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.documents.model import DocumentIdRow
from shared.kernel.ids import DocumentId, FolderId, JobId, UserId, VersionId

QUERIES = load_queries("shared.documents")


@dataclass(frozen=True, slots=True)
class RemovedDocument:
    """A document in the trash; ``folder`` is where it was and goes back to."""

    id: DocumentId
    title: str
    folder: str
    media_type: str
    size_bytes: int
    version: int
    created_by: UserId
    removed_by: UserId | None
    removed_at: datetime
    is_erasing: bool


@dataclass(frozen=True, slots=True)
class RemovedLock:
    """A document in the trash whose row this transaction holds, and where it lay.

    ``folder_id`` is that folder while it is there, ``folder`` what it was called.
    """

    id: DocumentId
    title: str
    folder_id: FolderId | None
    folder: str
    current_version_id: VersionId | None
    created_by: UserId
    is_erasing: bool


@dataclass(frozen=True, slots=True)
class DocumentOwner:
    """Who put a document in."""

    created_by: UserId
    is_removed: bool


@dataclass(frozen=True, slots=True)
class SameElsewhere:
    """A document that has the same bytes."""

    id: DocumentId
    title: str


@dataclass(frozen=True, slots=True)
class ErasableVersion:
    """A version whose objects are to go; a step may still write some of them for a while."""

    id: VersionId
    job_id: JobId
    object_key: str
    may_be_written: bool


@dataclass(frozen=True, slots=True)
class ErasableUpload:
    """An upload that brought, or would have brought, something of a document."""

    id: JobId
    object_key: str


def remove_document(
    session: Session, document_id: DocumentId, *, removed_by: UserId | None
) -> bool:
    """Put a document and its versions into the trash; False when there is none."""
    params = {"id": document_id, "removed_by": removed_by}
    gone = session.execute(QUERIES["remove_document"], params) == 1
    if gone:
        session.execute(QUERIES["remove_versions"], {"document_id": document_id})
    return gone


def list_removed(
    session: Session, *, before: datetime | None, before_id: DocumentId | None, limit: int
) -> list[RemovedDocument]:
    """List the trash, last removed first."""
    params = {"before": before, "before_id": before_id, "limit": limit}
    return session.all(QUERIES["list_removed"], RemovedDocument, params)


def lock_removed(session: Session, document_id: DocumentId) -> RemovedLock | None:
    """Hold the row of a document in the trash until the transaction ends."""
    return session.find(QUERIES["lock_removed"], RemovedLock, {"id": document_id})


def find_owner(session: Session, document_id: DocumentId) -> DocumentOwner | None:
    """Return who put a document in, removed or not."""
    return session.find(QUERIES["find_owner"], DocumentOwner, {"id": document_id})


def find_same_elsewhere(session: Session, document_id: DocumentId) -> SameElsewhere | None:
    """Return another document that has bytes of a removed one."""
    params = {"document_id": document_id}
    return session.find(QUERIES["find_same_elsewhere"], SameElsewhere, params)


def restore_document(
    session: Session, document_id: DocumentId, *, folder_id: FolderId | None
) -> None:
    """Take a document and its versions out of the trash."""
    session.execute(QUERIES["restore_document"], {"id": document_id, "folder_id": folder_id})
    session.execute(QUERIES["restore_versions"], {"document_id": document_id})


def list_removed_with(session: Session, document_id: DocumentId) -> list[DocumentId]:
    """List what came inside a document and was removed together with it."""
    rows = session.all(QUERIES["list_removed_with"], DocumentIdRow, {"id": document_id})
    return [row.id for row in rows]


def list_removed_inside(session: Session, document_id: DocumentId) -> list[DocumentId]:
    """List what came inside a document and is in the trash, whenever it got there."""
    rows = session.all(QUERIES["list_removed_inside"], DocumentIdRow, {"id": document_id})
    return [row.id for row in rows]


def begin_erasing(session: Session, document_id: DocumentId) -> bool:
    """Mark a removed document as one that is being erased; False when it is not in the trash."""
    return session.execute(QUERIES["begin_erasing"], {"id": document_id}) == 1


def list_erasable_documents(session: Session, *, trash_days: int) -> list[DocumentId]:
    """List documents past their days in the trash, and those that are to go at once."""
    params = {"trash_days": trash_days}
    rows = session.all(QUERIES["list_erasable_documents"], DocumentIdRow, params)
    return [row.id for row in rows]


def list_erasable_versions(session: Session, document_id: DocumentId) -> list[ErasableVersion]:
    """List all versions of a document, removed or not."""
    params = {"document_id": document_id}
    return session.all(QUERIES["list_erasable_versions"], ErasableVersion, params)


def list_erasable_uploads(session: Session, document_id: DocumentId) -> list[ErasableUpload]:
    """List the uploads that go with a document."""
    params = {"document_id": document_id}
    return session.all(QUERIES["list_erasable_uploads"], ErasableUpload, params)


def erase_document(session: Session, document_id: DocumentId, upload_ids: Sequence[JobId]) -> None:
    """Delete the rows of a removed document, its versions and those uploads."""
    session.execute(QUERIES["erase_uploads"], {"ids": list(upload_ids)})
    session.execute(QUERIES["erase_versions"], {"document_id": document_id})
    session.execute(QUERIES["erase_document"], {"id": document_id})
