"""What is done anew and why, how far it is, and the rules of its states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.kernel.ids import DocumentId, UserId, VersionId

Reason = Literal["parser", "chunking", "model"]
State = Literal["running", "ready", "switching", "switched", "reverting", "reverted", "abandoned"]
ItemState = Literal["planned", "running", "ready", "failed", "switched", "reverted", "gone"]

AT_ONCE = 8
"""Workflows of one reprocessing that run side by side: uploads must not wait for them."""

MOST_ATTEMPTS = 4
LEAST_TEXT_SHARE = 0.8
"""A new reading with less of the letters than this has probably lost a part of the document."""


@dataclass(frozen=True, slots=True)
class Reprocessing:
    """One reprocessing of a document, a folder or (neither named) the whole tenant.

    ``model`` and ``model_id`` are the new embedding model where that is the ``reason``. ``gate``
    is what the gate last measured.
    """

    id: UUID
    reason: Reason
    document_id: DocumentId | None
    folder: str
    model: str
    model_id: int | None
    state: State
    gate: dict[str, object]
    started_by: UserId
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One version of a reprocessing: which reading it gets, and which one it has had."""

    version_id: VersionId
    document_id: DocumentId
    reading: int
    former_reading: int
    state: ItemState
    attempt: int
    detail: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be done anew, and why; it keeps what it has."""

    document_id: DocumentId
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A reprocessing, how many of its documents are in which state, and the first failures."""

    reprocessing: Reprocessing
    counts: Mapping[str, int]
    failures: list[Failure] = field(default_factory=list)

    @property
    def is_worked_on(self) -> bool:
        """Whether documents are still being read or embedded."""
        return any(self.counts.get(state, 0) for state in ("planned", "running"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants done anew."""

    reason: Reason
    document_id: DocumentId | None = None
    folder: str = ""
    model: str = ""
