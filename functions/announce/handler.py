"""Lambda entry point of functions/announce: StageReached on the bus, frames to listeners."""

from __future__ import annotations

import logging
from typing import Any

from shared.kernel.context import working_on
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
wired()  # while the container starts


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Push one stage to everybody who listens; returns how many heard it."""
    app, detail = wired(), event["detail"]
    tenant_id = realtime.tenant_of(detail)
    with working_on(correlation=detail.get("correlation_id", ""), tenant=str(tenant_id)):
        with app.database.transaction(tenant_id) as session:
            listeners = realtime.list_listeners(session, detail["job_id"], detail["document_id"])
        gone = realtime.push(app.sockets, listeners, realtime.progress_frame(detail))
        reach("announce.pushed")
        if gone:
            with app.database.transaction(tenant_id) as session:
                for connection_id in gone:
                    realtime.disconnect(session, connection_id)
        logger.info(
            "stage announced", extra={"stage": detail["stage"], "listeners": len(listeners)}
        )
        return {"heard": len(listeners) - len(gone)}
