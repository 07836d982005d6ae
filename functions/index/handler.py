"""Lambda entry point of functions/index."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.inference.registry import known_model
from shared.ingestion.service import index
from shared.ingestion.task import IngestTask
from shared.reprocessing import steps as reprocessing
from shared.reprocessing.service import embedder_name
from shared.wiring import App


def _index(app: App, task: IngestTask, _event: dict[str, Any]) -> dict[str, Any]:
    default = app.settings.embedding_model
    dimension = known_model(default).model.dimension
    if task.reprocessing is None:
        return index(
            app.database, app.objects, task, chunk_index=app.chunk_index, dimension=dimension
        )
    return reprocessing.index(
        app.database,
        app.objects,
        task,
        chunk_index=app.chunk_index,
        embedder_name=embedder_name(app.database, task, default=default),
        dimension=dimension,
    )


handler = step_handler(_index)
