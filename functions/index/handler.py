"""Lambda entry point of functions/index."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.ingestion.service import index
from shared.ingestion.task import IngestTask
from shared.reprocessing import steps as reprocessing
from shared.reprocessing.service import embedder_name
from shared.wiring import App


def _index(app: App, task: IngestTask, _event: dict[str, Any]) -> dict[str, Any]:
    default = app.settings.embedding_model
    if task.reprocessing is None:
        return index(app.database, app.objects, task, chunk_index=app.chunk_index)
    return reprocessing.index(
        app.database,
        app.objects,
        task,
        chunk_index=app.chunk_index,
        embedder_name=embedder_name(app.database, task, default=default),
    )


handler = step_handler(_index)
