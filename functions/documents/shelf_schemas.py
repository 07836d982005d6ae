"""Bodies of folders, collections and the trash, as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from functions.documents.schemas import FromRow
from functions.edge.bodies import Body

# JSON has no ids, only texts.
AskedId = Annotated[UUID, Field(strict=False)]


class FolderBody(FromRow):
    """A folder."""

    id: UUID
    parent_id: UUID | None
    name: str = Field(examples=["2026"])
    path: str = Field(examples=["contracts/2026"])
    created_at: datetime


class FolderPage(BaseModel):
    """Folders and the cursor for more."""

    items: list[FolderBody]
    next_cursor: str | None


class NewFolder(Body):
    """Where a folder is to be."""

    path: str = Field(min_length=1, max_length=4096, examples=["contracts/2026"])


class FolderChange(Body):
    """Where a folder is to be from now on, with everything in it; this also renames it."""

    path: str = Field(min_length=1, max_length=4096, examples=["archive/contracts/2026"])


class FolderRemoval(BaseModel):
    """How many documents went into the trash; repeat the request until ``is_complete``."""

    removed_documents: int
    is_complete: bool


class CollectionBody(FromRow):
    """A named set of documents, whatever folders they lie in."""

    id: UUID
    name: str = Field(examples=["Board meeting"])
    description: str
    document_count: int
    created_by: UUID
    created_at: datetime
    updated_at: datetime


class CollectionPage(BaseModel):
    """Collections and the cursor for more."""

    items: list[CollectionBody]
    next_cursor: str | None


class NewCollection(Body):
    """A collection to be made."""

    name: str = Field(min_length=1, max_length=255, examples=["Board meeting"])
    description: str = Field(default="", max_length=4000)


class CollectionChange(Body):
    """What to change; absent fields stay."""

    name: str | None = Field(default=None, min_length=1, max_length=255, examples=["Board 2026"])
    description: str | None = Field(default=None, max_length=4000)


class DocumentIds(Body):
    """Documents to put into a collection; all or none."""

    document_ids: list[AskedId] = Field(min_length=1, max_length=1000)


class Added(BaseModel):
    """How many documents were not in the collection before."""

    added: int


class RemovedBody(FromRow):
    """A document in the trash; ``folder`` is where it goes back to, until ``erased_at``."""

    id: UUID
    title: str = Field(examples=["Report"])
    folder: str = Field(examples=["contracts/2026"])
    media_type: str
    size_bytes: int
    version: int
    created_by: UUID
    removed_by: UUID | None
    removed_at: datetime
    erased_at: datetime


class Trash(BaseModel):
    """The trash, last removed first, and the cursor for more."""

    items: list[RemovedBody]
    next_cursor: str | None
