"""The Lambda entry of the authorizer: a token in, a principal or a refusal out.

HTTP API events (payload 2.0) get a simple response, WebSocket ``$connect`` events an IAM policy.
A socket may also be opened with a ticket, which counts once. A bad token is an answer, not an
error; only a missing database raises, so that API Gateway answers 500 and the client tries again
instead of signing in anew.
"""

from __future__ import annotations

import logging
from typing import Any

from functions.edge.caller import context_of
from shared.identity.model import Principal
from shared.identity.opaque import PREFIXES
from shared.identity.tickets import verify as verify_ticket
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
wired()
PROTOCOL_PREFIX = "bearer."
TICKET_PREFIX = PREFIXES["ticket"]


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Decide about one request of either API."""
    headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
    is_socket = "methodArn" in event
    token = _bearer(headers.get("authorization", ""))
    if is_socket and not token:
        token = _from_subprotocol(headers.get("sec-websocket-protocol", ""))
    try:
        principal = _principal(token, is_socket=is_socket) if token else None
    except UnauthenticatedError as error:
        logger.info("token refused", extra={"reason": error.detail})
        principal = None
    context = context_of(principal) if principal else {}
    if is_socket:
        return _policy(principal, str(event["methodArn"]), context)
    return {
        "isAuthorized": principal is not None,
        "context": context,
    }


def _principal(token: str, *, is_socket: bool) -> Principal:
    if is_socket and token.startswith(TICKET_PREFIX):
        return verify_ticket(wired().database, token)
    return wired().verifier.verify(token)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _from_subprotocol(header: str) -> str:
    """Find the token among the subprotocols a browser offers: it cannot set other headers."""
    for offered in header.split(","):
        if offered.strip().startswith(PROTOCOL_PREFIX):
            return offered.strip().removeprefix(PROTOCOL_PREFIX)
    return ""


def _policy(principal: Principal | None, resource: str, context: dict[str, str]) -> dict[str, Any]:
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if principal else "Deny",
        "Resource": resource,
    }
    return {
        "principalId": str(principal.user_id) if principal else "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
