"""The route of search."""

from __future__ import annotations

from fastapi import APIRouter

from functions.edge.http import Caller
from functions.query import discovery_routes, saved_routes
from functions.query.schemas import FacetsBody, Found, HitBody, SearchBody
from shared.inference.reranking.port import Reranker
from shared.kernel.errors import InvalidError
from shared.search import caching
from shared.search.checking import check_versions
from shared.search.facets import count_facets
from shared.search.reranking import rerank, wider
from shared.search.suggestions import correct
from shared.search.tuning import ranking_of
from shared.wiring import App
from shared.wiring import app as wired

router = APIRouter()
router.include_router(discovery_routes.router)
router.include_router(saved_routes.router)


@router.post("/api/v1/search")
def find_passages(caller: Caller, body: SearchBody) -> Found:
    """Find passages by meaning and by words."""
    caller.require("search")
    app = wired()
    request = body.asked()
    reranker = _reranker(app, caller, body)
    asked = wider(request, app.settings.rerank_factor) if reranker else request
    with app.database.transaction(caller.tenant_id) as session:
        check_versions(session, request.filters)
        embedder, ranking = app.embedder_in(session), ranking_of(session, app.settings)
        page = caching.find_page(
            app.cache, session, embedder, asked, ranking=ranking, cursor=body.cursor
        )
        facets = (
            count_facets(session, embedder, request, body.facets, ranking=ranking)
            if body.facets
            else None
        )
        corrected = "" if body.cursor else correct(session, request.query)
    judged = rerank(page.result, reranker, request) if reranker else None
    result = judged.result if judged else page.result
    return Found(
        results=[HitBody.model_validate(hit) for hit in result.hits],
        language=result.language,
        took_ms=result.took_ms,
        next_cursor=None if judged else page.next_cursor,
        did_you_mean=corrected,
        facets=None if facets is None else FacetsBody.model_validate(facets),
        reranker=judged.reranker if judged else "none",
        warning=judged.warning if judged else "",
    )


def _reranker(app: App, caller: Caller, body: SearchBody) -> Reranker | None:
    """Return the reranker that was asked for; ``None`` leaves the order as it is.

    A configured one steps back where a cursor goes on with a list that it did not order.
    """
    if body.cursor and (body.rerank or "none") != "none":
        raise InvalidError(
            "A reranked result has one page.",
            hint="Ask for more with k, or leave rerank out to go on by cursor.",
            fields={"cursor": "not together with rerank"},
        )
    wanted = body.rerank or ("none" if body.cursor else app.settings.rerank)
    return None if wanted == "none" else app.reranker(wanted, caller.tenant_id, caller.user_id)
