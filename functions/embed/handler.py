"""Lambda entry point of functions/embed."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.ingestion.embeddings import Batch
from shared.ingestion.service import embed
from shared.ingestion.task import IngestTask
from shared.reprocessing import steps as reprocessing
from shared.reprocessing.service import embedder_name
from shared.wiring import App


def _embed(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    batch = Batch(first=int(event["batch"]["first"]), count=int(event["batch"]["count"]))
    if task.reprocessing is None:
        embedder = app.passage_embedder_of(task.tenant_id)
        return embed(app.database, app.objects, task, batch, embedder=embedder)
    name = embedder_name(app.database, task, default=app.settings.embedding_model)
    embedder = app.passage_embedder_named(name)
    return reprocessing.embed(app.database, app.objects, task, batch, embedder=embedder)


handler = step_handler(_embed)
