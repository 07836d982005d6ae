"""Results page by page, to ``DEPTH`` passages down.

The first page is the usual search. What follows is ranked once more among a thousand candidates
instead of a few dozen, without what the first page showed, so nothing is shown twice and nothing
is left out. A cursor holds the last score and id: what is added or removed meanwhile shifts no
page. It also holds what was asked, because it means nothing for another question.
"""

from __future__ import annotations

import json
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
from shared.search.service import check_request, filters_json, find, present

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
    if not cursor:
        result = find(session, embedder, request, ranking=ranking)
        is_full = len(result.hits) == request.k
        return ResultPage(result, _cursor(digest, _Place(request.k, None, "")) if is_full else None)
    place = _read(cursor, digest)
    first = rank(session, embedder, request, ranking=ranking, most=request.k)
    shown = {row.chunk_id for row in first}
    deep = rank(session, embedder, request, ranking=ranking, most=DEPTH)
    rest = [row for row in deep if row.chunk_id not in shown and _is_behind(row, place)]
    size = min(request.k, DEPTH - place.shown)
    page = rest[:size]
    result = present(session, request, discovery_store.list_chosen_hits(session, page))
    total = place.shown + len(page)
    if len(rest) <= size or total >= DEPTH:
        return ResultPage(result, None)
    last = page[-1]
    return ResultPage(result, _cursor(digest, _Place(total, last.score, str(last.chunk_id))))


def _is_behind(row: RankRow, place: _Place) -> bool:
    if place.score is None:
        return True
    return (-row.score, str(row.chunk_id)) > (-place.score, place.chunk_id)


def _digest(request: SearchRequest, model: str) -> str:
    """Name a question with all that decides its ranking, in sixteen letters."""
    asked = [request.query.strip(), request.k, request.threshold, filters_json(request.filters)]
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
