"""WebSocket handlers: one frame in, frames out through the connection's callback address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from functions.edge.caller import principal_of
from functions.edge.limiting import bucket_of
from functions.edge.payloads import read_json
from shared.adapters.database import SuspendedError
from shared.identity import sessions
from shared.identity.model import Principal
from shared.kernel.context import Origin, working_on
from shared.kernel.errors import InvalidError, KontorError, UnauthenticatedError
from shared.limits import service as limits
from shared.realtime import service as realtime
from shared.wiring import App
from shared.wiring import app as wired

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a connection: who sent it, over what, and its JSON body."""

    app: App
    principal: Principal
    connection_id: str
    route: str
    body: dict[str, Any]
    event: dict[str, Any]

    def reply(self, frame: Mapping[str, object]) -> bool:
        """Send a frame back; False when the connection is gone."""
        return self.app.sockets.post(self.connection_id, frame)


def socket_handler(
    handle: Callable[[Frame], Mapping[str, Any] | None],
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Wrap a function of one frame; our errors go back as ``{"type": "error", "problem": …}``.

    What the function returns is the integration's answer (headers on ``$connect``).
    """
    wired()

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        app = wired()
        context = event["requestContext"]
        principal = principal_of(context.get("authorizer") or {})
        tenant, viewer = str(principal.tenant_id), principal.viewer
        origin = _origin(context, principal)
        with working_on(correlation=str(uuid4()), tenant=tenant, viewer=viewer, origin=origin):
            body: dict[str, Any] = {}
            frame = Frame(app, principal, context["connectionId"], context["routeKey"], body, event)
            try:
                if context.get("eventType") == "MESSAGE":
                    frame = replace(frame, principal=_check_alive(frame))
                limits.charge(app.database, bucket_of(principal), frame.route)
                body.update(_read_body(event))
                answer = handle(frame)
            except (UnauthenticatedError, SuspendedError) as error:
                return _close(frame, error)
            except KontorError as error:
                logger.info("frame refused", extra={"code": error.code, "route": frame.route})
                if context.get("eventType") == "MESSAGE":
                    frame.reply({"type": "error", "id": body.get("id"), "problem": error.problem()})
                    return {"statusCode": 200}
                return {"statusCode": error.status}
            return {"statusCode": 200, **(answer or {})}

    return handler


def _check_alive(frame: Frame) -> Principal:
    """Ask whether the connection and what it was opened with last, and what they allow today."""
    with frame.app.database.transaction(frame.principal.tenant_id) as session:
        realtime.check_connected(session, frame.connection_id)
        return sessions.check_alive(session, frame.principal)


def _close(frame: Frame, error: KontorError) -> dict[str, Any]:
    """Say why nobody is let in any more, and end the connection with it."""
    logger.info("frame refused", extra={"code": error.code, "route": frame.route})
    if frame.event["requestContext"].get("eventType") == "MESSAGE":
        frame.reply({"type": "error", "problem": error.problem()})
        frame.app.sockets.close(frame.connection_id)
        return {"statusCode": 200}
    return {"statusCode": error.status}


def _origin(context: Mapping[str, Any], principal: Principal) -> Origin:
    identity = context.get("identity") or {}
    return Origin(
        address=str(identity.get("sourceIp") or ""),
        user_agent=str(identity.get("userAgent") or ""),
        credential=principal.credential,
        session_id="" if principal.session_id is None else str(principal.session_id),
    )


def _read_body(event: dict[str, Any]) -> dict[str, Any]:
    """Parse a MESSAGE event's frame; other events have none. Raises InvalidError."""
    text = event.get("body") or ""
    if not text:
        return {}
    body = read_json(text.encode("utf-8", "surrogatepass"))
    if not isinstance(body, dict):
        raise InvalidError("The frame is not a JSON object.", hint='Send {"action": "ping"}.')
    return body
