"""Use cases of documents: announce an upload, keep its bytes, list, change, remove, erase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from shared.adapters.database import Session
from shared.documents import members, store
from shared.documents.model import (
    DocumentRow,
    ErasableVersion,
    Folder,
    Kept,
    ParsedFacts,
    Upload,
    Version,
    clean_filename,
    split_path,
    title_of,
    upload_key,
)
from shared.kernel.clock import now
from shared.kernel.context import correlation_id
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError, TooLargeError
from shared.kernel.ids import DocumentId, FolderId, JobId, UserId, VersionId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

MAX_METADATA_KEYS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What a client says about a file before it sends it."""

    filename: str
    size_bytes: int
    claimed_type: str = ""
    folder: str = ""
    document_id: DocumentId | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """What intake found out about the bytes that arrived."""

    sha256: bytes
    size_bytes: int
    media_type: str
    object_version: str


def announce_upload(
    session: Session, new: NewUpload, *, created_by: UserId, max_bytes: int, expiry_s: int
) -> Upload:
    """Record a file that is about to be sent and decide where its bytes go.

    Raises InvalidError for an empty file or a bad name, TooLargeError above ``max_bytes``,
    NotFoundError for an unknown document. Missing folders are made.
    """
    filename = clean_filename(new.filename)
    if new.size_bytes <= 0:
        raise InvalidError("The file is empty.", hint="Send a file with content.")
    if new.size_bytes > max_bytes:
        raise TooLargeError(
            f"The file has {new.size_bytes:,} bytes; at most {max_bytes:,} are accepted."
        )
    if len(new.metadata) > MAX_METADATA_KEYS:
        raise InvalidError(f"More than {MAX_METADATA_KEYS} metadata fields.")
    if new.document_id is not None and store.lock_document(session, new.document_id) is None:
        raise NotFoundError("There is no such document.")
    assert session.tenant_id is not None
    upload_id = JobId(new_id())
    upload = Upload(
        id=upload_id,
        folder_id=make_folder(session, new.folder, created_by=created_by),
        document_id=new.document_id,
        filename=filename,
        claimed_type=new.claimed_type[:255],
        size_bytes=new.size_bytes,
        object_key=upload_key(session.tenant_id, upload_id, filename),
        metadata=dict(new.metadata),
        state="waiting",
        correlation_id=correlation_id(),
        created_by=created_by,
        created_at=now(),
        expires_at=now() + timedelta(seconds=expiry_s),
    )
    store.record_upload(session, upload)
    return upload


def make_folder(session: Session, path: str, *, created_by: UserId) -> FolderId | None:
    """Return the folder at a path, making what is missing; the empty path is the root."""
    parent: FolderId | None = None
    so_far = ""
    for name in split_path(path):
        so_far = f"{so_far}/{name}" if so_far else name
        folder = store.find_folder_by_path(session, so_far)
        if folder is None:
            store.record_folder(
                session,
                folder_id=FolderId(new_id()),
                parent_id=parent,
                name=name,
                path=so_far,
                created_by=created_by,
            )
            folder = store.find_folder_by_path(session, so_far)
            assert folder is not None
        parent = folder.id
    return parent


def find_folder(session: Session, folder_id: FolderId) -> Folder:
    """Return a folder; raises NotFoundError when it is not there or not yours."""
    folder = store.find_folder(session, folder_id)
    if folder is None:
        raise NotFoundError("There is no such folder.")
    return folder


def list_folders(session: Session, *, cursor: str | None, limit: int) -> Page[Folder]:
    """List folders in the order of their paths."""
    after = decode_cursor(cursor, 1)[0] if cursor else ""
    limit = clamp_limit(limit)
    folders = store.list_folders(session, after=after, limit=limit)
    return Page(folders, encode_cursor(folders[-1].path) if len(folders) == limit else None)


def remove_folder(session: Session, folder_id: FolderId) -> None:
    """Delete an empty folder; raises ConflictError when something is in it."""
    find_folder(session, folder_id)
    if not store.remove_folder(session, folder_id):
        raise ConflictError("The folder is not empty.", hint="Move or remove its contents first.")


def find_upload(session: Session, upload_id: JobId) -> Upload:
    """Return an upload and lock it; raises NotFoundError."""
    upload = store.find_upload(session, upload_id)
    if upload is None:
        raise NotFoundError("There is no such upload.")
    return upload


def list_waiting_uploads(session: Session, *, older_than_s: float) -> list[Upload]:
    """List uploads whose bytes have not been taken in for a while."""
    return store.list_waiting_uploads(session, older_than_s=older_than_s)


def settle_upload(session: Session, upload_id: JobId, state: str) -> None:
    """Write what became of an upload: received, duplicate, rejected or expired."""
    store.change_upload_state(session, upload_id, state)


def keep(session: Session, upload: Upload, file: ReceivedFile) -> Kept:
    """Keep received bytes as a version, or point to the one the tenant has already.

    Bytes whose earlier version failed are tried again as the next version of that document.
    Raises NotFoundError when the document they were meant for has been removed, or the one they
    came inside.
    """
    member = members.check_parent(session, upload)
    kept = _kept(session, upload, file)
    members.settle(session, member, kept)
    return kept


def _kept(session: Session, upload: Upload, file: ReceivedFile) -> Kept:
    same = store.find_same_bytes(session, file.sha256)
    if same is not None and same.stage != "failed":
        lock = store.lock_document(session, same.document_id)
        title = lock.title if lock else same.filename
        return Kept("duplicate", same.document_id, same.id, title)
    document_id = upload.document_id or (same.document_id if same else None)
    title = title_of(upload.filename)
    if document_id is None:
        document_id = DocumentId(new_id())
        store.record_document(session, document_id, upload, title=title, media_type=file.media_type)
    lock = store.lock_document(session, document_id)
    if lock is None:
        raise NotFoundError("The document this file was meant for has been removed.")
    version_id = VersionId(new_id())
    store.record_version(
        session,
        {
            "id": version_id,
            "document_id": document_id,
            "filename": upload.filename,
            "media_type": file.media_type,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "object_key": upload.object_key,
            "object_version": file.object_version,
            "job_id": upload.id,
            "created_by": upload.created_by,
        },
    )
    return Kept("new", document_id, version_id, lock.title)


def find_version(session: Session, version_id: VersionId) -> Version:
    """Return a version; raises NotFoundError when it is removed, not there or not yours."""
    version = store.find_version(session, version_id)
    if version is None:
        raise NotFoundError("There is no such version.")
    return version


def find_version_number(session: Session, document_id: DocumentId, number: int) -> Version:
    """Return a document's version by its number; raises NotFoundError."""
    for version in store.list_versions(session, document_id):
        if version.number == number:
            return version
    raise NotFoundError("There is no such version.")


def list_versions(session: Session, document_id: DocumentId) -> list[Version]:
    """List a document's versions, newest first."""
    return store.list_versions(session, document_id)


def list_stuck_versions(session: Session, *, older_than_s: float) -> list[Version]:
    """List and lock versions that went silent before they were finished."""
    return store.list_stuck_versions(session, older_than_s=older_than_s)


def advance(session: Session, version_id: VersionId, stage: str) -> bool:
    """Move an unfinished version to a stage; False when it is finished or removed."""
    return store.change_version_stage(session, version_id, stage)


def record_parsed(session: Session, version_id: VersionId, facts: ParsedFacts) -> None:
    """Write down what reading a version revealed."""
    store.change_version_parsed(session, version_id, facts)


def fail(session: Session, version_id: VersionId, reason: str) -> bool:
    """Mark a version failed with a reason a person understands; False when it is completed."""
    return store.change_version_failed(session, version_id, reason)


def complete(session: Session, version: Version, *, embedding_model: str) -> VersionId | None:
    """Finish a version and make it the document's current one.

    Returns the version that is now superseded: the former current one, or this one itself when
    a newer version had finished first. ``None`` when nothing is to be taken out of the index.
    """
    lock = store.lock_document(session, version.document_id)
    if lock is None:
        return version.id
    if not store.change_version_completed(session, version.id, embedding_model=embedding_model):
        return version.id
    if not store.change_current_version(session, version.document_id, version.id):
        return version.id
    return lock.current_version_id if lock.current_version_id != version.id else None


def begin_again(session: Session, version_id: VersionId) -> Version:
    """Count a new attempt at a version's ingestion and return it."""
    store.change_version_attempt(session, version_id)
    return find_version(session, version_id)


def find_document(session: Session, document_id: DocumentId) -> DocumentRow:
    """Return a document; raises NotFoundError when it is removed, not there or not yours."""
    document = store.find_document(session, document_id)
    if document is None:
        raise NotFoundError("There is no such document.")
    return document


def list_documents(
    session: Session, *, folder: str, cursor: str | None, limit: int
) -> Page[DocumentRow]:
    """List documents in and below a folder, newest first; the empty path is everything."""
    before = DocumentId(UUID(decode_cursor(cursor, 1)[0])) if cursor else None
    limit = clamp_limit(limit)
    path = "/".join(split_path(folder))
    rows = store.list_documents(session, folder=path, before=before, limit=limit)
    return Page(rows, encode_cursor(str(rows[-1].id)) if len(rows) == limit else None)


def change_document(
    session: Session,
    document_id: DocumentId,
    *,
    changed_by: UserId,
    title: str | None,
    folder: str | None,
    metadata: Mapping[str, object] | None,
) -> DocumentRow:
    """Rename, move or describe a document; what is ``None`` stays."""
    if title is not None and not title.strip():
        raise InvalidError("The title is empty.")
    folder_id = None if folder is None else make_folder(session, folder, created_by=changed_by)
    store.change_document(
        session,
        document_id,
        title=None if title is None else clean_filename(title),
        metadata=metadata,
        moves=folder is not None,
        folder_id=folder_id,
    )
    return find_document(session, document_id)


def remove_document(session: Session, document_id: DocumentId) -> list[Version]:
    """Put a document and what came inside it into the trash.

    Returns the versions that are to be taken out of the index.
    """
    versions = store.list_versions(session, document_id)
    if not store.remove_document(session, document_id):
        raise NotFoundError("There is no such document.")
    for child_id in members.release_children(session, document_id):
        versions += remove_document(session, child_id)
    return versions


def list_erasable(session: Session, *, trash_days: int) -> list[DocumentId]:
    """List documents whose days in the trash are over, and lock them."""
    return store.list_erasable_documents(session, trash_days=trash_days)


def list_erasable_versions(session: Session, document_id: DocumentId) -> list[ErasableVersion]:
    """List the versions whose objects go before their rows."""
    return store.list_erasable_versions(session, document_id)


def erase(session: Session, document_id: DocumentId) -> None:
    """Delete what is left of a removed document, after its objects are gone."""
    store.erase_document(session, document_id)
