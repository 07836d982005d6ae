"""The route of search."""

from __future__ import annotations

from fastapi import APIRouter

from functions.edge.http import Caller
from functions.query.schemas import FacetsBody, Found, HitBody, SearchBody
from shared.search import service as search
from shared.search.checking import check_versions
from shared.search.facets import count_facets
from shared.search.paging import find_page
from shared.search.suggestions import correct
from shared.wiring import app as wired

router = APIRouter(tags=["search"])


@router.post("/api/v1/search")
def find_passages(caller: Caller, body: SearchBody) -> Found:
    """Find passages by meaning and by words."""
    caller.require("search")
    app = wired()
    request = body.asked()
    ranking = search.ranking(app.settings)
    with app.database.transaction(caller.tenant_id) as session:
        check_versions(session, request.filters)
        embedder = app.embedder_in(session)
        page = find_page(session, embedder, request, ranking=ranking, cursor=body.cursor)
        facets = (
            count_facets(session, embedder, request, body.facets, ranking=ranking)
            if body.facets
            else None
        )
        corrected = "" if body.cursor else correct(session, request.query)
    return Found(
        results=[HitBody.model_validate(hit) for hit in page.result.hits],
        language=page.result.language,
        took_ms=page.result.took_ms,
        next_cursor=page.next_cursor,
        did_you_mean=corrected,
        facets=None if facets is None else FacetsBody.model_validate(facets),
    )
