"""Use cases of what people say about documents: title, place, metadata and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

from shared.access.deciding import kept_closed, require_reach
from shared.access.model import Resource
from shared.adapters.database import Session
from shared.documents import store
from shared.documents.folders import make_folder
from shared.documents.model import (
    MAX_METADATA_KEYS,
    DocumentRow,
    TagCount,
    clean_filename,
    clean_tags,
)
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to change; what is ``None`` or empty stays.

    ``metadata`` is merged as JSON merge patches are (RFC 7396: ``None`` takes a name out), or
    replaces all there is. ``tags`` replaces all tags, ``add_tags`` and ``remove_tags`` change some.
    """

    title: str | None = None
    folder: str | None = None
    metadata: Mapping[str, object] | None = None
    metadata_mode: Literal["merge", "replace"] = "merge"
    tags: Sequence[str] | None = None
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()


def change_document(
    session: Session, document_id: DocumentId, change: Change, *, changed_by: UserId
) -> DocumentRow:
    """Rename, move or describe a document; nothing of it is read or embedded again.

    Raises NotFoundError, InvalidError for an empty title, a bad tag or too much metadata, and
    RefusedError where somebody could do more with it then and the viewer does not manage it.
    """
    if change.title is not None and not change.title.strip():
        raise InvalidError("The title is empty.")
    require_reach(session, "edit", Resource("document", document_id))
    said = store.find_description(session, document_id)
    if said is None:
        raise NotFoundError("There is no such document.")
    moves = change.folder is not None
    with kept_closed(session, Resource("document", document_id)) if moves else nullcontext():
        store.change_document(
            session,
            document_id,
            title=None if change.title is None else clean_filename(change.title),
            metadata=_metadata(said.metadata, change),
            tags=_tags(said.tags, change),
            moves=moves,
            folder_id=make_folder(session, change.folder or "", created_by=changed_by),
        )
    found = store.find_document(session, document_id)
    assert found is not None  # its row is held
    return found


def list_tags(session: Session) -> list[TagCount]:
    """List the tags in use with how many documents carry each, the most used first."""
    return store.list_tags(session)


def _metadata(known: Mapping[str, object], change: Change) -> Mapping[str, object] | None:
    if change.metadata is None:
        return None
    merged = change.metadata
    if change.metadata_mode == "merge":
        both = {**known, **change.metadata}
        merged = {name: value for name, value in both.items() if value is not None}
    if len(merged) > MAX_METADATA_KEYS:
        raise InvalidError(f"More than {MAX_METADATA_KEYS} metadata fields.")
    return merged


def _tags(known: Sequence[str], change: Change) -> list[str] | None:
    if change.tags is None and not change.add_tags and not change.remove_tags:
        return None
    start = known if change.tags is None else change.tags
    gone = set(clean_tags(change.remove_tags))
    return [tag for tag in clean_tags([*start, *change.add_tags]) if tag not in gone]
