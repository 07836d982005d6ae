"""What every transport of searching and asking shares: the question's body and its citations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.answering import service as answering
from shared.answering.model import Instruments, Question
from shared.kernel.errors import InvalidError
from shared.kernel.ids import CollectionId, ConversationId, DocumentId, TenantId
from shared.search.model import LONGEST_QUERY, Filters
from shared.search.tuning import ranking_of
from shared.wiring import App

Names = Annotated[list[str], Field(min_length=1, max_length=1000)]


class FiltersBody(BaseModel):
    """Where to look; what is left out restricts nothing."""

    model_config = ConfigDict(extra="forbid")

    folder: str | None = Field(default=None, max_length=4096, examples=["contracts/2026"])
    document_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = None
    media_types: Names | None = None
    languages: Names | None = Field(default=None, examples=[["de", "en"]])
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: dict[str, str | int | float | bool | None] | None = None
    collection: UUID | None = None
    tags: Names | None = Field(default=None, examples=[["signed"]])

    def filters(self) -> Filters:
        """Return the filters as search knows them."""
        return Filters(
            folder=self.folder,
            document_ids=_tuple([DocumentId(each) for each in self.document_ids or ()]),
            media_types=_tuple(self.media_types),
            languages=_tuple(self.languages),
            created_after=self.created_after,
            created_before=self.created_before,
            metadata=self.metadata,
            collection=None if self.collection is None else CollectionId(self.collection),
            tags=_tuple(self.tags),
        )


class CellBody(BaseModel):
    """A cell of a table with the headers it stands under; rows and columns count from 0.

    ``start`` and ``end`` are its place in the text, ``box`` is ``[x0, y0, x1, y1]`` on ``page``.
    ``is_asked`` marks the cells that share most words, headers included, with the question.
    """

    model_config = ConfigDict(from_attributes=True)

    table: int
    row: int
    column: int
    row_span: int
    column_span: int
    row_header: str
    column_header: str
    text: str
    start: int
    end: int
    page: int | None
    box: tuple[float, float, float, float] | None
    is_asked: bool


class AskBody(BaseModel):
    """A question, the conversation it continues, and where to look."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(max_length=LONGEST_QUERY, examples=["Wie lang ist die Kündigungsfrist?"])
    conversation_id: UUID | None = None
    filters: FiltersBody = Field(default_factory=FiltersBody)

    def asked(self) -> Question:
        """Return the question as answering knows it."""
        conversation_id = self.conversation_id
        return Question(
            text=self.question,
            conversation_id=None if conversation_id is None else ConversationId(conversation_id),
            filters=self.filters.filters(),
        )


def read_question(fields: dict[str, Any]) -> Question:
    """Read a question from a frame; raises InvalidError naming every field that is wrong."""
    try:
        return AskBody.model_validate(fields).asked()
    except ValidationError as error:
        wrong = {".".join(map(str, e["loc"])): str(e["msg"]) for e in error.errors()}
        listed = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise InvalidError(f"The question is not valid: {listed}.", fields=wrong) from error


def instruments_of(app: App, tenant_id: TenantId) -> Instruments:
    """Take from the App what answering works with: the tenant's own model and weights, too."""
    with app.database.transaction(tenant_id) as session:
        embedder, ranking = app.embedder_in(session), ranking_of(session, app.settings)
    return answering.instruments(
        app.settings,
        database=app.database,
        embedder=embedder,
        open_language_model=lambda: app.language_model,
        ranking=ranking,
    )


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return tuple(values) if values else None
