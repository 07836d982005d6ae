"""Bodies of documents, their versions and jobs, as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from functions.edge.bodies import Body, Metadata, Name


class FromRow(BaseModel):
    """A body built from a row's attributes."""

    model_config = ConfigDict(from_attributes=True)


class VersionBody(FromRow):
    """One immutable content of a document.

    ``sha256`` is the content's hash; ``parser`` (with its version), ``options`` and
    ``embedding_model`` say how it was read; ``extracted`` is what the file says of itself.
    """

    id: UUID
    number: int = Field(examples=[2])
    filename: str = Field(examples=["report.pdf"])
    media_type: str = Field(examples=["application/pdf"])
    size_bytes: int
    sha256: str = Field(
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
    )
    stage: str = Field(examples=["completed"])
    failure: str
    parser: str = Field(examples=["pdf 3"])
    options: dict[str, object] = Field(examples=[{"ocr_languages": ["deu", "eng"]}])
    extracted: dict[str, object] = Field(examples=[{"author": "Mia Beck"}])
    embedding_model: str
    language: str
    page_count: int | None
    chunk_count: int
    warnings: list[str]
    created_by: UUID
    created_at: datetime
    completed_at: datetime | None

    @field_validator("sha256", mode="before")
    @classmethod
    def _hex(cls, value: object) -> object:
        return value.hex() if isinstance(value, bytes) else value


class VersionList(BaseModel):
    """A document's versions, newest first; ``current`` is the number of the searched one."""

    items: list[VersionBody]
    current: int | None


class MemberBody(FromRow):
    """A file that came inside a document: a mail's attachment, an archive's member.

    ``state`` is waiting, received, duplicate (``document_id`` was here before) or rejected (the
    job ``id`` tells why).
    """

    id: UUID
    name: str = Field(examples=["report.pdf"])
    state: str = Field(examples=["received"])
    document_id: UUID | None


class CollectionName(FromRow):
    """A collection as a document names it."""

    id: UUID
    name: str = Field(examples=["Board meeting"])


class DocumentBody(FromRow):
    """A document with the state of the version that counts, whose number is ``version``.

    That is the newest, or the one somebody went back to; ``current_version`` is the one that is
    searched (none before the first is ready). ``metadata`` and ``tags`` are what people said,
    ``extracted`` what the file says of itself. ``parent_document_id`` is the mail or archive it
    came inside. ``versions``, ``members`` and ``collections`` come with one document, not in lists.
    """

    id: UUID
    title: str = Field(examples=["Report"])
    folder: str = Field(examples=["contracts/2026"])
    filename: str = Field(examples=["report.pdf"])
    media_type: str = Field(examples=["application/pdf"])
    language: str = Field(examples=["de"])
    stage: str = Field(examples=["completed"])
    failure: str
    size_bytes: int
    page_count: int | None
    chunk_count: int
    version: int
    current_version: int | None
    job_id: UUID
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, object] = Field(examples=[{"year": 2026}])
    tags: list[str] = Field(examples=[["lease", "signed"]])
    extracted: dict[str, object] = Field(examples=[{"author": "Mia Beck"}])
    parent_document_id: UUID | None = None
    members: list[MemberBody] | None = None
    versions: list[VersionBody] | None = None
    collections: list[CollectionName] | None = None


class DocumentPage(BaseModel):
    """Documents and the cursor for more."""

    items: list[DocumentBody]
    next_cursor: str | None


class DocumentChange(Body):
    """What to change; absent fields stay.

    ``metadata`` is merged into what is there, ``null`` takes a name out; with ``metadata_mode``
    "replace" it is all there is. ``tags`` replaces all tags, the other two change some.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "Lease 2026", "metadata": {"year": 2026}, "add_tags": ["signed"]}
            ]
        },
    )

    title: str | None = Field(default=None, max_length=1024)
    folder: str | None = Field(default=None, max_length=4096)
    metadata: Metadata | None = Field(default=None, max_length=64)
    metadata_mode: Literal["merge", "replace"] = "merge"
    tags: list[Name] | None = Field(default=None, max_length=100)
    add_tags: list[Name] = Field(default_factory=list, max_length=100)
    remove_tags: list[Name] = Field(default_factory=list, max_length=100)


class TagCount(FromRow):
    """A tag and how many documents carry it."""

    tag: str = Field(examples=["signed"])
    document_count: int


class TagList(BaseModel):
    """The tags in use, the most used first."""

    items: list[TagCount]


class HopBody(FromRow):
    """One thing that happened to a job."""

    job_id: UUID
    sequence: int
    at: datetime
    stage: str
    progress: float
    step: str
    detail: str
    duration_ms: int | None


class Trace(BaseModel):
    """A document's story."""

    hops: list[HopBody]


class OriginalBody(FromRow):
    """The document that has an upload's bytes already, and where it is."""

    document_id: UUID
    title: str = Field(examples=["Report"])
    folder: str = Field(examples=["contracts/2026"])
    is_removed: bool


class JobBody(FromRow):
    """An upload on its way; ``progress`` runs from 0 to 1.

    ``duplicate_of`` is set when the upload brought nothing new.
    """

    id: UUID
    stage: str
    progress: float
    detail: str
    subject: str
    document_id: UUID | None
    version_id: UUID | None
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    duplicate_of: OriginalBody | None = None
    events: list[HopBody] | None = None


class JobPage(BaseModel):
    """Jobs and the cursor for more."""

    items: list[JobBody]
    next_cursor: str | None
