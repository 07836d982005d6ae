"""What the routes of access take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from functions.edge.bodies import Body

Name = Annotated[str, Field(min_length=1, max_length=200)]
Subject = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="everyone, user:ID, user:E-MAIL, group:ID or group:NAME.",
        examples=["group:Legal"],
    ),
]
Cursor = Annotated[str | None, Query(max_length=1024)]
Limit = Annotated[int, Query(ge=1, le=200)]
LevelName = Literal["view", "edit", "manage", "deny"]
RankName = Literal["none", "view", "edit", "manage"]


class Asked(Body):
    """A request's body: nothing in it that is not known."""


class Told(BaseModel):
    """An answer made of a row."""

    model_config = ConfigDict(from_attributes=True)


class RoleBody(Told):
    """A role and what it allows; one from the template can be changed but not removed."""

    name: str
    title: str
    permissions: list[str]
    is_builtin: bool
    holder_count: int
    updated_at: datetime


class RoleList(BaseModel):
    """All roles of the tenant."""

    items: list[RoleBody]


class NewRole(Asked):
    """A role to be made of permissions that the caller holds."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", examples=["archivist"])]
    title: Annotated[str, Field(max_length=200)] = ""
    permissions: Annotated[list[Name], Field(max_length=200, examples=[["documents:*", "search"]])]


class RoleChange(Asked):
    """What is to change about a role; what is absent stays."""

    title: Name | None = None
    permissions: Annotated[list[Name], Field(max_length=200)] | None = None


class PermissionList(BaseModel):
    """Everything a role may allow."""

    items: list[str]


class PersonBody(Told):
    """An account."""

    id: UUID
    email: str
    display_name: str
    role: str
    is_active: bool


class PersonChange(Asked):
    """What is to change about an account; what is absent stays. Inactive ends its sessions."""

    display_name: Name | None = None
    role: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    is_active: bool | None = None


class GroupBody(Told):
    """A group of people."""

    id: UUID
    name: str
    description: str
    member_count: int
    created_by: UUID
    created_at: datetime


class GroupPage(BaseModel):
    """A page of groups by name."""

    items: list[GroupBody]
    next_cursor: str | None


class NewGroup(Asked):
    """A group to be made."""

    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""


class GroupChange(Asked):
    """What is to change about a group; what is absent stays."""

    name: Name | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None


class MemberBody(Told):
    """Somebody in a group."""

    id: UUID
    email: str
    display_name: str
    added_at: datetime


class MemberPage(BaseModel):
    """A page of a group's people by address."""

    items: list[MemberBody]
    next_cursor: str | None


class GrantBody(Told):
    """What was said of a thing; ``name`` is empty for people and groups that are gone."""

    subject: str
    name: str
    level: LevelName
    granted_by: UUID
    granted_at: datetime


class EffectBody(Told):
    """What holds in the end, wherever it was said; ``own``: made it."""

    subject: str
    name: str
    level: Literal["view", "edit", "manage", "deny", "own"]


class AccessBody(BaseModel):
    """A thing's access; ``is_open``: nobody has said anything, so the whole tenant reaches it."""

    title: str
    owner_id: UUID
    is_open: bool
    mine: RankName
    grants: list[GrantBody]
    effects: list[EffectBody]


class NewGrant(Asked):
    """A grant to be given."""

    subject: Subject
    level: LevelName


class NewGrants(Asked):
    """All grants a thing is to have; none opens it as far as what it lies in is open."""

    grants: Annotated[list[NewGrant], Field(max_length=500)]


class ReaderBody(BaseModel):
    """A person who reaches a thing."""

    id: UUID
    email: str
    role: str
    level: RankName


class ReaderList(BaseModel):
    """Everybody who reaches a thing, the mightiest first."""

    items: list[ReaderBody]


class ReachBody(BaseModel):
    """A restricted thing and how far a person reaches it."""

    kind: Literal["folder", "collection", "document"]
    id: UUID
    title: str
    level: RankName


class ReachList(BaseModel):
    """How far a person reaches each restricted thing; what is open they reach anyway."""

    items: list[ReachBody]


class NewShare(Asked):
    """A link to be made, to one thing: ``folder_id``, ``document_id`` or ``collection_id``."""

    folder_id: UUID | None = None
    document_id: UUID | None = None
    collection_id: UUID | None = None
    days: Annotated[float, Field(gt=0, le=365)] = 7
    password: Annotated[str, Field(max_length=1024, description="At least 12 characters.")] = ""
    most_uses: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    allows_download: Annotated[
        bool, Field(description="False lets people look and keeps the files themselves back.")
    ] = True


class ShareBody(Told):
    """A share link."""

    id: UUID
    resource_kind: str
    resource_id: UUID
    title: str
    has_password: bool
    allows_download: bool
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    most_uses: int | None
    use_count: int
    failed_count: int
    used_at: datetime | None


class MadeShare(ShareBody):
    """A link just made; ``path`` below this API's address is shown this once."""

    path: str


class SharePage(BaseModel):
    """A page of links, newest first."""

    items: list[ShareBody]
    next_cursor: str | None


class SharePassword(Asked):
    """A link's password."""

    password: Annotated[str, Field(min_length=1, max_length=1024)]


class VisitBody(BaseModel):
    """What lies behind a link; the token is for ``Authorization: Bearer``, to look at it.

    Without ``access_token`` the link wants its password first, by POST.
    """

    title: str
    kind: Literal["folder", "collection", "document"]
    id: UUID
    expires_at: datetime
    needs_password: bool
    allows_download: bool
    access_token: str | None = None
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6749's name of the scheme
    expires_in: int = 0
