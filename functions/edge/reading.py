"""Reading handlers: the one step that the three parse functions share, each with its libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.edge.step import step_handler
from shared.ingestion.service import Limits, parse
from shared.ingestion.task import IngestTask
from shared.reprocessing import steps as reprocessing
from shared.wiring import App


def _parse(app: App, task: IngestTask, _event: dict[str, Any]) -> dict[str, Any]:
    model = app.model_of(task.tenant_id)
    limits = Limits(
        memory_mb=app.settings.parse_memory_mb,
        timeout_s=app.settings.parse_timeout_s,
        chunk_tokens=app.settings.chunk_tokens,
        batch_chunks=app.settings.embed_batch_chunks,
        model_tokens=app.model_named(model).content_tokens,
    )
    step = parse if task.reprocessing is None else reprocessing.parse
    return step(
        app.database,
        app.objects,
        task,
        count_tokens=app.tokenizer_named(model).count_tokens,
        limits=limits,
    )


def reading_handler() -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the handler that reads a version's file into text and chunks."""
    return step_handler(_parse)
