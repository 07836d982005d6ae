"""Use cases of saved searches: keep a question with its filters, and ask it again.

What is found again is compared with what the same person saw the last time, so a shared search
tells each of its readers what is new to them. A new version of a document is new, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from shared.kernel.ids import CollectionId, DocumentId, SavedSearchId, UserId, VersionId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.search import saved_store as store
from shared.search import service
from shared.search.model import (
    MOST_HITS,
    Filters,
    Hit,
    Ranking,
    SearchRequest,
    SearchResult,
)
from shared.search.saved_store import SavedSearch

MAX_NAME = 255
_NOTHING = UUID(int=0)
_FIELDS = tuple(field.name for field in fields(Filters))


@dataclass(frozen=True, slots=True)
class Run:
    """What a saved search finds now. ``new_ids`` are the versions its reader had not seen."""

    search: SavedSearch
    result: SearchResult
    new_ids: frozenset[VersionId]

    def is_new(self, hit: Hit) -> bool:
        """Tell whether a hit's version was not among those found the last time."""
        return hit.version_id in self.new_ids


def save_search(
    session: Session,
    request: SearchRequest,
    *,
    name: str,
    is_shared: bool,
    user_id: UserId,
) -> SavedSearch:
    """Keep a search under a name.

    Raises ConflictError when the person has one of that name, InvalidError for a search that
    could not be run.
    """
    service.check_request(request)
    search_id = SavedSearchId(new_id())
    clean = _clean_name(name)
    is_new = store.record_saved_search(
        session,
        search_id,
        name=clean,
        query=request.query.strip(),
        filters=filters_to_json(request.filters),
        is_shared=is_shared,
        user_id=user_id,
    )
    if not is_new:
        raise _taken(clean)
    return find_saved_search(session, search_id, user_id=user_id)


def find_saved_search(
    session: Session, search_id: SavedSearchId, *, user_id: UserId
) -> SavedSearch:
    """Return one's own or a shared search; raises NotFoundError."""
    found = store.find_saved_search(session, search_id, user_id=user_id)
    if found is None:
        raise NotFoundError("There is no such saved search.")
    return found


def list_saved_searches(
    session: Session, *, user_id: UserId, cursor: str | None, limit: int
) -> Page[SavedSearch]:
    """List one's own and the shared searches by name."""
    after_name, after_id = _place(cursor) if cursor else ("", _NOTHING)
    limit = clamp_limit(limit)
    found = store.list_saved_searches(
        session, user_id=user_id, after_name=after_name, after_id=after_id, limit=limit
    )
    last = found[-1] if len(found) == limit else None
    return Page(found, encode_cursor(last.name.lower(), str(last.id)) if last else None)


def change_saved_search(
    session: Session,
    search_id: SavedSearchId,
    *,
    name: str | None = None,
    query: str | None = None,
    filters: Filters | None = None,
    is_shared: bool | None = None,
    user_id: UserId,
    may_change_all: bool = False,
) -> SavedSearch:
    """Rename, share or change a search; what is ``None`` stays. Only its owner may.

    Another question or other filters make everything new again, for everybody.
    """
    known = _owned(session, search_id, user_id=user_id, may_change_all=may_change_all)
    service.check_request(
        SearchRequest(
            query=known.query if query is None else query,
            filters=filters_from_json(known.filters) if filters is None else filters,
        )
    )
    is_changed = store.change_saved_search(
        session,
        search_id,
        name=None if name is None else _clean_name(name),
        query=None if query is None else query.strip(),
        filters=None if filters is None else filters_to_json(filters),
        is_shared=is_shared,
    )
    if not is_changed:
        raise _taken(name or known.name)
    if query is not None or filters is not None:
        store.forget_runs(session, search_id)
    return find_saved_search(session, search_id, user_id=user_id)


def remove_saved_search(
    session: Session, search_id: SavedSearchId, *, user_id: UserId, may_change_all: bool = False
) -> None:
    """Delete a search; only its owner may."""
    _owned(session, search_id, user_id=user_id, may_change_all=may_change_all)
    store.remove_saved_search(session, search_id)


def run_saved_search(
    session: Session,
    embedder: Embedder,
    search_id: SavedSearchId,
    *,
    ranking: Ranking,
    user_id: UserId,
    marks_seen: bool = True,
) -> Run:
    """Ask a saved search again: the best ``MOST_HITS`` passages, and which of them are new.

    At the first run nothing is new: there is nothing to compare with. ``marks_seen`` is False for
    a look that is not to change what is new.
    """
    search = find_saved_search(session, search_id, user_id=user_id)
    request = SearchRequest(
        query=search.query, k=MOST_HITS, filters=filters_from_json(search.filters)
    )
    result = service.find(session, embedder, request, ranking=ranking)
    found = list(dict.fromkeys(hit.version_id for hit in result.hits))
    is_first = search.ran_at is None
    new_ids = frozenset() if is_first else frozenset(found) - frozenset(search.seen)
    if marks_seen:
        store.record_run(session, search_id, user_id=user_id, version_ids=found)
    return Run(search, result, new_ids)


def filters_to_json(filters: Filters) -> dict[str, object]:
    """Write filters as they are kept: as the request names them, without what is empty."""
    written: dict[str, object] = {}
    for name in _FIELDS:
        value = getattr(filters, name)
        if value is None or value == ():
            continue
        if isinstance(value, tuple):
            written[name] = [str(each) for each in value]
        elif isinstance(value, datetime):
            written[name] = value.isoformat()
        elif isinstance(value, Mapping):
            written[name] = dict(value)
        else:
            written[name] = str(value)
    return written


def filters_from_json(written: Mapping[str, object]) -> Filters:
    """Read filters back as they were kept."""

    def texts(name: str) -> tuple[str, ...] | None:
        value = written.get(name)
        return tuple(str(each) for each in value) if isinstance(value, list) else None

    def moment(name: str) -> datetime | None:
        value = written.get(name)
        return datetime.fromisoformat(str(value)) if value else None

    documents, versions = texts("document_ids"), texts("version_ids")
    metadata, folder, collection = (written.get(n) for n in ("metadata", "folder", "collection"))
    return Filters(
        folder=None if folder is None else str(folder),
        document_ids=None if documents is None else tuple(DocumentId(UUID(i)) for i in documents),
        media_types=texts("media_types"),
        languages=texts("languages"),
        created_after=moment("created_after"),
        created_before=moment("created_before"),
        metadata=metadata if isinstance(metadata, dict) else None,
        collection=None if collection is None else CollectionId(UUID(str(collection))),
        tags=texts("tags"),
        version_ids=None if versions is None else tuple(VersionId(UUID(i)) for i in versions),
        kinds=texts("kinds"),
    )


def _place(cursor: str) -> tuple[str, UUID]:
    name, search_id = decode_cursor(cursor, 2)
    try:
        return name, UUID(search_id)
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def _owned(
    session: Session, search_id: SavedSearchId, *, user_id: UserId, may_change_all: bool
) -> SavedSearch:
    found = find_saved_search(session, search_id, user_id=user_id)
    if found.created_by != user_id and not may_change_all:
        raise RefusedError(
            "Only who saved this search may change it.", hint="Save a copy under your own name."
        )
    return found


def _clean_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > MAX_NAME or "\0" in clean:
        raise InvalidError(f"A saved search has a name of 1 to {MAX_NAME} characters.")
    return clean


def _taken(name: str) -> ConflictError:
    return ConflictError(
        f"You have a saved search {name} already.", hint="Choose another name, or change that one."
    )
