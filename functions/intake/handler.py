"""Lambda entry point of functions/intake: S3's announcements, one message at a time."""

from __future__ import annotations

from typing import Any

from functions.edge.queue import queue_handler
from shared.ingestion.intake import arrivals, take_in
from shared.wiring import App


def _take_in(app: App, message: dict[str, Any]) -> None:
    for arrival in arrivals(message):
        take_in(
            app.database,
            app.objects,
            arrival,
            max_bytes=app.settings.max_upload_bytes,
            scanner=app.scanner,
        )
        app.relay(arrival.tenant_id)


handler = queue_handler(_take_in)
