"""Who is to join: invited, registering or taken over; and what an invitation stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.identity.model import User
from shared.kernel.ids import TenantId, UserId

LIFE: Final = timedelta(days=7)
PATH: Final = "/auth/invitations/accept"
MOST_IMPORTED: Final = 500
MOST_GROUPS: Final = 50


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom to invite: the address, the role to have, the language to write in, the groups.

    ``groups`` are named, or given by their ids.
    """

    email: str
    role: str
    language: str = "en"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody is asked to join the tenant; open until accepted, withdrawn or expired.

    ``group_ids`` and ``group_names`` are in one order, and tell of the groups there still are.
    """

    id: UUID
    email: str
    role: str
    language: str
    invited_by: UserId
    created_at: datetime
    expires_at: datetime
    group_ids: list[UUID]
    group_names: list[str]


@dataclass(frozen=True, slots=True)
class Taken:
    """An address that somebody of the tenant has."""

    email: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody who accepted: who it is now, who had invited them, the groups they are in."""

    tenant_id: TenantId
    user: User
    invited_by: UserId
    group_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who registers: the tenant to be made and its first administrator."""

    slug: str
    tenant_name: str
    email: str
    display_name: str
    password: str = field(repr=False)
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Imported:
    """A person from another system, with the password hash made there."""

    email: str
    display_name: str
    role: str
    password_hash: str = field(repr=False)
