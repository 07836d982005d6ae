"""Use cases of documents: announce an upload, keep its bytes, read versions on, list, remove.

Folders, descriptions, collections and the trash have modules of their own beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from uuid import UUID

from shared.access.deciding import require_reach
from shared.access.model import Resource
from shared.adapters.database import Session
from shared.documents import members, quotas, store, trash_store
from shared.documents.folders import make_folder
from shared.documents.model import (
    MAX_METADATA_KEYS,
    DocumentRow,
    Kept,
    Original,
    ParsedFacts,
    Priority,
    Upload,
    Version,
    clean_filename,
    clean_tags,
    split_path,
    title_of,
    upload_key,
)
from shared.kernel.clock import now
from shared.kernel.context import correlation_id
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError, TooLargeError
from shared.kernel.ids import CollectionId, DocumentId, FolderId, JobId, UserId, VersionId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What a client says about a file before it sends it.

    ``folder`` is a path, from the root or ``within`` a folder. ``on_conflict`` is for a file whose
    name another one in the folder has: ``keep`` both (two attachments called image.png are two
    pictures), or make it that document's next ``version``.
    """

    filename: str
    size_bytes: int
    claimed_type: str = ""
    folder: str = ""
    within: FolderId | None = None
    document_id: DocumentId | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    on_conflict: Literal["keep", "version"] = "keep"
    priority: Priority = "interactive"


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

    Raises InvalidError for an empty file or a bad name, TooLargeError above ``max_bytes`` or
    the tenant's quota, NotFoundError for an unknown document. Missing folders are made.
    """
    filename = clean_filename(new.filename)
    if new.size_bytes <= 0:
        raise InvalidError("The file is empty.", hint="Send a file with content.")
    if new.size_bytes > max_bytes:
        raise TooLargeError(
            f"The file has {new.size_bytes:,} bytes; at most {max_bytes:,} are accepted."
        )
    quotas.require_room(session, new.size_bytes, is_new=new.document_id is None)
    if len(new.metadata) > MAX_METADATA_KEYS:
        raise InvalidError(f"More than {MAX_METADATA_KEYS} metadata fields.")
    if new.document_id is not None:
        require_reach(session, "edit", Resource("document", new.document_id))
    if new.document_id is not None and store.lock_document(session, new.document_id) is None:
        raise NotFoundError("There is no such document.")
    assert session.tenant_id is not None
    upload_id = JobId(new_id())
    upload = Upload(
        id=upload_id,
        folder_id=make_folder(session, new.folder, created_by=created_by, within=new.within),
        document_id=new.document_id,
        filename=filename,
        claimed_type=new.claimed_type[:255],
        size_bytes=new.size_bytes,
        object_key=upload_key(session.tenant_id, upload_id, filename),
        metadata=dict(new.metadata),
        on_conflict=new.on_conflict,
        priority=new.priority,
        state="waiting",
        correlation_id=correlation_id(),
        created_by=created_by,
        created_at=now(),
        expires_at=now() + timedelta(seconds=expiry_s),
    )
    store.record_upload(session, upload)
    return upload


def find_upload(session: Session, upload_id: JobId) -> Upload:
    """Return an upload and lock it; raises NotFoundError."""
    upload = store.find_upload(session, upload_id)
    if upload is None:
        raise NotFoundError("There is no such upload.")
    return upload


def list_waiting_uploads(session: Session, *, older_than_s: float) -> list[Upload]:
    """List uploads whose bytes have not been taken in for a while."""
    return store.list_waiting_uploads(session, older_than_s=older_than_s)


def settle_upload(
    session: Session, upload_id: JobId, state: str, *, duplicate_of: DocumentId | None = None
) -> None:
    """Write what became of an upload: received, duplicate (of what), rejected or expired."""
    store.change_upload_state(session, upload_id, state, duplicate_of=duplicate_of)


def list_originals(session: Session, job_ids: Sequence[JobId]) -> dict[JobId, Original]:
    """Tell for those uploads that were duplicates which document has their bytes, and where."""
    return {row.job_id: row for row in store.list_originals(session, job_ids)}


def count_resent(session: Session, upload_id: JobId) -> None:
    """Record that an upload was announced again, which doubles the pause before the next time."""
    store.change_upload_resent(session, upload_id)


def is_kept_elsewhere(session: Session, version: Version) -> bool:
    """Tell whether another version that did not fail, and its sender may see, has these bytes."""
    return store.find_bytes_elsewhere(
        session, version.id, version.sha256, user_id=version.created_by
    )


def list_versions_after(session: Session, after: VersionId, *, limit: int) -> list[Version]:
    """Walk through all versions that did not fail, in the order of their ids."""
    return store.list_versions_after(session, after, limit=limit)


def has_upload(session: Session, upload_id: JobId) -> bool:
    """Tell whether an open upload, or a version that came from one, is on record."""
    known = store.find_rows_of_objects(session, upload_id)
    return known.is_upload or known.is_original


def has_version(session: Session, version_id: VersionId) -> bool:
    """Tell whether a version is on record, removed or not."""
    return store.find_rows_of_objects(session, version_id).is_version


def warn(session: Session, version_id: VersionId, warning: str) -> bool:
    """Add a warning to a version; False when it carries it already."""
    return store.add_version_warning(session, version_id, warning)


def keep(session: Session, upload: Upload, file: ReceivedFile) -> Kept:
    """Keep received bytes as a version, or point to the one the tenant has already.

    Bytes whose earlier version failed are tried again as the next version of that document; bytes
    of an earlier version of the document they are meant for make that version current again, once
    the caller has brought it back into the index. Raises NotFoundError when the document they were
    meant for has been removed, or the one they came inside, or when it, or the folder, has been
    closed meanwhile to who announced them.
    """
    member = members.check_parent(session, upload)
    if member is None and not store.may_still_put(session, upload.id):
        raise NotFoundError("The place this file was meant for is no longer yours to change.")
    kept = _kept(session, upload, file)
    members.settle(session, member, kept, put_by=upload.created_by)
    return kept


def _kept(session: Session, upload: Upload, file: ReceivedFile) -> Kept:
    same = store.find_same_bytes(session, file.sha256, upload.created_by)
    meant_for = _meant_for(session, upload)
    if same is not None and same.stage != "failed":
        return _known(session, same, meant_for)
    document_id = meant_for or (same.document_id if same else None)
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


def _meant_for(session: Session, upload: Upload) -> DocumentId | None:
    """Return the document that an upload is the next version of, if it names one."""
    if upload.document_id is not None or upload.on_conflict != "version":
        return upload.document_id
    return store.find_named(
        session,
        folder_id=upload.folder_id,
        filename=upload.filename,
        user_id=upload.created_by,
    )


def _known(session: Session, same: Version, meant_for: DocumentId | None) -> Kept:
    """Say where known bytes are, and whether the document they are meant for goes back to them."""
    store.lock_document(session, same.document_id)
    row = find_document(session, same.document_id)
    is_current = row.current_version_id in {None, same.id}
    outcome: Literal["duplicate", "restored"] = "duplicate"
    is_wanted = row.version == same.number
    if meant_for == same.document_id and not is_wanted and same.stage == "completed":
        store.choose_version(session, same.document_id, same.id)
        outcome = "restored"
    return Kept(outcome, same.document_id, same.id, row.title, row.folder, same.number, is_current)


def choose_version(session: Session, document_id: DocumentId, number: int) -> Version:
    """Make an older version the wanted one, from now on; newer uploads still replace it.

    The caller brings it into the index. Raises NotFoundError, and ConflictError while the version
    is still being read.
    """
    require_reach(session, "edit", Resource("document", document_id))
    if store.lock_document(session, document_id) is None:
        raise NotFoundError("There is no such document.")
    version = find_version_number(session, document_id, number)
    if version.stage not in {"completed", "failed"}:
        raise ConflictError(
            f"Version {number} is still being read.", hint="Wait until it is finished."
        )
    store.choose_version(session, document_id, version.id)
    return version


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


def list_removed_unfinished_versions(session: Session, *, older_than_s: float) -> list[Version]:
    """List versions that were removed before they were finished, silent for a while."""
    return store.list_removed_unfinished_versions(session, older_than_s=older_than_s)


def advance(session: Session, version_id: VersionId, stage: str) -> bool:
    """Move an unfinished version to a stage; False when it is finished or removed."""
    return store.change_version_stage(session, version_id, stage)


def record_parsed(session: Session, version_id: VersionId, facts: ParsedFacts) -> None:
    """Write down what reading a version revealed."""
    store.change_version_parsed(session, version_id, facts)


def fail(session: Session, version_id: VersionId, reason: str) -> bool:
    """Mark a version failed with a reason a person understands; False when it has ended."""
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


def begin_again(session: Session, version: Version) -> Version | None:
    """Count a new attempt at a version's ingestion and return it.

    ``None`` when it went on meanwhile: its workflow may end between being thought dead and this.
    """
    if not store.change_version_attempt(session, version):
        return None
    return find_version(session, version.id)


def find_document(session: Session, document_id: DocumentId) -> DocumentRow:
    """Return a document; raises NotFoundError when it is removed, not there or not yours."""
    document = store.find_document(session, document_id)
    if document is None:
        raise NotFoundError("There is no such document.")
    return document


def list_documents(
    session: Session,
    *,
    folder: str,
    cursor: str | None,
    limit: int,
    tags: Sequence[str] = (),
    collection_id: CollectionId | None = None,
) -> Page[DocumentRow]:
    """List documents, newest first: in and below a folder, with all tags, of a collection.

    The empty path is everything.
    """
    before = _position(cursor)
    limit = clamp_limit(limit)
    rows = store.list_documents(
        session,
        folder="/".join(split_path(folder)),
        tags=clean_tags(tags),
        collection_id=collection_id,
        before=before,
        limit=limit,
    )
    return Page(rows, encode_cursor(str(rows[-1].id)) if len(rows) == limit else None)


def _position(cursor: str | None) -> DocumentId | None:
    if not cursor:
        return None
    try:
        return DocumentId(UUID(decode_cursor(cursor, 1)[0]))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def remove_document(
    session: Session, document_id: DocumentId, *, removed_by: UserId | None = None
) -> list[Version]:
    """Put a document and what came inside it into the trash.

    Returns the versions that are to be taken out of the index.
    """
    require_reach(session, "edit", Resource("document", document_id))
    versions = store.list_versions(session, document_id)
    if not trash_store.remove_document(session, document_id, removed_by=removed_by):
        raise NotFoundError("There is no such document.")
    for child_id in members.release_children(session, document_id):
        versions += remove_document(session, child_id, removed_by=removed_by)
    return versions
