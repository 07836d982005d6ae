"""Lambda entry point of functions/settle: the states Ready and Failed."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.ingestion.service import failure_reason, settle_completed, settle_failed
from shared.ingestion.task import IngestTask
from shared.wiring import App


def _settle(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    if event["outcome"] == "completed":
        return settle_completed(
            app.database,
            task,
            chunk_index=app.chunk_index,
            embedding_model=app.settings.embedding_model,
        )
    reason = failure_reason(event["error"])
    return settle_failed(app.database, task, reason, chunk_index=app.chunk_index)


handler = step_handler(_settle)
