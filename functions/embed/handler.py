"""Lambda entry point of functions/embed."""

from __future__ import annotations

from typing import Any

from functions.edge.step import step_handler
from shared.ingestion.service import Batch, embed
from shared.ingestion.task import IngestTask
from shared.wiring import App


def _embed(app: App, task: IngestTask, event: dict[str, Any]) -> dict[str, Any]:
    batch = Batch(first=int(event["batch"]["first"]), count=int(event["batch"]["count"]))
    return embed(app.database, app.objects, task, batch, embedder=app.embedder)


handler = step_handler(_embed)
