"""Use cases of search: put a version into the index, take it out, find passages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import UUID

from shared.adapters.database import Session
from shared.documents.grids import CitedCell, cells_within, grids_from_json
from shared.documents.model import clean_tags
from shared.inference.embedding import Embedder
from shared.inference.language import detect_language
from shared.inference.model import VectorSpace
from shared.inference.stemming import stems
from shared.kernel.errors import InvalidError
from shared.kernel.ids import ChunkId, DocumentId, VersionId, new_id
from shared.kernel.settings import Settings
from shared.lexicon import service as lexicon
from shared.lexicon.model import Said, Text, Weighed
from shared.search import external, store
from shared.search.explaining import explain
from shared.search.highlighting import Span, find_highlights
from shared.search.identifiers import find_exact
from shared.search.model import (
    KINDS,
    LONGEST_QUERY,
    MOST_AROUND,
    MOST_HITS,
    Elsewhere,
    Filters,
    Hit,
    NewChunk,
    Ranking,
    SearchRequest,
    SearchResult,
)
from shared.search.planning import Plan
from shared.search.repetition import collapse
from shared.search.scoring import Weights, similarities
from shared.search.wording import MOST_WORDS, weigh

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_PER_STATEMENT = 500
_MOST_FILTER_VALUES = 1000
_LANGUAGES = {"de", "en", "simple"}
_DEFAULT_RANKING = Ranking()
_SPARE_HITS = 15
"""Fetched beyond what was asked for: passages that say the same become one hit."""
_CHUNK_FIELDS = tuple(field.name for field in fields(NewChunk) if field.name != "searched")
_HIT_FIELDS = tuple(
    {field.name for field in fields(store.HitRow)} & {field.name for field in fields(Hit)}
)
_HIT_VALUES = attrgetter(*_HIT_FIELDS)


def ranking(config: Settings) -> Ranking:
    """Read how results are ranked from the settings."""
    return Ranking(
        dense_weight_en=config.dense_weight_en,
        dense_weight_de=config.dense_weight_de,
        gram_weight=config.gram_weight,
        title_weight=config.title_weight,
        exact_scan_chunks=config.exact_scan_chunks,
        similarity_threshold=config.similarity_threshold,
        external=external.indexes_of(config),
    )


def index_version(
    session: Session,
    *,
    document_id: DocumentId,
    version_id: VersionId,
    model: VectorSpace,
    chunks: Iterable[NewChunk],
    vectors: NDArray[np.float16],
) -> int:
    """Put a version's chunks and vectors into the index; returns how many chunks.

    ``vectors``: float16, (n, dimension), rows of length 1, one per chunk in order. A version
    that is in the index already is replaced, so a repeat changes nothing. Raises InvalidError
    when chunks and vectors do not match, UnavailableError for an unregistered model.
    """
    model_id = store.find_model_id(session, model)
    check_vectors(vectors, model)
    session.use_vectors()
    remove_version(session, version_id)
    count = 0
    for part in in_parts(iter(chunks)):
        rows = vectors[count : count + len(part)]
        if len(rows) != len(part):
            raise mismatch(vectors)
        ids = [ChunkId(new_id()) for _ in part]
        weighed = weigh_chunks(session, part)
        store.record_chunks(
            session,
            document_id=document_id,
            version_id=version_id,
            chunks=chunk_rows(ids, part, weighed),
            weighed=weighed,
        )
        store.record_vectors(
            session, version_id=version_id, model_id=model_id, chunk_ids=ids, vectors=rows
        )
        lexicon.count_in(session, weighed.said)
        count += len(part)
    if count != len(vectors):
        raise mismatch(vectors)
    return count


def remove_version(session: Session, version_id: VersionId) -> int:
    """Take a version out of the index, statistics included; returns how many chunks it had."""
    store.lock_statistics(session)
    if store.count_chunks(session, version_id) == 0:
        return 0
    for said in said_by(session, version_id):
        lexicon.count_out(session, said)
    return store.remove_rows(session, version_id)


def find(
    session: Session,
    embedder: Embedder,
    request: SearchRequest,
    *,
    ranking: Ranking = _DEFAULT_RANKING,
) -> SearchResult:
    """Find the passages that answer ``request`` best, by meaning and by words.

    Raises InvalidError naming every field that is wrong.
    """
    started = time.perf_counter()
    check_request(request)
    planned = plan(session, embedder.model, request, ranking=ranking)
    vector = embedder.embed_question(planned.query)
    most = request.k + _SPARE_HITS
    if ranking.external is None:
        rows = store.list_hits(session, {**planned.params, "most": most}, vector)
    else:
        index = ranking.external(embedder.model)
        rows = external.list_hits(session, index, planned, vector, most=most)
    hits = present(session, request, planned, rows)
    took_ms = (time.perf_counter() - started) * 1000
    return SearchResult(hits, planned.language, round(took_ms, 2))


def plan(session: Session, model: VectorSpace, request: SearchRequest, *, ranking: Ranking) -> Plan:
    """Look the question's words up and decide how its scores are mixed."""
    query = request.query.strip()
    language = detect_language(query)
    found = store.look_up(session, query=query, language=language, most=MOST_WORDS, model=model)
    model_id = found[0].model_id if found else None
    asked = weigh(found, language=language, exact=find_exact(query))
    weights = Weights.of(ranking, language, asked.languages)
    params: dict[str, object] = {
        "asked": asked.to_json(),
        "weights": weights.to_json(),
        "model_id": store.find_model_id(session, model) if model_id is None else model_id,
        "exact_limit": ranking.exact_scan_chunks,
        "filters": filters_json(request.filters),
        "threshold": request.threshold,
    }
    least = max(request.similarity, ranking.similarity_threshold)
    return Plan(query, language, asked, weights, least, params)


def present(
    session: Session, request: SearchRequest, planned: Plan, rows: list[store.HitRow]
) -> tuple[Hit, ...]:
    """Make at most ``request.k`` hits of rows in their order, with all that was asked for."""
    likely = similarities(rows, planned.asked, planned.language)
    least = planned.least_similarity
    known = {row.chunk_id: each for row, each in zip(rows, likely, strict=True) if each >= least}
    kept = collapse([row for row in rows if row.chunk_id in known], most=request.k)
    marks = find_highlights(session, planned.asked, [(row.language, row.text) for row, _ in kept])
    hits = [
        _hit(row, planned.query, similarity=known[row.chunk_id], also_in=also_in, highlights=spans)
        for (row, also_in), spans in zip(kept, marks, strict=True)
    ]
    if request.explain:
        hits = explain(session, hits, rows, asked=planned.asked, weights=planned.weights)
    found = tuple(hits)
    if request.around:
        found = _widened(session, found, around=request.around)
    return found


def _hit(
    row: store.HitRow,
    query: str,
    *,
    similarity: float,
    also_in: tuple[Elsewhere, ...],
    highlights: tuple[Span, ...],
) -> Hit:
    values = dict(zip(_HIT_FIELDS, _HIT_VALUES(row), strict=True))
    values["grids"] = grids_from_json(row.grids)
    hit = Hit(**values, similarity=similarity, also_in=also_in, highlights=highlights)
    return replace(hit, cells=asked_cells(query, hit)) if hit.grids else hit


def asked_cells(query: str, hit: Hit) -> tuple[CitedCell, ...]:
    """Return the cells of a hit that the question's words point at, headers included."""
    found = cells_cited(query, hit, hit.start, hit.end)
    return tuple(cell for cell in found if cell.is_asked)


def cells_cited(query: str, hit: Hit, start: int, end: int) -> list[CitedCell]:
    """Return the cells that ``canonical_text[start:end]``, a part of the hit, touches."""

    def stems_of(words: str) -> set[str]:
        return set(stems(words, hit.language))

    return cells_within(hit.passage, start, end, asked=frozenset(stems_of(query)), stems=stems_of)


def _widened(session: Session, hits: tuple[Hit, ...], *, around: int) -> tuple[Hit, ...]:
    """Add to each hit what stands around it in its section."""
    before: dict[UUID, list[str]] = {}
    after: dict[UUID, list[str]] = {}
    for row in store.list_siblings(session, [hit.chunk_id for hit in hits], around=around):
        side = before if row.distance < 0 else after
        side.setdefault(row.chunk_id, []).append(row.text)
    return tuple(
        replace(
            hit,
            before="\n\n".join(before.get(hit.chunk_id, ())),
            after="\n\n".join(after.get(hit.chunk_id, ())),
        )
        for hit in hits
    )


def check_request(request: SearchRequest) -> None:
    """Raise InvalidError naming every field of ``request`` that is wrong."""
    wrong: dict[str, str] = {}
    if not request.query.strip():
        wrong["query"] = "ask something"
    elif len(request.query) > LONGEST_QUERY:
        wrong["query"] = f"longer than {LONGEST_QUERY} characters; ask for one thing at a time"
    elif "\0" in request.query:
        wrong["query"] = "holds a NUL character; remove it"
    if not 1 <= request.k <= MOST_HITS:
        wrong["k"] = f"must lie between 1 and {MOST_HITS}"
    if not 0 <= request.threshold <= 1:
        wrong["threshold"] = "must lie between 0 and 1"
    if not 0 <= request.similarity <= 1:
        wrong["similarity"] = "must lie between 0 and 1"
    if not 0 <= request.around <= MOST_AROUND:
        wrong["around"] = f"must lie between 0 and {MOST_AROUND}"
    wrong.update(_check_filters(request.filters))
    if wrong:
        listed = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise InvalidError(f"The search is not valid: {listed}.", fields=wrong)


def _check_filters(filters: Filters) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for name in ("document_ids", "media_types", "languages", "tags", "version_ids", "kinds"):
        values = getattr(filters, name)
        if values is not None and not 1 <= len(values) <= _MOST_FILTER_VALUES:
            wrong[f"filters.{name}"] = f"name 1 to {_MOST_FILTER_VALUES}, or leave it out"
    unknown = set(filters.languages or ()) - _LANGUAGES
    if unknown:
        wrong["filters.languages"] = "only de, en and simple are known"
    if set(filters.kinds or ()) - set(KINDS):
        wrong["filters.kinds"] = f"only {', '.join(KINDS)} are known"
    if filters.folder is not None and not filters.folder.strip("/ "):
        wrong["filters.folder"] = "name a folder such as contracts/2026, or leave it out"
    if (
        filters.created_after is not None
        and filters.created_before is not None
        and filters.created_before <= filters.created_after
    ):
        wrong["filters.created_before"] = "must be later than created_after"
    return wrong


def filters_json(filters: Filters) -> str:
    """Write the filters as the search function reads them; fields that restrict nothing are out.

    Times without a zone are taken as UTC.
    """
    written: dict[str, object] = {}
    if filters.folder is not None:
        written["folder"] = filters.folder.strip("/ ")
    for name in ("document_ids", "version_ids", "media_types", "languages", "kinds"):
        values = getattr(filters, name)
        if values:
            written[name] = [str(each) for each in values]
    if filters.collection:
        written["collection"] = str(filters.collection)
    if filters.tags:
        written["tags"] = clean_tags(filters.tags)
    for name in ("created_after", "created_before"):
        moment = getattr(filters, name)
        if moment is not None:
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            written[name] = aware.isoformat()
    if filters.metadata:
        written["metadata"] = dict(filters.metadata)
    return json.dumps(written)


def in_parts(chunks: Iterator[NewChunk]) -> Iterator[list[NewChunk]]:
    """Cut into runs that one statement writes."""
    while part := list(islice(chunks, _ROWS_PER_STATEMENT)):
        yield part


def weigh_chunks(session: Session, chunks: Sequence[NewChunk]) -> Weighed:
    """Cut chunks into lexemes and weigh those."""
    texts = [
        Text(
            each.language, "\n".join(each.heading_path), each.content, each.searched or each.content
        )
        for each in chunks
    ]
    return lexicon.weigh_texts(session, texts)


def said_by(session: Session, version_id: VersionId) -> Iterator[list[Said]]:
    """Read what a version's chunks in the index say, some hundred at a time."""
    after = -1
    while rows := store.list_said(session, version_id, after=after, most=_ROWS_PER_STATEMENT):
        yield [Said.written_as(row.language, row.shown, row.lexemes) for row in rows]
        after = rows[-1].ordinal


def chunk_rows(
    ids: Sequence[ChunkId], chunks: Sequence[NewChunk], weighed: Weighed
) -> list[dict[str, object]]:
    """Return chunks as the writing queries read them."""
    return [
        {
            "id": str(chunk_id),
            "lexemes": said.written,
            "lexeme_count": said.length,
            **{name: getattr(chunk, name) for name in _CHUNK_FIELDS},
        }
        for chunk_id, chunk, said in zip(ids, chunks, weighed.said, strict=True)
    ]


def check_vectors(vectors: NDArray[np.float16], model: VectorSpace) -> None:
    """Raise InvalidError for vectors that cannot be the model's."""
    if vectors.ndim != 2 or vectors.shape[1] != model.dimension:  # noqa: PLR2004 - a matrix
        raise InvalidError(
            f"Vectors of shape {vectors.shape} cannot be {model.name}'s.",
            hint="Embed the version again.",
        )


def mismatch(vectors: NDArray[np.float16]) -> InvalidError:
    """Return the error of vectors that are more or fewer than their chunks."""
    return InvalidError(
        f"There are {len(vectors)} vectors for another number of chunks.",
        hint="Embed the version again.",
    )
