"""Lambda entry point of functions/index."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.inference.registry import known_model
from shared.ingestion.service import index
from shared.ingestion.task import IngestTask
from shared.wiring import App


def _index(app: App, task: IngestTask, _event: dict[str, Any]) -> dict[str, Any]:
    model = known_model(app.settings.embedding_model).model
    return index(
        app.database,
        app.objects,
        task,
        chunk_index=app.chunk_index,
        dimension=model.dimension,
    )


handler = step_handler(_index)
