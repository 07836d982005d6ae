"""The route of search."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from functions.edge.asking import CellBody, FiltersBody
from functions.edge.http import Caller
from shared.search import service as search
from shared.search.model import LONGEST_QUERY, MOST_AROUND, MOST_HITS, SearchRequest
from shared.search.tuning import ranking_of
from shared.wiring import app as wired

router = APIRouter(tags=["search"])


class SearchBody(BaseModel):
    """What to look for; ``threshold`` is relative to the best hit, which scores at most 1.

    ``around`` adds so many chunks before and after each hit, as far as its section goes.
    """

    model_config = ConfigDict(extra="forbid")

    query: str = Field(max_length=LONGEST_QUERY, examples=["Kündigungsfrist Mietvertrag"])
    k: int = Field(default=10, ge=1, le=MOST_HITS)
    threshold: float = Field(default=0.0, ge=0, le=1)
    around: int = Field(default=0, ge=0, le=MOST_AROUND)
    filters: FiltersBody = Field(default_factory=FiltersBody)


class HitBody(BaseModel):
    """A passage that matches.

    ``start`` and ``end`` are its place in the version's text; ``highlights`` are offsets into
    ``text`` itself. All count characters. ``section_start`` and ``section_end`` are the place of
    the section around it, ``cells`` the cells of tables that the query points at.
    """

    model_config = ConfigDict(from_attributes=True)

    chunk_id: UUID
    document_id: UUID
    version_id: UUID
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    text: str
    score: float
    dense_score: float
    lexical_score: float
    highlights: list[tuple[int, int]]
    language: str
    media_type: str
    reading: int
    section_start: int
    section_end: int
    cells: list[CellBody]
    before: str
    after: str


class Found(BaseModel):
    """The hits, best first, and the language the query was taken to be in."""

    results: list[HitBody]
    language: str
    took_ms: float


@router.post("/api/v1/search")
def find_passages(caller: Caller, body: SearchBody) -> Found:
    """Find passages by meaning and by words."""
    caller.require("search")
    app = wired()
    request = SearchRequest(
        query=body.query,
        k=body.k,
        threshold=body.threshold,
        around=body.around,
        filters=body.filters.filters(),
    )
    with app.database.transaction(caller.tenant_id) as session:
        ranking = ranking_of(session, app.settings)
        result = search.find(session, app.embedder_in(session), request, ranking=ranking)
    return Found(
        results=[HitBody.model_validate(hit) for hit in result.hits],
        language=result.language,
        took_ms=result.took_ms,
    )
