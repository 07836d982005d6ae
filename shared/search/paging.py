"""Results page by page, to ``DEPTH`` passages down.

The first page is the usual search. What follows is ranked once more among a thousand candidates
instead of a few dozen, without what the first page showed, so nothing is shown twice and nothing
is left out. A cursor holds the last score and id: what is added or removed meanwhile shifts no
page. It also holds what was asked, because it means nothing for another question.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError
from shared.kernel.hashing import sha256_of
from shared.kernel.paging import decode_cursor, encode_cursor
from shared.search import discovery_store
from shared.search.discovery_store import RankRow
from shared.search.model import Ranking, SearchRequest, SearchResult
from shared.search.ranks import DEPTH, rank
from shared.search.service import check_request, filters_json, find, plan, present

_FIELDS = 4


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of hits, and the cursor of the next; ``None`` when there is nothing more."""

    result: SearchResult
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """How many hits were shown, and the last of them; no score yet after the first page."""

    shown: int
    score: float | None
    chunk_id: str


def find_page(
    session: Session,
    embedder: Embedder,
    request: SearchRequest,
    *,
    ranking: Ranking,
    cursor: str | None = None,
) -> ResultPage:
    """Find one page of ``request.k`` hits: the first, or the one that ``cursor`` leads to.

    Raises InvalidError for a cursor of another question, of other filters or another page size.
    """
    check_request(request)
    digest = _digest(request, embedder.model.name)
    place = _read(cursor, digest) if cursor else None
    first = find(session, embedder, request, ranking=ranking)
    if place is None:
        # Passages that say the same were made one hit: then a short page may still go on.
        is_full = len(first.hits) == request.k or any(hit.also_in for hit in first.hits)
        return ResultPage(first, _cursor(digest, _Place(request.k, None, "")) if is_full else None)
    started = time.perf_counter()
    planned = plan(session, embedder.model, request, ranking=ranking)
    shown = {hit.chunk_id for hit in first.hits}
    shown.update(other.chunk_id for hit in first.hits for other in hit.also_in)
    deep = rank(session, embedder, planned, ranking=ranking, most=DEPTH)
    rest = [row for row in deep if row.chunk_id not in shown and _is_behind(row, place)]
    page = rest[: min(request.k, DEPTH - place.shown)]
    hits = present(session, request, planned, discovery_store.list_chosen_hits(session, page))
    took_ms = round(first.took_ms + (time.perf_counter() - started) * 1000, 2)
    result = SearchResult(hits, planned.language, took_ms)
    total = place.shown + len(page)
    if len(rest) <= len(page) or total >= DEPTH:
        return ResultPage(result, None)
    last = page[-1]
    return ResultPage(result, _cursor(digest, _Place(total, last.score, str(last.chunk_id))))


def _is_behind(row: RankRow, place: _Place) -> bool:
    if place.score is None:
        return True
    return (-row.score, str(row.chunk_id)) > (-place.score, place.chunk_id)


def _digest(request: SearchRequest, model: str) -> str:
    """Name a question with all that decides its ranking, in sixteen letters."""
    asked = [
        request.query.strip(),
        request.k,
        request.threshold,
        request.similarity,
        filters_json(request.filters),
    ]
    return sha256_of([json.dumps([*asked, model]).encode()]).hex()[:16]


def _cursor(digest: str, place: _Place) -> str:
    score = "" if place.score is None else repr(place.score)
    return encode_cursor(digest, str(place.shown), score, place.chunk_id)


def _read(cursor: str, digest: str) -> _Place:
    asked, shown, score, chunk_id = decode_cursor(cursor, _FIELDS)
    if asked != digest:
        raise InvalidError(
            "The cursor belongs to another search.",
            hint="Send the same query, filters, k and threshold, or start without a cursor.",
            fields={"cursor": "made for another search"},
        )
    try:
        place = _Place(int(shown), float(score) if score else None, chunk_id)
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
    if not 0 < place.shown < DEPTH:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.")
    return place
