"""Who calls: the authorizer's verified context, read the same way by every handler shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId


def context_of(principal: Principal) -> dict[str, str]:
    """Write a principal as an authorizer's context, which carries strings only."""
    context = {
        "tenant_id": str(principal.tenant_id),
        "user_id": str(principal.user_id),
        "email": principal.email,
        "role": principal.role,
        "credential": principal.credential,
    }
    if principal.permissions is not None:
        context["permissions"] = " ".join(sorted(principal.permissions))
    if principal.session_id is not None:
        context["session_id"] = str(principal.session_id)
    return context


def gateway_context(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return what the authorizer put into the event; empty where none was asked."""
    event: dict[str, Any] = scope.get("aws.event") or {}
    context = event.get("requestContext", {}).get("authorizer", {})
    return dict(context.get("lambda") or {})


def principal_of(authorizer: Mapping[str, Any]) -> Principal:
    """Build the caller from an authorizer's verified context.

    Raises UnauthenticatedError when there is none: the route lacks its authorizer.
    """
    permissions, session_id = authorizer.get("permissions"), authorizer.get("session_id")
    try:
        return Principal(
            tenant_id=TenantId(UUID(authorizer["tenant_id"])),
            user_id=UserId(UUID(authorizer["user_id"])),
            email=authorizer["email"],
            role=authorizer["role"],
            permissions=None if permissions is None else frozenset(permissions.split()),
            credential=authorizer.get("credential", "session"),
            session_id=None if session_id is None else UUID(session_id),
        )
    except (KeyError, ValueError) as error:
        raise UnauthenticatedError("No valid token came with the request.") from error
