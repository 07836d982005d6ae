"""Routes of administrators who bring people in: invitations, people from other systems."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.auth.schemas import Language, Text, UserAnswer, user_answer
from functions.auth.schemas import Request as Body
from functions.auth.trail import record_act
from functions.edge.http import Caller
from shared.audit import service as audit
from shared.joining import importing
from shared.joining import service as joining
from shared.joining.model import MOST_GROUPS, MOST_IMPORTED, Imported, Invitation, Invited
from shared.wiring import app as wired

router = APIRouter()

RoleName = Annotated[str, Field(min_length=1, max_length=64)]


class InvitationRequest(Body):
    """Whom to invite, the role to have, the language of the mail, the groups to be in.

    ``groups`` are named or given by their ids.
    """

    email: Text
    role: RoleName = "viewer"
    language: Language = "en"
    groups: Annotated[list[Text], Field(max_length=MOST_GROUPS, default_factory=list)]


class GroupAnswer(BaseModel):
    """A group that somebody is to be in."""

    id: UUID
    name: str


class InvitationAnswer(BaseModel):
    """An invitation nobody has answered yet.

    It is not ``is_valid`` once it has expired, somebody of the tenant has the address, or whoever
    sent it may no longer give what it gives.
    """

    id: UUID
    email: str
    role: str
    language: str
    groups: list[GroupAnswer]
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
    is_valid: bool


class InvitationsAnswer(BaseModel):
    """A page of open invitations, newest first."""

    items: list[InvitationAnswer]
    next_cursor: str | None


class ImportedPerson(Body):
    """A person from another system, with the hash made there: argon2id or bcrypt."""

    email: Text
    display_name: Text
    role: RoleName = "viewer"
    password_hash: Annotated[str, Field(min_length=1, max_length=256, repr=False)]


class ImportRequest(Body):
    """People to take over, all or none."""

    people: Annotated[list[ImportedPerson], Field(min_length=1, max_length=MOST_IMPORTED)]


class ImportAnswer(BaseModel):
    """The people who were taken over."""

    items: list[UserAnswer]


@router.post("/api/v1/invitations", status_code=201)
def invite(body: InvitationRequest, caller: Caller) -> InvitationAnswer:
    """Invite somebody by mail; inviting an address again sends a new link."""
    app = wired()
    invited = Invited(body.email, body.role, body.language, tuple(body.groups))
    with app.database.transaction(caller.tenant_id) as session:
        made = joining.invite(session, caller, app.mailroom, invited)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="invitation.sent",
            subject=f"invitation:{made.id}",
            details={"email": made.email, "role": made.role, "groups": made.group_names},
        )
    app.relay_facts(caller.tenant_id)
    return _answer(made, is_valid=True)


@router.get("/api/v1/invitations")
def list_invitations(
    caller: Caller,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> InvitationsAnswer:
    """List invitations nobody has answered yet, the expired ones too."""
    with wired().database.transaction(caller.tenant_id) as session:
        page = joining.list_invitations(session, caller, cursor=cursor, limit=limit)
        standing = joining.list_standing(session, page.items)
    return InvitationsAnswer(
        items=[_answer(found, is_valid=found.id in standing) for found in page.items],
        next_cursor=page.next_cursor,
    )


@router.delete("/api/v1/invitations/{invitation_id}", status_code=204)
def withdraw(invitation_id: UUID, caller: Caller) -> None:
    """Take an invitation back; its link counts no more."""
    with wired().database.transaction(caller.tenant_id) as session:
        joining.withdraw(session, caller, invitation_id)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="invitation.withdrawn",
            subject=f"invitation:{invitation_id}",
        )


@router.post("/api/v1/users/import", status_code=201)
def import_people(body: ImportRequest, caller: Caller) -> ImportAnswer:
    """Take people over from another system with their password hashes, all or none."""
    people = [
        Imported(one.email, one.display_name, one.role, one.password_hash) for one in body.people
    ]
    with wired().database.transaction(caller.tenant_id) as session:
        users = importing.import_people(session, caller, people)
        for user in users:
            record_act(session, "user.imported", user.id, by=caller.user_id, role=user.role)
    return ImportAnswer(items=[user_answer(user) for user in users])


def _answer(found: Invitation, *, is_valid: bool) -> InvitationAnswer:
    return InvitationAnswer(
        id=found.id,
        email=found.email,
        role=found.role,
        language=found.language,
        groups=[
            GroupAnswer(id=group_id, name=name)
            for group_id, name in zip(found.group_ids, found.group_names, strict=True)
        ],
        invited_by=found.invited_by,
        created_at=found.created_at,
        expires_at=found.expires_at,
        is_valid=is_valid,
    )
