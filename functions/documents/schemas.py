"""Bodies of the documents routes, as clients see them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Metadata = dict[str, str | int | float | bool | None]


class FromRow(BaseModel):
    """A body built from a row's attributes."""

    model_config = ConfigDict(from_attributes=True)


class VersionBody(FromRow):
    """One immutable content of a document."""

    id: UUID
    number: int
    filename: str
    media_type: str
    size_bytes: int
    stage: str
    failure: str
    parser: str
    embedding_model: str
    language: str
    page_count: int | None
    chunk_count: int
    warnings: list[str]
    created_at: datetime
    completed_at: datetime | None


class MemberBody(FromRow):
    """A file that came inside a document: a mail's attachment, an archive's member.

    ``state`` is waiting, received, duplicate (``document_id`` was here before) or rejected (the
    job ``id`` tells why).
    """

    id: UUID
    name: str
    state: str
    document_id: UUID | None


class DocumentBody(FromRow):
    """A document with the state of its newest version; ``version`` is that version's number.

    ``parent_document_id`` is the mail or archive it came inside.
    """

    id: UUID
    title: str
    folder: str
    media_type: str
    language: str
    stage: str
    failure: str
    size_bytes: int
    page_count: int | None
    chunk_count: int
    version: int
    job_id: UUID
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, object]
    parent_document_id: UUID | None = None
    members: list[MemberBody] | None = None
    versions: list[VersionBody] | None = None


class DocumentPage(BaseModel):
    """Documents and the cursor for more."""

    items: list[DocumentBody]
    next_cursor: str | None


class DocumentChange(BaseModel):
    """What to change; absent fields stay."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str | None = Field(default=None, max_length=1024)
    folder: str | None = Field(default=None, max_length=4096)
    metadata: Metadata | None = Field(default=None, max_length=64)


class TextBody(BaseModel):
    """A version's canonical text."""

    version_id: UUID
    text: str


class DownloadBody(BaseModel):
    """An address that works for ``expires_in`` seconds."""

    url: str
    expires_in: int


class FolderBody(FromRow):
    """A folder."""

    id: UUID
    parent_id: UUID | None
    name: str
    path: str
    created_at: datetime


class FolderPage(BaseModel):
    """Folders and the cursor for more."""

    items: list[FolderBody]
    next_cursor: str | None


class NewFolder(BaseModel):
    """Where a folder is to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: str = Field(min_length=1, max_length=4096, examples=["contracts/2026"])


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


class JobBody(FromRow):
    """An upload on its way; ``progress`` runs from 0 to 1."""

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
    events: list[HopBody] | None = None


class JobPage(BaseModel):
    """Jobs and the cursor for more."""

    items: list[JobBody]
    next_cursor: str | None
