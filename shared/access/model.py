"""Facts of access: what can be shared, with whom, how far; roles, groups and links."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NewType
from uuid import UUID

from shared.identity.model import PERMISSIONS
from shared.kernel.errors import InvalidError
from shared.kernel.ids import UserId

Kind = Literal["folder", "collection", "document"]
Level = Literal["view", "edit", "manage", "deny"]
GroupId = NewType("GroupId", UUID)
LinkId = NewType("LinkId", UUID)

NOTHING, VIEW, EDIT, MANAGE = range(4)
LEVELS: Final[tuple[str, ...]] = ("none", "view", "edit", "manage")
EVERYONE: Final = "everyone"
MAX_GRANTS = 500
MAX_NAME = 200
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_RESOURCES: Final = {permission.partition(":")[0] for permission in PERMISSIONS}


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing that can be shared."""

    kind: Kind
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody said of a thing: to whom, and how far. ``name`` is empty for who is gone."""

    subject: str
    name: str
    level: str
    granted_by: UUID
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What holds for a thing in the end, from wherever it comes. ``own``: made it."""

    subject: str
    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Place:
    """A thing's name, its owner, and whether nobody has said anything of it."""

    title: str
    owner_id: UserId
    is_open: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who reaches a thing, and how far."""

    id: UserId
    email: str
    role: str
    rank: int


@dataclass(frozen=True, slots=True)
class Reach:
    """A restricted thing and how far a person reaches it."""

    kind: str
    id: UUID
    title: str
    rank: int


@dataclass(frozen=True, slots=True)
class ListRow:
    """The number of the access list that something is closed by."""

    list_id: int | None


@dataclass(frozen=True, slots=True)
class WiderRow:
    """Whether one list lets anybody do more than another does."""

    is_wider: bool


@dataclass(frozen=True, slots=True)
class RankRow:
    """How far a viewer reaches: 0 nothing, 1 view, 2 edit, 3 manage."""

    rank: int


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A person or group as grants name it."""

    subject: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the tenant; one from the template can be changed but not taken away."""

    name: str
    title: str
    permissions: list[str]
    is_builtin: bool
    holder_count: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """People who are granted things together."""

    id: GroupId
    name: str
    description: str
    member_count: int
    created_by: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a group."""

    id: UserId
    email: str
    display_name: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """An account as administrators change it."""

    id: UserId
    email: str
    display_name: str
    role: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many."""

    count: int


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A link for people without an account. Its token is shown once, when it is made."""

    id: LinkId
    resource_kind: Kind
    resource_id: UUID
    title: str
    has_password: bool
    allows_download: bool
    created_by: UserId
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    most_uses: int | None
    use_count: int
    failed_count: int
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link in force, found by its token before a tenant is known.

    ``is_counted``: it may be used so often only. ``maker`` is what its maker is called, or empty.
    """

    tenant_id: UUID
    link_id: UUID
    password_hash: str = field(repr=False)
    title: str
    resource_kind: Kind
    resource_id: UUID
    expires_at: datetime
    allows_download: bool
    is_counted: bool
    is_used_up: bool
    maker: str
    tenant: str

    @property
    def viewer(self) -> str:
        """Return whose eyes a visit through it sees with (``kernel.context``)."""
        return f"link:{self.link_id}"


@dataclass(frozen=True, slots=True)
class Known:
    """Whether there is, or was, such a thing."""

    is_known: bool


def check_role_name(name: str) -> str:
    """Return a role's name if it is one; raises InvalidError."""
    if not _ROLE.fullmatch(name):
        raise InvalidError(
            "This is no name for a role.",
            hint="Use small letters, digits and hyphens, at most 40, beginning with a letter.",
            fields={"name": "a-z, 0-9 and hyphens"},
        )
    return name


def check_permissions(permissions: list[str]) -> list[str]:
    """Return permissions in order, each once; raises InvalidError for one that does not exist.

    ``documents:*`` is everything about documents, ``*`` everything there is.
    """
    unknown = [one for one in permissions if not _is_known(one)]
    if unknown:
        raise InvalidError(
            f"There is no permission {unknown[0]}.",
            hint=f"There are: {', '.join(sorted(PERMISSIONS))}; documents:* and * cover several.",
            fields={"permissions": f"unknown: {', '.join(unknown)}"},
        )
    return sorted(set(permissions))


def _is_known(permission: str) -> bool:
    resource, _, action = permission.partition(":")
    return (
        permission in PERMISSIONS or permission == "*" or (action == "*" and resource in _RESOURCES)
    )


def check_text(field: str, text: str, *, most: int = MAX_NAME) -> str:
    """Return a name or title without spaces around it; raises InvalidError."""
    clean = " ".join(text.split())
    if not clean or len(clean) > most or not clean.isprintable():
        raise InvalidError(
            f"{field} is empty, too long or holds control characters.",
            hint=f"Use 1 to {most} printable characters.",
            fields={field: f"1 to {most} printable characters"},
        )
    return clean
