"""What the routes of webhooks take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Events = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100)]],
    Field(min_length=1, max_length=100, examples=[["document.completed", "folder.*"]]),
]


class EndpointRequest(BaseModel):
    """Whom to tell what; ``events`` may hold ``*`` and ``document.*``."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2000, examples=["https://example.org/kontor"])
    events: Events
    description: str = Field(default="", max_length=500)


class EndpointChange(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, min_length=1, max_length=2000)
    events: Events | None = None
    description: str | None = Field(default=None, max_length=500)
    state: Literal["active", "paused"] | None = None


class EndpointAnswer(BaseModel):
    """An endpoint; ``detail`` says why it was disabled.

    Until ``former_until`` messages carry a signature of the former secret, too.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str
    description: str
    events: list[str]
    state: str
    detail: str
    failing_since: datetime | None
    former_until: datetime | None
    created_at: datetime


class EndpointMade(EndpointAnswer):
    """An endpoint with its secret, which is shown only now."""

    secret: str


class EndpointsAnswer(BaseModel):
    """All endpoints."""

    items: list[EndpointAnswer]


class EventAnswer(BaseModel):
    """An event that can be asked for."""

    name: str
    description: str


class EventsAnswer(BaseModel):
    """All events that can be asked for."""

    items: list[EventAnswer]


class DeliveryAnswer(BaseModel):
    """One event for one endpoint: waiting, delivered, or dead (given up on)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    event: str
    state: str
    attempts: int
    due_at: datetime
    status: int | None
    detail: str
    duration_ms: int | None
    created_at: datetime
    finished_at: datetime | None


class DeliveryPage(BaseModel):
    """Deliveries, newest first."""

    items: list[DeliveryAnswer]
    next_cursor: str | None


class ReplayRequest(BaseModel):
    """Which deliveries: some by id (``ids``) or ``all`` given up on, 200 at a time; one of them."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(default_factory=list, max_length=200)
    all: bool = False


class ReplayAnswer(BaseModel):
    """What was set going."""

    replayed: list[UUID]


class SourceRequest(BaseModel):
    """Who may tell us something.

    ``scheme`` is how they sign: Standard Webhooks, or as GitHub does. ``effect`` is ``event``
    (``webhook.received`` goes out), ``document``: each message becomes a document in ``folder``,
    or ``reread``: each has ``folder`` read anew, or the ``document_id`` in it that it names.
    ``secret`` is one the sender has already.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    scheme: Literal["standard", "github"] = "standard"
    effect: Literal["event", "document", "reread"] = "event"
    folder: str = Field(default="", max_length=4096)
    secret: str | None = Field(default=None, max_length=200)


class SourceAnswer(BaseModel):
    """Who may tell us something, and the path they post to."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    scheme: str
    effect: str
    folder: str
    received: int
    received_at: datetime | None
    created_at: datetime
    path: str


class SourceMade(SourceAnswer):
    """A source with its secret, which is shown only now."""

    secret: str


class SourcesAnswer(BaseModel):
    """All sources."""

    items: list[SourceAnswer]
