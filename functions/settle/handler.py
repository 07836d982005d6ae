"""Lambda entry point of functions/settle: the states Ready and Failed."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.adapters.outbox import end_workflow
from shared.ingestion.service import failure_reason, settle_completed
from shared.ingestion.task import IngestTask
from shared.reprocessing import steps as reprocessing
from shared.wiring import App


def _settle(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    if task.reprocessing is not None:
        answer = _settle_reprocessing(app, task, event)
    elif event["outcome"] == "completed":
        answer = settle_completed(
            app.database,
            task,
            chunk_index=app.chunk_index,
            embedding_model=app.model_of(task.tenant_id),
        )
    else:
        answer = app.settler.settle(task, event["error"])
    with app.database.transaction(task.tenant_id) as session:
        end_workflow(session, task.execution_name)
    app.relay_waiting()
    return answer


def _settle_reprocessing(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    if event["outcome"] == "completed":
        return reprocessing.settle_done(app.database, task)
    return reprocessing.settle_failed(app.database, task, failure_reason(event["error"]))


handler = step_handler(_settle)
