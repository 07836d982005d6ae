"""The end of an ingest that did not succeed: the file's fault, a wait, or a dead letter."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.adapters import outbox
from shared.adapters.database import Database, Session
from shared.adapters.outbox import leave_receipt
from shared.documents import service as documents
from shared.documents.model import Version
from shared.ingestion.service import ChunkIndex, failure_reason, settle_failed
from shared.ingestion.task import IngestTask
from shared.kernel.clock import now
from shared.kernel.errors import NotFoundError
from shared.kernel.failures import Failure
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage
from shared.recovery import store

logger = logging.getLogger(__name__)
CONSUMER = "settle"
INTERRUPTED = "interrupted"
PERMANENT_NAMES = frozenset(
    {
        "InvalidError",
        "UnsupportedError",
        "TooLargeError",
        "NotFoundError",
        "RefusedError",
        "ConflictError",
    }
)
INFRASTRUCTURE_NAMES = frozenset(
    {
        "UnavailableError",
        "LimitedError",
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "Lambda.SdkClientException",
        "Lambda.AWSLambdaException",
    }
)
# A step that ran out of its time may have been frozen with its machine: it gets more tries.
TIMEOUT_ATTEMPTS = 3
REDRIVABLE = "An administrator can start it again: see `kontor dlq list`."


@dataclass(frozen=True, slots=True)
class Settler:
    """Decides what becomes of a version whose workflow failed."""

    database: Database
    chunk_index: ChunkIndex
    give_up_after_s: float

    def settle(self, task: IngestTask, error: Mapping[str, object]) -> dict[str, object]:
        """Answer a workflow's caught error (``Error``, ``Cause``); repeating it changes nothing.

        Permanent: the version fails with its reason. Infrastructure: it stays unfinished and the
        sweep starts it again, until ``give_up_after_s`` after the first time. Unknown: it fails
        and leaves a dead letter.
        """
        failure = class_of(error)
        reason = failure_reason(error)
        if failure is Failure.PERMANENT:
            return self._fail(task, reason)
        if failure is Failure.INFRASTRUCTURE and not self._is_overdue(task):
            return self._wait(task, INTERRUPTED, f"{_message(error)} It goes on by itself.".strip())
        if is_timeout(error) and task.attempt < TIMEOUT_ATTEMPTS:
            return self._wait(task, "timed_out", "This took too long; it is tried again.")
        if failure is Failure.INFRASTRUCTURE:
            reason = f"{_message(error)} It was waited for in vain. {REDRIVABLE}".strip()
        return self.give_up(task, reason, f"{error.get('Error', '')}: {_message(error)}")

    def give_up(self, task: IngestTask, reason: str, error: str) -> dict[str, object]:
        """Fail a version with a reason and leave a dead letter, from which it can be redriven."""
        answer = self._fail(task, reason)
        with self.database.transaction(task.tenant_id) as session:
            try:
                version = documents.find_version(session, task.version_id)
            except NotFoundError:
                return answer
            key = f"{task.version_id}/dead/{task.attempt}"
            if version.stage == Stage.FAILED and leave_receipt(session, CONSUMER, key, {}):
                store.record_letter(
                    session,
                    source="ingest",
                    subject=task.version_id,
                    title=version.filename,
                    reason=reason,
                    error=error,
                    correlation_id=task.correlation_id,
                )
                reach("settle.buried")
        return {**answer, "outcome": "dead"}

    def _fail(self, task: IngestTask, reason: str) -> dict[str, object]:
        return settle_failed(self.database, task, reason, chunk_index=self.chunk_index)

    def _wait(self, task: IngestTask, outcome: str, detail: str) -> dict[str, object]:
        """Leave the version to the sweep, and tell whoever watches why nothing moves."""
        with self.database.transaction(task.tenant_id) as session:
            key = f"{task.version_id}/waiting/{task.attempt}"
            if leave_receipt(session, CONSUMER, key, {"outcome": outcome}):
                self._tell(session, task, detail)
                reach("settle.waiting")
        logger.warning("ingest waits", extra={"version_id": str(task.version_id), "why": detail})
        return {"outcome": "waiting", "reason": detail}

    def _tell(self, session: Session, task: IngestTask, detail: str) -> None:
        version = _open_version(session, task)
        if version is None:
            return
        job = realtime.find_job(session, task.job_id)
        documents.advance(session, version.id, version.stage)
        realtime.report(
            session,
            Report(
                job_id=task.job_id,
                stage=Stage(version.stage),
                progress=job.progress,
                step=CONSUMER,
                detail=detail,
                document_id=task.document_id,
                version_id=task.version_id,
            ),
        )

    def _is_overdue(self, task: IngestTask) -> bool:
        with self.database.transaction(task.tenant_id) as session:
            waits = count_interruptions(session, task)
        limit = timedelta(seconds=self.give_up_after_s)
        return waits.since is not None and now() - waits.since > limit


def count_interruptions(session: Session, task: IngestTask) -> outbox.Interruptions:
    """Tell how often a version's workflow ended for want of something, and since when."""
    return outbox.find_interruptions(session, CONSUMER, f"{task.version_id}/waiting/", INTERRUPTED)


def class_of(error: Mapping[str, object]) -> Failure:
    """Tell which class a workflow's caught error belongs to, by its name."""
    name = str(error.get("Error", ""))
    if name in PERMANENT_NAMES:
        return Failure.PERMANENT
    return Failure.INFRASTRUCTURE if name in INFRASTRUCTURE_NAMES else Failure.UNKNOWN


def is_timeout(error: Mapping[str, object]) -> bool:
    """Tell whether a step was stopped because its time was over."""
    name = str(error.get("Error", ""))
    return "Timedout" in name or "Timeout" in name


def _open_version(session: Session, task: IngestTask) -> Version | None:
    try:
        version = documents.find_version(session, task.version_id)
    except NotFoundError:
        return None
    return None if version.stage in {Stage.COMPLETED, Stage.FAILED} else version


def _message(error: Mapping[str, object]) -> str:
    try:
        cause = json.loads(str(error.get("Cause", "{}")))
    except ValueError:
        return ""
    return str(cause.get("errorMessage", "")) if isinstance(cause, dict) else ""
