"""Lambda entry point of functions/settle: the states Ready and Failed."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.adapters.outbox import end_workflow
from shared.ingestion.service import settle_completed
from shared.ingestion.task import IngestTask
from shared.wiring import App


def _settle(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    if event["outcome"] == "completed":
        answer = settle_completed(
            app.database,
            task,
            chunk_index=app.chunk_index,
            embedding_model=app.settings.embedding_model,
        )
    else:
        answer = app.settler.settle(task, event["error"])
    with app.database.transaction(task.tenant_id) as session:
        end_workflow(session, task.execution_name)
    app.relay_waiting()
    return answer


handler = step_handler(_settle)
