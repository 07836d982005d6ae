"""Who calls a Function URL: it has no authorizer, so the function verifies the token itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from functions.edge.limiting import bucket_of, charge, charge_address
from shared.identity.model import Principal
from shared.kernel.context import origin, set_origin, set_tenant, set_viewer
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import app as wired


def _verified(request: Request) -> Principal:
    """Verify and charge the caller; whoever brings no valid token is charged by address."""
    route_key = f"{request.method} {request.scope['route'].path}"
    try:
        caller = _verify(request)
    except UnauthenticatedError:
        charge_address(request.scope, route_key)
        raise
    charge(request.scope, bucket_of(caller), route_key)
    return caller


def _verify(request: Request) -> Principal:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError(
            "No token came with the request.", hint="Send Authorization: Bearer <access token>."
        )
    return wired().verifier.verify(token.strip())


async def _seeing(caller: Annotated[Principal, Depends(_verified)]) -> Principal:
    """Bind the request's own task to the caller: what threads do for it inherits that."""
    set_tenant(str(caller.tenant_id))
    set_viewer(caller.viewer)
    session_id = "" if caller.session_id is None else str(caller.session_id)
    set_origin(replace(origin(), credential=caller.credential, session_id=session_id))
    return caller


Bearer = Annotated[Principal, Depends(_seeing)]
