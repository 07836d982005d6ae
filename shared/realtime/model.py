"""Jobs, their stages and hops, and the topics a connection may listen to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId, JobId, UserId, VersionId

_TOPIC = re.compile(r"(uploads|(job|document):[0-9a-f-]{36})")


class Stage(StrEnum):
    """How far an upload has come; the six stage names are part of the public contract."""

    WAITING = "waiting"
    UPLOADED = "uploaded"
    ANALYZING = "analyzing"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    COMPLETED = "completed"
    FAILED = "failed"


FINAL = frozenset({Stage.COMPLETED, Stage.FAILED})


@dataclass(frozen=True, slots=True)
class Job:
    """One upload on its way to being answerable. ``progress`` runs from 0 to 1."""

    id: JobId
    stage: str
    progress: float
    detail: str
    subject: str
    document_id: DocumentId | None
    version_id: VersionId | None
    correlation_id: str
    created_by: UserId
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing that happened to a job, in order of ``sequence``."""

    job_id: JobId
    sequence: int
    at: datetime
    stage: str
    progress: float
    step: str
    detail: str
    duration_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """News of a job: the stage it reached, by which step, and what a person should know."""

    job_id: JobId
    stage: Stage
    progress: float
    step: str
    detail: str = ""
    document_id: DocumentId | None = None
    version_id: VersionId | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """A connection that subscribed to a topic."""

    connection_id: str


def check_topic(topic: object) -> str:
    """Return the topic if it is one of ours; raises InvalidError otherwise."""
    if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
        raise InvalidError(
            "There is no such topic.", hint="Use uploads, job:<id> or document:<id>."
        )
    return topic


def topics_of(job_id: UUID | str, document_id: UUID | str | None) -> list[str]:
    """List the topics on which news of a job is heard."""
    topics = ["uploads", f"job:{job_id}"]
    if document_id:
        topics.append(f"document:{document_id}")
    return topics
