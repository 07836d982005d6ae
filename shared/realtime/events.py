"""What realtime announces: every stage a job reaches."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kernel.events import Event
from shared.kernel.ids import DocumentId, JobId, VersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReached(Event):
    """A job came further, finished or failed; ``at`` is ISO 8601, ``sequence`` orders a job's."""

    job_id: JobId
    document_id: DocumentId | None
    version_id: VersionId | None
    subject: str
    stage: str
    progress: float
    detail: str
    step: str
    sequence: int
    at: str
