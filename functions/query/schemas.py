"""Bodies of search, as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.edge.asking import CellBody, FiltersBody
from functions.edge.bodies import Body, Name
from shared.search.facets import FACETS
from shared.search.model import LONGEST_QUERY, MOST_AROUND, MOST_HITS, SearchRequest
from shared.search.similar import MOST_SIMILAR

Query = Annotated[str, Field(max_length=LONGEST_QUERY, examples=["Kündigungsfrist Mietvertrag"])]
FromRow = ConfigDict(from_attributes=True)


class SearchBody(Body):
    """What to look for; ``threshold`` is relative to the best hit, which scores at most 1.

    ``similarity`` is absolute: hits less likely to help are left out. ``explain`` adds why each
    hit ranks where it does.

    ``around`` adds so many chunks before and after each hit, as far as its section goes.
    ``cursor`` is a former answer's ``next_cursor``: the same search, page by page, to 1,000 hits.
    ``facets`` counts the documents found by folder, type and so on. ``rerank`` judges the best
    passages once more: none, features, cross-encoder or llm; such a result has one
    page, so ``rerank`` and ``cursor`` do not go together.
    """

    query: Query
    k: int = Field(default=10, ge=1, le=MOST_HITS)
    threshold: float = Field(default=0.0, ge=0, le=1)
    similarity: float = Field(default=0.0, ge=0, le=1)
    explain: bool = False
    around: int = Field(default=0, ge=0, le=MOST_AROUND)
    filters: FiltersBody = Field(default_factory=FiltersBody)
    cursor: str | None = Field(default=None, max_length=500)
    facets: list[Name] = Field(default_factory=list, max_length=len(FACETS), examples=[["folder"]])
    rerank: str | None = Field(default=None, max_length=40, examples=["features"])

    def asked(self) -> SearchRequest:
        """Return the request as search knows it."""
        return SearchRequest(
            query=self.query,
            k=self.k,
            threshold=self.threshold,
            similarity=self.similarity,
            explain=self.explain,
            around=self.around,
            filters=self.filters.filters(),
        )


class TermBody(BaseModel):
    """What one word adds to a hit's BM25; ``kind`` says what it is to the word asked for."""

    model_config = FromRow

    word: str
    lexeme: str
    kind: str = Field(examples=["exact", "part", "compound", "neighbour"])
    weight: float
    frequency: int
    score: float


class ExplanationBody(BaseModel):
    """Why a hit ranks where it does.

    Shares are relative to the best candidate's, ranks count among the candidates. The score is
    ``dense_weight * dense_share + (1 - dense_weight) * ((1 - gram_weight) * lexical_share +
    gram_weight * gram_share) + exact_share``, divided by one plus the largest ``exact_share``.
    ``title_share`` is how much of the question's weight stands in the title; it counts into
    ``lexical_share``.
    """

    model_config = FromRow

    dense_weight: float
    dense_share: float
    dense_rank: int
    lexical_share: float
    lexical_rank: int
    terms: list[TermBody]
    gram_weight: float
    gram_score: float
    gram_share: float
    gram_rank: int
    title_weight: float
    title_share: float
    exact: list[str]
    exact_share: float


class ElsewhereBody(BaseModel):
    """Another document that says the same."""

    model_config = FromRow

    chunk_id: UUID
    document_id: UUID
    version_id: UUID
    title: str
    page: int | None


class HitBody(BaseModel):
    """A passage that matches.

    ``score`` is relative to the best hit of this search, ``similarity`` means the same over all
    searches: how likely the passage helps. ``also_in`` are other documents that say the same.

    ``start`` and ``end`` are its place in the version's text; ``highlights`` are offsets into
    ``text`` itself. All count characters. ``section_start`` and ``section_end`` are the place of
    the section around it, ``cells`` the cells of tables that the query points at.
    """

    model_config = FromRow

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
    similarity: float
    also_in: list[ElsewhereBody]
    explanation: ExplanationBody | None


class FacetValueBody(BaseModel):
    """A value, how people call it, and how many of the documents found have it."""

    model_config = FromRow

    value: str
    label: str
    document_count: int


class FacetBody(BaseModel):
    """One way to divide what was found, counted with the filters of all other facets."""

    model_config = FromRow

    name: str = Field(examples=["media_type", "metadata.client"])
    values: list[FacetValueBody]
    value_count: int


class FacetsBody(BaseModel):
    """How the documents found divide; ``is_capped`` when only the first 1,000 passages count."""

    model_config = FromRow

    facets: list[FacetBody]
    document_count: int
    is_capped: bool


class Found(BaseModel):
    """The hits, best first, and the language the query was taken to be in.

    ``did_you_mean`` is the query with words corrected that no document has; empty otherwise.
    ``warning`` says what could not be done as asked, such as a reranker that gave no answer.
    """

    results: list[HitBody]
    language: str
    took_ms: float
    next_cursor: str | None
    did_you_mean: str
    facets: FacetsBody | None
    reranker: str
    warning: str


class SimilarBody(Body):
    """Passages (``chunk_ids``), or a ``text``, to find documents like; one of the two."""

    chunk_ids: Annotated[list[UUID], Field(min_length=1, max_length=32)] | None = None
    text: str | None = Field(default=None, max_length=20_000)
    k: int = Field(default=10, ge=1, le=MOST_SIMILAR)
    filters: FiltersBody = Field(default_factory=FiltersBody)


class SimilarDocument(BaseModel):
    """A document like the source, by its passage that comes nearest."""

    model_config = FromRow

    document_id: UUID
    title: str
    score: float
    hit: HitBody


class SimilarDocuments(BaseModel):
    """Documents like the source, nearest first."""

    results: list[SimilarDocument]


class SuggestionBody(BaseModel):
    """A word, or a document by its title; ``is_exact`` when it begins as typed."""

    model_config = FromRow

    kind: Literal["title", "word"]
    text: str
    document_id: UUID | None
    is_exact: bool


class Suggestions(BaseModel):
    """What may be meant, titles first."""

    suggestions: list[SuggestionBody]


class SavedSearchBody(BaseModel):
    """A search that is kept; ``ran_at`` is when the caller ran it last."""

    model_config = FromRow

    id: UUID
    name: str = Field(examples=["New invoices"])
    query: str
    filters: dict[str, object]
    is_shared: bool
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    ran_at: datetime | None


class SavedSearchPage(BaseModel):
    """Saved searches and the cursor for more."""

    items: list[SavedSearchBody]
    next_cursor: str | None


class NewSavedSearch(Body):
    """A search to be kept; a shared one may be run by everybody of the tenant."""

    name: str = Field(min_length=1, max_length=255, examples=["New invoices"])
    query: Query
    filters: FiltersBody = Field(default_factory=FiltersBody)
    is_shared: bool = False


class SavedSearchChange(Body):
    """What to change; absent fields stay. Another question makes everything new again."""

    name: str | None = Field(default=None, min_length=1, max_length=255)
    query: Query | None = None
    filters: FiltersBody | None = None
    is_shared: bool | None = None


class RunHit(HitBody):
    """A hit of a saved search; new when its version was not found at the caller's last run."""

    is_new: bool


class SavedSearchRun(BaseModel):
    """What a saved search finds now, at most 100 passages; ``new_count`` counts documents."""

    search: SavedSearchBody
    results: list[RunHit]
    new_count: int
    language: str
    took_ms: float
