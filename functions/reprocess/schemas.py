"""Bodies of the routes of reading settings and reprocessings."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.edge.bodies import Body, Name
from shared.ingestion.preferences import ReadingSettings
from shared.kernel.ids import DocumentId
from shared.reprocessing.model import Order, Progress


class SettingsBody(Body):
    """How a tenant's documents are read from now on; what is left out takes its default.

    ``structured`` chunks follow sections, sentences and tables; ``fixed`` ones are windows of
    ``chunk_tokens`` that share ``overlap_tokens``, at most half of them (0 for a ``strategy`` whose
    chunks do not overlap). ``ocr_languages`` are Tesseract's names.
    """

    model_config = ConfigDict(from_attributes=True)

    strategy: Literal["structured", "fixed"] = "structured"
    chunk_tokens: int = Field(default=224, examples=[224])
    overlap_tokens: int = 0
    ocr_languages: list[Name] = Field(default=["deu", "eng"], max_length=8)

    def settings(self) -> ReadingSettings:
        """Return the settings as ingestion knows them."""
        return ReadingSettings(
            strategy=self.strategy,
            chunk_tokens=self.chunk_tokens,
            overlap_tokens=self.overlap_tokens,
            ocr_languages=tuple(self.ocr_languages),
        )


class OrderBody(Body):
    """What to do anew: a document, a folder, or with neither everything.

    ``parser`` reads the files again, ``chunking`` cuts what was read as the settings now say,
    ``model`` embeds everything by the embedding model that is named. ``document_id`` and ``folder``
    do not go together; ``model`` is named exactly for the ``reason`` model, which takes neither.
    """

    reason: Literal["parser", "chunking", "model"]
    document_id: UUID | None = None
    folder: str = Field(default="", max_length=4096, examples=["contracts/2026"])
    model: str = Field(default="", max_length=200)

    def order(self) -> Order:
        """Return the order as reprocessing knows it."""
        return Order(
            reason=self.reason,
            document_id=None if self.document_id is None else DocumentId(self.document_id),
            folder=self.folder.strip("/ "),
            model=self.model,
        )


class SwitchBody(Body):
    """Whether to switch although the gate is shut."""

    force: bool = False


class FailureBody(BaseModel):
    """A document that could not be done anew; it keeps what it has."""

    model_config = ConfigDict(from_attributes=True)

    document_id: UUID
    title: str
    detail: str


class ReprocessingBody(BaseModel):
    """A reprocessing and how far it is; ``counts`` are documents by state."""

    id: UUID
    reason: str
    document_id: UUID | None
    folder: str
    model: str
    state: str
    counts: dict[str, int]
    gate: dict[str, object]
    failures: list[FailureBody]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, progress: Progress) -> ReprocessingBody:
        """Write a reprocessing's progress."""
        found = progress.reprocessing
        return cls(
            id=found.id,
            reason=found.reason,
            document_id=found.document_id,
            folder=found.folder,
            model=found.model,
            state=found.state,
            counts=dict(progress.counts),
            gate=found.gate,
            failures=[FailureBody.model_validate(each) for each in progress.failures],
            created_at=found.created_at,
            updated_at=found.updated_at,
        )


class ReprocessingPage(BaseModel):
    """The last reprocessings, newest first."""

    items: list[ReprocessingBody]


class Dropped(BaseModel):
    """How many documents are left to do: call again until it is 0."""

    left: int
