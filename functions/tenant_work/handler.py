"""Lambda entry point of functions/tenant_work: jobs that are to be gone on with."""

from __future__ import annotations

from typing import Any

from functions.edge.queue import queue_handler
from shared.adapters.queues import Queue
from shared.kernel.context import working_on
from shared.tenancy.model import Work
from shared.wiring import App


def _work(app: App, message: dict[str, Any]) -> None:
    work = Work.from_json(message)
    with working_on(correlation=f"{work.kind}-{work.id}", tenant=str(work.tenant_id)):
        app.workshop.go_on(work)


def _queue(app: App) -> Queue:
    return app.tenant_queue


handler = queue_handler(_work, queue=_queue)
