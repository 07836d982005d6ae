"""What people think of answers, and what can be learned from it: judged questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.kernel.ids import DocumentId, MessageId, UserId, VersionId

Verdict = Literal["up", "down"]
Reason = Literal["", "wrong", "incomplete", "outdated", "wrong_source", "not_answered", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Where the right answer stands: a document, or a span of one version's text."""

    document_id: DocumentId
    version_id: VersionId | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one person says of one answer."""

    verdict: Verdict
    reason: Reason = ""
    comment: str = ""
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's opinion with the question and the answer it is about."""

    message_id: MessageId
    user_id: UserId
    verdict: str
    reason: str
    comment: str
    document_id: DocumentId | None
    version_id: VersionId | None
    span_start: int | None
    span_end: int | None
    question: str
    answer: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Gold:
    """A place that answers a question; without a span, the whole document is meant."""

    document_id: DocumentId
    version_id: VersionId | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    """A question whose right sources somebody confirmed or corrected."""

    message_id: MessageId
    question: str
    verdict: str
    golds: tuple[Gold, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a found passage stands, and which other documents say the same."""

    id: UUID
    document_id: DocumentId
    version_id: VersionId
    start: int
    end: int
    also_in: tuple[DocumentId, ...] = ()


def judge(places: Sequence[Place], golds: Sequence[Gold]) -> tuple[list[str], Mapping[str, int]]:
    """Return a ranking of passages and its grades, both by name, as the measures read them.

    A passage is relevant when it overlaps a gold's span; where the document has another version
    by now, or no span was given, when it stands in the gold's document. Golds that one passage
    covers together are one.
    """
    open_golds = dict(enumerate(golds))
    grades: dict[str, int] = {}
    ranked: list[str] = []
    for place in places:
        covered = [number for number, gold in open_golds.items() if _covers(place, gold)]
        name = str(place.id)
        ranked.append(name)
        if covered:
            grades[name] = 1
        for number in covered:
            del open_golds[number]
    return ranked, grades | {f"missed {number}": 1 for number in open_golds}


def _covers(place: Place, gold: Gold) -> bool:
    if place.document_id != gold.document_id:
        return gold.document_id in place.also_in
    if gold.start is None or gold.end is None or gold.version_id != place.version_id:
        return True
    return place.start < gold.end and gold.start < place.end
