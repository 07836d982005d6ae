"""What goes in and out of evaluation's routes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.edge.asking import FiltersBody
from functions.edge.bodies import Body
from shared.evaluation.feedback import Correction, Opinion, Reason, Verdict
from shared.evaluation.model import KeptRun, Run
from shared.evaluation.sampling import interval
from shared.evaluation.service import LONGEST_COMMENT
from shared.kernel.ids import DocumentId, VersionId
from shared.search.model import LONGEST_QUERY, MOST_HITS, Explanation, OwnRanking


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CorrectionBody(Body):
    """Where the right answer stands: a document, or a span of one version's text.

    ``start`` and ``end`` come together, ``end`` behind ``start``, and need a ``version_id``, which
    is one of ``document_id``.
    """

    document_id: UUID
    version_id: UUID | None = None
    start: int | None = Field(default=None, ge=0)
    end: int | None = Field(default=None, ge=1)


class FeedbackBody(Body):
    """What the caller thinks of an answer; sending it again changes it."""

    verdict: Verdict
    reason: Reason = ""
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    correction: CorrectionBody | None = None

    def opinion(self) -> Opinion:
        """Return it as evaluation knows it."""
        given = self.correction
        correction = None
        if given is not None:
            version = None if given.version_id is None else VersionId(given.version_id)
            correction = Correction(
                document_id=DocumentId(given.document_id),
                version_id=version,
                start=given.start,
                end=given.end,
            )
        return Opinion(
            verdict=self.verdict, reason=self.reason, comment=self.comment, correction=correction
        )


class FeedbackRow(_FromRow):
    """One person's opinion with the question and the answer it is about."""

    message_id: UUID
    user_id: UUID
    verdict: str
    reason: str
    comment: str
    document_id: UUID | None
    version_id: UUID | None
    span_start: int | None
    span_end: int | None
    question: str
    answer: str
    updated_at: datetime


class FeedbackPage(BaseModel):
    """Opinions and the cursor for more."""

    items: list[FeedbackRow]
    next_cursor: str | None


class GoldBody(_FromRow):
    """A place that answers a question; without a span, the whole document."""

    document_id: UUID
    version_id: UUID | None
    start: int | None
    end: int | None


class JudgedBody(_FromRow):
    """A question whose right sources somebody confirmed (up) or corrected (down)."""

    message_id: UUID
    question: str
    verdict: str
    golds: list[GoldBody]


class JudgedList(BaseModel):
    """The last judged questions."""

    items: list[JudgedBody]


class ProbeBody(Body):
    """A query to look at closely; ``dense_weight`` tries another share of the vector score."""

    query: str = Field(max_length=LONGEST_QUERY, examples=["Kündigungsfrist Mietvertrag"])
    k: int = Field(default=10, ge=1, le=MOST_HITS)
    threshold: float = Field(default=0.0, ge=0, le=1)
    filters: FiltersBody = Field(default_factory=FiltersBody)
    dense_weight: float | None = Field(default=None, ge=0, le=1)


class ProbedHit(_FromRow):
    """A passage with its scores; ``explanation`` says why it ranks where it does."""

    chunk_id: UUID
    document_id: UUID
    version_id: UUID
    title: str
    heading_path: list[str]
    page: int | None
    start: int
    end: int
    text: str
    language: str
    score: float
    dense_score: float
    lexical_score: float
    highlights: list[tuple[int, int]]
    similarity: float
    explanation: Explanation | None = None


class Latency(BaseModel):
    """Where a search's time went, in milliseconds; ``search`` is SQL and highlights."""

    embed: float
    search: float
    total: float


class RankingBody(_FromRow):
    """The vector score's share in English and in all other questions."""

    dense_weight_en: float
    dense_weight_de: float


class Probed(BaseModel):
    """What was found, with which model and weights, and how long each part took."""

    results: list[ProbedHit]
    language: str
    model: str
    ranking: RankingBody
    latency_ms: Latency


class IntervalBody(_FromRow):
    """A mean and its 95 % interval over so many questions."""

    mean: float
    low: float
    high: float
    count: int


class RunBody(BaseModel):
    """One evaluation in short."""

    id: UUID
    kind: str
    name: str
    measures: dict[str, IntervalBody]
    latency_ms: Mapping[str, float]
    circumstances: Mapping[str, object]
    created_by: UUID
    created_at: datetime

    @classmethod
    def of(cls, row: KeptRun, run: Run) -> RunBody:
        """Sum a kept run up."""
        return cls(
            id=row.id,
            kind=run.kind,
            name=run.name,
            measures={
                name: IntervalBody.model_validate(interval(list(values.values())))
                for name, values in run.measures.items()
            },
            latency_ms=run.latency_ms,
            circumstances=run.circumstances,
            created_by=row.created_by,
            created_at=row.created_at,
        )


class RunDetail(RunBody):
    """One evaluation, question by question."""

    values: Mapping[str, Mapping[str, float]]


class RunPage(BaseModel):
    """Evaluations and the cursor for more."""

    items: list[RunBody]
    next_cursor: str | None


class RunOrder(Body):
    """What to measure: the judged answers, or nothing, when a saved run is sent to be kept."""

    run: dict[str, object] | None = None


class FitBody(_FromRow):
    """What was found for one language; ``change`` is measured on held-out questions."""

    language: str
    questions: int
    present: float
    proposed: float
    before: float
    held_out: float
    change: IntervalBody | None
    is_accepted: bool
    reason: str


class FitOrder(Body):
    """Whether weights that pass the gate are to hold from now on."""

    apply: bool = False


class FitResult(BaseModel):
    """The fits, and the weights that hold after it."""

    fits: list[FitBody]
    is_applied: bool
    ranking: RankingBody


class RankingOrder(Body):
    """Weights to use from now on, and where they are from."""

    dense_weight_en: float = Field(ge=0, le=1)
    dense_weight_de: float = Field(ge=0, le=1)
    source: str = Field(default="set by hand", max_length=200)


class RankingState(BaseModel):
    """The weights that hold; ``source`` says why, ``settings`` for those of the deployment."""

    ranking: RankingBody
    source: Literal["settings", "tenant"]
    evidence: Mapping[str, object]
    changed_by: UUID | None
    changed_at: datetime | None

    @classmethod
    def of(cls, ranking: object, row: OwnRanking | None) -> RankingState:
        """Say which weights hold and why."""
        return cls(
            ranking=RankingBody.model_validate(ranking),
            source="settings" if row is None else "tenant",
            evidence={} if row is None else row.evidence,
            changed_by=None if row is None else row.created_by,
            changed_at=None if row is None else row.created_at,
        )
