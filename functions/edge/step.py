"""Step handlers: one state of the ingest workflow; errors keep their class for Retry and Catch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from shared.ingestion.task import IngestTask
from shared.kernel.context import working_on
from shared.kernel.errors import KontorError
from shared.kernel.failures import Failure, as_unavailable, classify
from shared.wiring import App
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
Step = Callable[[App, IngestTask, dict[str, Any]], dict[str, Any]]


def step_handler(step: Step) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Wrap a step: attaches ids to the logs, relays the outbox after the commit, logs once.

    The wrapped function returns only its own part of the workflow's document.
    """
    app = wired()

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        task = IngestTask.from_json(event["task"])
        with working_on(correlation=task.correlation_id, tenant=str(task.tenant_id)):
            started = time.perf_counter()
            fields = {"version_id": str(task.version_id), "step": step.__name__.lstrip("_")}
            try:
                answer = step(app, task, event)
            except KontorError as error:
                logger.warning("step failed", extra={**fields, "reason": error.detail})
                raise
            except OSError as error:
                # A workflow knows errors by their class: ours for what the machine lacks.
                if classify(error) is not Failure.INFRASTRUCTURE:
                    raise
                logger.warning("step failed", extra={**fields, "reason": str(error)})
                raise as_unavailable(error) from error
            finally:
                app.relay(task.tenant_id)
            milliseconds = round((time.perf_counter() - started) * 1000)
            logger.info("step done", extra={**fields, "duration_ms": milliseconds})
            return answer

    return handler
