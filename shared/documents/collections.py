"""Use cases of collections: named sets of documents beside the folders, many to many."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.access.deciding import require_reach
from shared.access.model import Resource
from shared.adapters.database import Session
from shared.documents import collection_store as store
from shared.documents.collection_store import Collection, CollectionName
from shared.documents.model import MAX_NAME, split_path
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import CollectionId, DocumentId, UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

MAX_DESCRIPTION = 4000


def add_collection(
    session: Session, *, name: str, description: str, created_by: UserId
) -> Collection:
    """Make a collection; raises ConflictError when its name is taken, whatever its case.

    One that the viewer does not see takes no name (decision 17).
    """
    collection_id = CollectionId(new_id())
    name = _clean_name(name)
    is_new = store.record_collection(
        session,
        collection_id,
        name=name,
        description=_clean_description(description),
        created_by=created_by,
    )
    if not is_new:
        raise _taken(name)
    return find_collection(session, collection_id)


def find_collection(session: Session, collection_id: CollectionId) -> Collection:
    """Return a collection; raises NotFoundError when it is not there or not yours."""
    found = store.find_collection(session, collection_id)
    if found is None:
        raise NotFoundError("There is no such collection.")
    return found


def list_collections(session: Session, *, cursor: str | None, limit: int) -> Page[Collection]:
    """List collections by name."""
    after, after_id = _position(cursor)
    limit = clamp_limit(limit)
    found = store.list_collections(session, after=after, after_id=after_id, limit=limit)
    last = found[-1] if len(found) == limit else None
    return Page(found, encode_cursor(last.name.lower(), str(last.id)) if last else None)


def list_collections_of(session: Session, document_id: DocumentId) -> list[CollectionName]:
    """List the collections a document is in, by name."""
    return store.list_collections_of(session, document_id)


def change_collection(
    session: Session, collection_id: CollectionId, *, name: str | None, description: str | None
) -> Collection:
    """Rename or describe a collection; what is ``None`` stays."""
    clean = None if name is None else _clean_name(name)
    said = None if description is None else _clean_description(description)
    require_reach(session, "edit", Resource("collection", collection_id))
    is_changed = store.change_collection(session, collection_id, name=clean, description=said)
    found = find_collection(session, collection_id)
    if not is_changed:
        raise _taken(clean or found.name)
    return found


def remove_collection(session: Session, collection_id: CollectionId) -> None:
    """Delete a collection; its documents stay where they are."""
    require_reach(session, "edit", Resource("collection", collection_id))
    if not store.remove_collection(session, collection_id):
        raise NotFoundError("There is no such collection.")


def add_documents(
    session: Session,
    collection_id: CollectionId,
    document_ids: Sequence[DocumentId],
    *,
    added_by: UserId,
) -> int:
    """Put documents into a collection; returns how many were not in it before.

    Raises NotFoundError when one of them is not there: then none is added.
    """
    require_reach(session, "edit", Resource("collection", collection_id))
    wanted = list(dict.fromkeys(document_ids))
    missing = len(wanted) - store.count_present(session, wanted)
    if missing:
        raise NotFoundError(f"{missing} of these documents are not there; none was added.")
    return store.add_documents(session, collection_id, wanted, added_by=added_by)


def take_document(session: Session, collection_id: CollectionId, document_id: DocumentId) -> None:
    """Take a document out of a collection; raises NotFoundError when it is not in it."""
    require_reach(session, "edit", Resource("collection", collection_id))
    if not store.take_document(session, collection_id, document_id):
        raise NotFoundError("The document is not in this collection.")


def _position(cursor: str | None) -> tuple[str, CollectionId | None]:
    if cursor is None:
        return "", None
    name, collection_id = decode_cursor(cursor, 2)
    try:
        return name, CollectionId(UUID(collection_id))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def _clean_name(name: str) -> str:
    parts = split_path(name.replace("/", "∕"))  # a slash is no folder here; ∕ is the sign for it
    clean = " ".join(" ".join(parts).split())
    if not clean or len(clean) > MAX_NAME:
        raise InvalidError(f"A collection's name has 1 to {MAX_NAME} characters.")
    return clean


def _clean_description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION or "\0" in text:
        raise InvalidError(f"The description is longer than {MAX_DESCRIPTION} characters.")
    return text.strip()


def _taken(name: str) -> ConflictError:
    return ConflictError(f"There is a collection {name} already.", hint="Choose another name.")
