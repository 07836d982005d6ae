"""The rows of documents, one typed function per query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.documents.model import (
    Allowed,
    Description,
    DocumentIdRow,
    DocumentLock,
    DocumentRow,
    Elsewhere,
    Known,
    Original,
    ParsedFacts,
    TagCount,
    Upload,
    Version,
)
from shared.kernel.ids import CollectionId, DocumentId, FolderId, JobId, UserId, VersionId

QUERIES = load_queries("shared.documents")


def record_upload(session: Session, upload: Upload) -> None:
    """Insert a waiting upload."""
    session.execute(
        QUERIES["record_upload"],
        {
            "id": upload.id,
            "folder_id": upload.folder_id,
            "document_id": upload.document_id,
            "filename": upload.filename,
            "claimed_type": upload.claimed_type,
            "size_bytes": upload.size_bytes,
            "object_key": upload.object_key,
            "metadata": json.dumps(upload.metadata),
            "on_conflict": upload.on_conflict,
            "priority": upload.priority,
            "correlation_id": upload.correlation_id,
            "created_by": upload.created_by,
            "expires_at": upload.expires_at,
        },
    )


def find_upload(session: Session, upload_id: JobId) -> Upload | None:
    """Return an upload and lock it until the transaction ends."""
    return session.find(QUERIES["find_upload"], Upload, {"id": upload_id})


def list_waiting_uploads(session: Session, *, older_than_s: float) -> list[Upload]:
    """List uploads that have been waiting for longer than ``older_than_s``."""
    return session.all(QUERIES["list_waiting_uploads"], Upload, {"older_than_s": older_than_s})


def change_upload_resent(session: Session, upload_id: JobId) -> None:
    """Count that an upload was announced again."""
    session.execute(QUERIES["change_upload_resent"], {"id": upload_id})


def find_bytes_elsewhere(
    session: Session, version_id: VersionId, sha256: bytes, *, user_id: UserId
) -> bool:
    """Tell whether another version that did not fail, and a person sees, has these bytes.

    Locks them.
    """
    session.execute(QUERIES["lock_bytes"], {"sha256": sha256})
    params = {"id": version_id, "sha256": sha256, "user_id": user_id}
    return session.get(QUERIES["find_bytes_elsewhere"], Elsewhere, params).is_kept


def find_rows_of_objects(session: Session, owner_id: UUID) -> Known:
    """Tell what rows there are for an id found in storage."""
    return session.get(QUERIES["find_rows_of_objects"], Known, {"id": owner_id})


def list_versions_after(session: Session, after: VersionId, *, limit: int) -> list[Version]:
    """List versions that did not fail in the order of their ids, behind ``after``."""
    params = {"after": after, "limit": limit}
    return session.all(QUERIES["list_versions_after"], Version, params)


def add_version_warning(session: Session, version_id: VersionId, warning: str) -> bool:
    """Add a warning to a version; False when it carries it already."""
    params = {"id": version_id, "warning": warning}
    return session.execute(QUERIES["add_version_warning"], params) == 1


def change_upload_state(
    session: Session, upload_id: JobId, state: str, *, duplicate_of: DocumentId | None
) -> None:
    """Write what became of an upload."""
    params = {"id": upload_id, "state": state, "duplicate_of": duplicate_of}
    session.execute(QUERIES["change_upload_state"], params)


def list_originals(session: Session, job_ids: Sequence[JobId]) -> list[Original]:
    """List which documents had the bytes of those uploads that were duplicates."""
    return session.all(QUERIES["list_originals"], Original, {"job_ids": list(job_ids)})


def find_named(
    session: Session, *, folder_id: FolderId | None, filename: str, user_id: UserId
) -> DocumentId | None:
    """Return the document of this file name in a folder that a person may change.

    Until the transaction ends nobody else can look for the same name there.
    """
    params = {"folder_id": folder_id, "filename": filename, "user_id": user_id}
    session.execute(QUERIES["lock_name"], params)
    row = session.find(QUERIES["find_named"], DocumentIdRow, params)
    return row.id if row else None


def find_same_bytes(session: Session, sha256: bytes, user_id: UserId) -> Version | None:
    """Return the version with these bytes that a person may see, preferring one that did not fail.

    Until the transaction ends nobody else can look for the same bytes.
    """
    session.execute(QUERIES["lock_bytes"], {"sha256": sha256})
    params = {"sha256": sha256, "user_id": user_id}
    return session.find(QUERIES["find_same_bytes"], Version, params)


def may_still_put(session: Session, upload_id: JobId) -> bool:
    """Tell whether whoever announced a file may still change where it is meant to go."""
    return session.get(QUERIES["may_still_put"], Allowed, {"id": upload_id}).is_so


def record_document(
    session: Session, document_id: DocumentId, upload: Upload, *, title: str, media_type: str
) -> None:
    """Insert a document as its upload described it."""
    session.execute(
        QUERIES["record_document"],
        {
            "id": document_id,
            "folder_id": upload.folder_id,
            "title": title,
            "media_type": media_type,
            "metadata": json.dumps(upload.metadata),
            "created_by": upload.created_by,
        },
    )


def record_version(session: Session, params: Mapping[str, object]) -> None:
    """Insert the next version of a document whose row is locked."""
    session.execute(QUERIES["record_version"], params)


def find_version(session: Session, version_id: VersionId) -> Version | None:
    """Return one version that is not removed."""
    return session.find(QUERIES["find_version"], Version, {"id": version_id})


def list_versions(session: Session, document_id: DocumentId) -> list[Version]:
    """List a document's versions, newest first."""
    return session.all(QUERIES["list_versions"], Version, {"document_id": document_id})


def list_stuck_versions(session: Session, *, older_than_s: float) -> list[Version]:
    """List and lock versions that went silent before they were finished."""
    return session.all(QUERIES["list_stuck_versions"], Version, {"older_than_s": older_than_s})


def list_removed_unfinished_versions(session: Session, *, older_than_s: float) -> list[Version]:
    """List versions that were removed before they were finished."""
    params = {"older_than_s": older_than_s}
    return session.all(QUERIES["list_removed_unfinished_versions"], Version, params)


def change_version_stage(session: Session, version_id: VersionId, stage: str) -> bool:
    """Move an unfinished version to a stage; False when it is finished or gone."""
    params = {"id": version_id, "stage": stage}
    return session.execute(QUERIES["change_version_stage"], params) == 1


def change_version_parsed(session: Session, version_id: VersionId, facts: ParsedFacts) -> None:
    """Write what reading revealed."""
    session.execute(
        QUERIES["change_version_parsed"],
        {
            "id": version_id,
            "parser": facts.parser,
            "language": facts.language,
            "page_count": facts.page_count,
            "chunk_count": facts.chunk_count,
            "warnings": list(facts.warnings),
            "options": json.dumps(facts.options),
            "extracted": json.dumps(facts.extracted),
        },
    )


def change_version_failed(session: Session, version_id: VersionId, failure: str) -> bool:
    """Mark a version failed; False when it is completed or gone."""
    params = {"id": version_id, "failure": failure}
    return session.execute(QUERIES["change_version_failed"], params) == 1


def change_version_completed(
    session: Session, version_id: VersionId, *, embedding_model: str
) -> bool:
    """Mark a version completed; False when it failed or is removed."""
    params = {"id": version_id, "embedding_model": embedding_model}
    return session.execute(QUERIES["change_version_completed"], params) == 1


def change_version_attempt(session: Session, version: Version) -> bool:
    """Begin a version's ingestion anew; False when it is not any more what it was."""
    params = {"id": version.id, "stage": version.stage, "attempt": version.attempt}
    return session.execute(QUERIES["change_version_attempt"], params) == 1


def change_current_version(
    session: Session, document_id: DocumentId, version_id: VersionId
) -> bool:
    """Make a version the one that is searched; False when a newer one is already."""
    params = {"document_id": document_id, "version_id": version_id}
    return session.execute(QUERIES["change_current_version"], params) == 1


def choose_version(session: Session, document_id: DocumentId, version_id: VersionId) -> None:
    """Write down that a person wants this version, from now on."""
    params = {"document_id": document_id, "version_id": version_id}
    session.execute(QUERIES["change_chosen_version"], params)


def lock_document(session: Session, document_id: DocumentId) -> DocumentLock | None:
    """Hold a document's row until the transaction ends."""
    return session.find(QUERIES["lock_document"], DocumentLock, {"id": document_id})


def find_document(session: Session, document_id: DocumentId) -> DocumentRow | None:
    """Return one document."""
    return session.find(QUERIES["find_document"], DocumentRow, {"id": document_id})


def list_documents(
    session: Session,
    *,
    folder: str,
    tags: Sequence[str],
    collection_id: CollectionId | None,
    before: DocumentId | None,
    limit: int,
) -> list[DocumentRow]:
    """List documents in and below a folder path that carry all tags, newest first."""
    params: dict[str, object] = {"folder": folder, "tags": list(tags)}
    params |= {"collection_id": collection_id, "before": before, "limit": limit}
    return session.all(QUERIES["list_documents"], DocumentRow, params)


def find_description(session: Session, document_id: DocumentId) -> Description | None:
    """Return what people said about a document, and hold its row."""
    return session.find(QUERIES["find_description"], Description, {"id": document_id})


def list_tags(session: Session) -> list[TagCount]:
    """List the tags in use, the most used first."""
    return session.all(QUERIES["list_tags"], TagCount)


def change_document(
    session: Session,
    document_id: DocumentId,
    *,
    title: str | None,
    metadata: Mapping[str, object] | None,
    tags: Sequence[str] | None,
    moves: bool,
    folder_id: FolderId | None,
) -> bool:
    """Change what is given; False when there is no such document."""
    params = {
        "id": document_id,
        "title": title,
        "metadata": None if metadata is None else json.dumps(metadata),
        "tags": None if tags is None else list(tags),
        "moves": moves,
        "folder_id": folder_id,
    }
    return session.execute(QUERIES["change_document"], params) == 1
