"""Lambda entry point of functions/bury: messages that intake failed on too often."""

from __future__ import annotations

from typing import Any

from functions.edge.queue import queue_handler
from shared.adapters.queues import Queue
from shared.ingestion.intake import arrivals
from shared.kernel.errors import KontorError
from shared.recovery.service import bury
from shared.wiring import App

ERROR = "Intake failed on it as often as it is tried; the log has it under the correlation id."


def _bury(app: App, message: dict[str, Any]) -> None:
    found = arrivals(message)
    if not found:
        raise KontorError("A dead letter names no upload; it stays in the queue.")
    for arrival in found:
        bury(app.database, arrival, error=ERROR)
        app.relay(arrival.tenant_id)


def _queue(app: App) -> Queue:
    return app.dead_letter_queue


handler = queue_handler(_bury, queue=_queue)
