"""The rows of collections, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import CollectionId, DocumentId, UserId

QUERIES = load_queries("shared.documents")


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents, whatever folders they lie in."""

    id: CollectionId
    name: str
    description: str
    created_by: UserId
    created_at: datetime
    updated_at: datetime
    document_count: int


@dataclass(frozen=True, slots=True)
class CollectionName:
    """A collection as a document names it."""

    id: CollectionId
    name: str


@dataclass(frozen=True, slots=True)
class DocumentCount:
    """A number of documents."""

    count: int


def record_collection(
    session: Session,
    collection_id: CollectionId,
    *,
    name: str,
    description: str,
    created_by: UserId,
) -> bool:
    """Insert a collection; False when its name is taken."""
    params = {"id": collection_id, "name": name, "description": description}
    return session.execute(QUERIES["record_collection"], {**params, "created_by": created_by}) == 1


def find_collection(session: Session, collection_id: CollectionId) -> Collection | None:
    """Return one collection."""
    return session.find(QUERIES["find_collection"], Collection, {"id": collection_id})


def list_collections(
    session: Session, *, after: str, after_id: CollectionId | None, limit: int
) -> list[Collection]:
    """List collections by name, behind ``after`` (lower case); those of one name by their ids."""
    params = {"after": after, "after_id": after_id, "limit": limit}
    return session.all(QUERIES["list_collections"], Collection, params)


def list_collections_of(session: Session, document_id: DocumentId) -> list[CollectionName]:
    """List the collections a document is in."""
    params = {"document_id": document_id}
    return session.all(QUERIES["list_collections_of"], CollectionName, params)


def change_collection(
    session: Session, collection_id: CollectionId, *, name: str | None, description: str | None
) -> bool:
    """Change what is given; False when the name is taken or there is no such collection."""
    params = {"id": collection_id, "name": name, "description": description}
    return session.execute(QUERIES["change_collection"], params) == 1


def remove_collection(session: Session, collection_id: CollectionId) -> bool:
    """Delete a collection; False when there is none."""
    return session.execute(QUERIES["remove_collection"], {"id": collection_id}) == 1


def count_present(session: Session, document_ids: Sequence[DocumentId]) -> int:
    """Count how many of these documents are there and not removed."""
    params = {"document_ids": list(document_ids)}
    return session.get(QUERIES["count_present"], DocumentCount, params).count


def add_documents(
    session: Session,
    collection_id: CollectionId,
    document_ids: Sequence[DocumentId],
    *,
    added_by: UserId,
) -> int:
    """Put documents into a collection; returns how many were not in it before."""
    params = {"collection_id": collection_id, "document_ids": list(document_ids)}
    return session.execute(QUERIES["add_to_collection"], {**params, "added_by": added_by})


def take_document(session: Session, collection_id: CollectionId, document_id: DocumentId) -> bool:
    """Take a document out of a collection; False when it was not in it."""
    params = {"collection_id": collection_id, "document_id": document_id}
    return session.execute(QUERIES["take_from_collection"], params) == 1
