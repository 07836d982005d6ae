"""What conversations and citations look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.edge.bodies import Body
from functions.edge.citing import CitationBody


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ConversationBody(_FromRow):
    """A conversation of the caller's."""

    id: UUID
    title: str
    is_pinned: bool
    is_archived: bool
    created_at: datetime
    updated_at: datetime


class ConversationPage(BaseModel):
    """Conversations and the cursor for more."""

    items: list[ConversationBody]
    next_cursor: str | None


class ConversationChange(Body):
    """What is to change; what is left out stays as it is."""

    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    is_pinned: bool | None = None
    is_archived: bool | None = None


class MessageBody(_FromRow):
    """One question or answer.

    ``siblings`` are the messages in its place in all branches, itself included, oldest first;
    ``condensed`` is what a question was understood as, where its own words do not stand alone.
    """

    id: UUID
    role: str
    content: str
    state: str
    answerer: str
    confidence: float | None
    created_at: datetime
    parent_id: UUID | None
    siblings: list[UUID]
    condensed: str
    citations: list[CitationBody]


class ThreadBody(ConversationBody):
    """A conversation with everything said in the branch that is shown, oldest first."""

    messages: list[MessageBody]


class FoundBody(_FromRow):
    """A message that holds the words looked for."""

    message_id: UUID
    conversation_id: UUID
    title: str
    role: str
    snippet: str
    created_at: datetime


class FoundPage(BaseModel):
    """Found messages, newest first, and the cursor for more."""

    items: list[FoundBody]
    next_cursor: str | None


class ExportBody(BaseModel):
    """A conversation as a file."""

    filename: str
    media_type: str
    content: str


class KeepingBody(Body):
    """How many days conversations are kept after their last question; 0 keeps them for good."""

    keep_days: int = Field(ge=0, le=36500)


class ImageBody(BaseModel):
    """A page's picture: fetch it within ``expires_in`` seconds. Sizes are those boxes are in."""

    url: str
    expires_in: int
    page: int
    width: float | None
    height: float | None


class CitedDocumentBody(_FromRow):
    """What became of the cited document.

    ``current``: the cited version is the one that is searched; ``superseded``: another one is;
    ``removed``: it is in the trash; ``erased``: it is gone for good, and the quote with it.
    ``title`` and ``folder`` are what they are now, ``cited_title`` is what it was called then.
    """

    state: Literal["current", "superseded", "removed", "erased"]
    title: str
    cited_title: str
    folder: str
    is_renamed: bool
    cited_version: int | None
    current_version: int | None


class EvidenceBody(CitationBody):
    """A citation with what it stands on: where, in which words, on which page.

    ``before`` and ``after`` are the words around the quote in the cited version. ``is_exact``:
    the quote was compared with that version's text just now, character by character.
    """

    document: CitedDocumentBody
    before: str
    after: str
    is_exact: bool
    image: ImageBody | None
