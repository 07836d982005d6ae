"""Lambda entry point of functions/settle: the states Ready and Failed."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.ingestion.service import failure_reason, settle_completed, settle_failed
from shared.ingestion.task import IngestTask
from shared.reprocessing import steps as reprocessing
from shared.wiring import App


def _settle(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    is_done = event["outcome"] == "completed"
    reason = "" if is_done else failure_reason(event["error"])
    if task.reprocessing is not None:
        if is_done:
            return reprocessing.settle_done(app.database, task)
        return reprocessing.settle_failed(app.database, task, reason)
    if is_done:
        return settle_completed(
            app.database,
            task,
            chunk_index=app.chunk_index,
            embedding_model=app.model_of(task.tenant_id),
        )
    return settle_failed(app.database, task, reason, chunk_index=app.chunk_index)


handler = step_handler(_settle)
