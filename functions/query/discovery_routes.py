"""Routes of what stands around search: suggestions while typing, and more like this."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.edge.http import Caller
from functions.query.schemas import (
    SimilarBody,
    SimilarDocument,
    SimilarDocuments,
    SuggestionBody,
    Suggestions,
)
from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError
from shared.kernel.ids import ChunkId, DocumentId
from shared.search import similar
from shared.search.checking import check_versions
from shared.search.model import Filters
from shared.search.suggestions import LONGEST_START, MOST_SUGGESTIONS, suggest
from shared.search.tuning import ranking_of
from shared.wiring import app as wired

router = APIRouter()


@router.get("/api/v1/suggest")
def suggest_words(
    caller: Caller,
    q: Annotated[str, Query(max_length=10 * LONGEST_START, description="What was typed so far.")],
    k: Annotated[int, Query(ge=1, le=MOST_SUGGESTIONS)] = MOST_SUGGESTIONS,
    folder: Annotated[str | None, Query(max_length=4096)] = None,
) -> Suggestions:
    """Suggest titles and words that begin as typed, or are one slip away."""
    caller.require("search")
    filters = Filters(folder=folder)
    with wired().database.transaction(caller.tenant_id) as session:
        found = suggest(session, q, filters=filters, most=k)
    return Suggestions(suggestions=[SuggestionBody.model_validate(each) for each in found])


@router.get("/api/v1/documents/{document_id}/similar")
def find_documents_like(
    caller: Caller,
    document_id: UUID,
    k: Annotated[int, Query(ge=1, le=similar.MOST_SIMILAR)] = 10,
) -> SimilarDocuments:
    """Find documents like a document; not itself, nor its copies."""
    caller.require("search")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        embedder = app.embedder_in(session)
        source = similar.like_document(session, embedder, DocumentId(document_id))
        found = similar.find_similar(
            session, embedder, source, k=k, ranking=ranking_of(session, app.settings)
        )
    return _answer(found)


@router.post("/api/v1/similar")
def find_similar(caller: Caller, body: SimilarBody) -> SimilarDocuments:
    """Find documents like some passages, or like a text."""
    caller.require("search")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        filters = body.filters.filters()
        check_versions(session, filters)
        embedder = app.embedder_in(session)
        found = similar.find_similar(
            session,
            embedder,
            _source(session, embedder, body),
            k=body.k,
            ranking=ranking_of(session, app.settings),
            filters=filters,
        )
    return _answer(found)


def _source(session: Session, embedder: Embedder, body: SimilarBody) -> similar.Source:
    if (body.chunk_ids is None) == (body.text is None):
        raise InvalidError(
            "Name passages or a text to find documents like, one of the two.",
            fields={"chunk_ids": "or text", "text": "or chunk_ids"},
        )
    if body.text is not None:
        return similar.like_text(session, embedder, body.text)
    return similar.like_chunks(session, embedder, [ChunkId(i) for i in body.chunk_ids or ()])


def _answer(found: list[similar.Similar]) -> SimilarDocuments:
    return SimilarDocuments(results=[SimilarDocument.model_validate(each) for each in found])
