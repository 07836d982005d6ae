"""Lambda entry point of functions/socket: $connect, $disconnect, topics, ping, anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.edge.socket import Frame, socket_handler
from shared.kernel.errors import InvalidError, RefusedError
from shared.realtime import service as realtime

PROTOCOL = "kontor.v1"


def _handle(frame: Frame) -> Mapping[str, Any] | None:
    match frame.route:
        case "$connect":
            return _connect(frame)
        case "$disconnect":
            with frame.app.database.transaction(frame.principal.tenant_id) as session:
                realtime.disconnect(session, frame.connection_id)
        case "subscribe" | "unsubscribe":
            _choose_topic(frame)
        case "ping":
            frame.reply({"type": "pong", "id": frame.body.get("id")})
        case _:
            raise InvalidError(
                "There is no such action.",
                hint="Send action subscribe, unsubscribe, ask, stop or ping.",
            )
    return None


def _connect(frame: Frame) -> Mapping[str, Any]:
    frame.principal.require("documents:read")
    if frame.principal.credential == "link":
        raise RefusedError("A share link is for looking at what it shows, not for listening.")
    with frame.app.database.transaction(frame.principal.tenant_id) as session:
        realtime.connect(
            session,
            connection_id=frame.connection_id,
            user_id=frame.principal.user_id,
            session_id=frame.principal.session_id,
        )
    return {"headers": {"Sec-WebSocket-Protocol": PROTOCOL}}


def _choose_topic(frame: Frame) -> None:
    change = realtime.subscribe if frame.route == "subscribe" else realtime.unsubscribe
    with frame.app.database.transaction(frame.principal.tenant_id) as session:
        topic = change(session, frame.connection_id, frame.body.get("topic"))
    frame.reply({"type": f"{frame.route}d", "topic": topic, "id": frame.body.get("id")})


handler = socket_handler(_handle)
