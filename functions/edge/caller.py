"""Who calls: the authorizer's verified context, read the same way by every handler shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId


def principal_of(authorizer: Mapping[str, Any]) -> Principal:
    """Build the caller from an authorizer's verified context.

    Raises UnauthenticatedError when there is none: the route lacks its authorizer.
    """
    try:
        return Principal(
            tenant_id=TenantId(UUID(authorizer["tenant_id"])),
            user_id=UserId(UUID(authorizer["user_id"])),
            email=authorizer["email"],
            role=authorizer["role"],
        )
    except (KeyError, ValueError) as error:
        raise UnauthenticatedError("No valid token came with the request.") from error
