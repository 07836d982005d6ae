"""Step handlers: one state of the ingest workflow; errors keep their class for Retry and Catch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from shared.ingestion.model import IngestTask
from shared.kernel.context import working_on
from shared.kernel.errors import KontorError
from shared.kernel.ids import DocumentId, JobId, TenantId, VersionId
from shared.wiring import App
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
Step = Callable[[App, IngestTask, dict[str, Any]], dict[str, Any]]


def read_task(event: dict[str, Any]) -> IngestTask:
    """Read the ids every state of the workflow carries under ``task``."""
    task = event["task"]
    return IngestTask(
        tenant_id=TenantId(UUID(task["tenant_id"])),
        document_id=DocumentId(UUID(task["document_id"])),
        version_id=VersionId(UUID(task["version_id"])),
        job_id=JobId(UUID(task["job_id"])),
        attempt=int(task["attempt"]),
        correlation_id=task["correlation_id"],
    )


def step_handler(step: Step) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Wrap a step: attaches ids to the logs, relays the outbox after the commit, logs once.

    The wrapped function returns only its own part of the workflow's document.
    """
    app = wired()

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        task = read_task(event)
        with working_on(correlation=task.correlation_id, tenant=str(task.tenant_id)):
            started = time.perf_counter()
            fields = {"version_id": str(task.version_id), "step": step.__name__}
            try:
                answer = step(app, task, event)
            except KontorError as error:
                logger.warning("step failed", extra={**fields, "reason": error.detail})
                raise
            finally:
                app.relay(task.tenant_id)
            milliseconds = round((time.perf_counter() - started) * 1000)
            logger.info("step done", extra={**fields, "duration_ms": milliseconds})
            return answer

    return handler
