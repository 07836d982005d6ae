"""What every transport of searching and asking shares: the question's body and its citations."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationError

from functions.edge.bodies import Body, Metadata, Moment, Name
from functions.edge.citing import CellBody as CellBody  # noqa: PLC0414 - asked for here, too
from shared.answering import service as answering
from shared.answering.model import LONGEST_QUESTION, Instruments, Question
from shared.generation.language_models import LanguageModel
from shared.generation.model import Purpose
from shared.kernel.errors import InvalidError
from shared.kernel.ids import (
    CollectionId,
    ConversationId,
    DocumentId,
    MessageId,
    TenantId,
    UserId,
    VersionId,
)
from shared.search.model import Filters
from shared.search.tuning import ranking_of
from shared.wiring import App

Names = Annotated[list[Name], Field(min_length=1, max_length=1000)]


class FiltersBody(Body):
    """Where to look; what is left out restricts nothing."""

    folder: str | None = Field(default=None, max_length=4096, examples=["contracts/2026"])
    document_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = None
    media_types: Names | None = None
    languages: Names | None = Field(default=None, examples=[["de", "en"]])
    created_after: Moment | None = None
    created_before: Moment | None = None
    metadata: Metadata | None = None
    collection: UUID | None = None
    tags: Names | None = Field(default=None, examples=[["signed"]])
    version_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = None
    kinds: Names | None = Field(default=None, examples=[["document"]])

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
            version_ids=_tuple([VersionId(each) for each in self.version_ids or ()]),
            kinds=_tuple(self.kinds),
        )


class AskBody(Body):
    """A question, the conversation it continues, and where to look.

    ``edits`` is the id of an earlier question that this one takes the place of; ``regenerates``
    that of a question, or of its answer, that is answered anew (``question`` stays empty). Both
    begin a branch of their conversation: send one of the two, and if ``conversation_id`` is sent
    with it, it is that message's own.
    """

    question: str = Field(
        default="", max_length=LONGEST_QUESTION, examples=["Wie lang ist die Kündigungsfrist?"]
    )
    conversation_id: UUID | None = None
    edits: UUID | None = None
    regenerates: UUID | None = None
    filters: FiltersBody = Field(default_factory=FiltersBody)

    def asked(self) -> Question:
        """Return the question as answering knows it."""
        conversation_id = self.conversation_id
        return Question(
            text=self.question,
            conversation_id=None if conversation_id is None else ConversationId(conversation_id),
            filters=self.filters.filters(),
            edits=None if self.edits is None else MessageId(self.edits),
            regenerates=None if self.regenerates is None else MessageId(self.regenerates),
        )


def read_question(fields: dict[str, Any]) -> Question:
    """Read a question from a frame; raises InvalidError naming every field that is wrong."""
    try:
        return AskBody.model_validate(fields).asked()
    except ValidationError as error:
        wrong = {".".join(map(str, e["loc"])): str(e["msg"]) for e in error.errors()}
        listed = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise InvalidError(f"The question is not valid: {listed}.", fields=wrong) from error


def instruments_of(app: App, tenant_id: TenantId, user_id: UserId | None = None) -> Instruments:
    """Take from the App what answering works with: the tenant's own model and weights, too.

    Language models are asked in the name of ``user_id``, whose budget they count against.
    """

    def open_language_model(purpose: Purpose = "chat") -> LanguageModel | None:
        return app.language_model(tenant_id, user_id, purpose)

    with app.database.transaction(tenant_id) as session:
        embedder, ranking = app.embedder_in(session), ranking_of(session, app.settings)
    return answering.instruments(
        app.settings,
        database=app.database,
        embedder=embedder,
        open_language_model=open_language_model,
        ranking=ranking,
    )


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return tuple(values) if values else None
