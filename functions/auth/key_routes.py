"""Routes of keys, personal access tokens and tickets; a secret is shown once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from functions.edge.http import Caller
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity import api_keys, tickets
from shared.identity.key_model import ApiKey, Life, MadeKey
from shared.identity.model import Principal
from shared.kernel.ids import UserId
from shared.wiring import app as wired

router = APIRouter(tags=["keys"])

Name = Annotated[str, Field(min_length=1, max_length=100)]
Scopes = Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=64)]
Days = Annotated[int, Field(ge=1, le=3650, strict=True)]


class NewKey(BaseModel):
    """A key to be made; ``scopes`` are permissions such as ``search`` or ``documents:*``.

    A personal key acts as the caller; a service key as the service account ``account_id``, or as
    a new one with ``role``.
    """

    kind: Literal["personal", "service"] = "personal"
    name: Name
    scopes: Scopes
    expires_in_days: Days | None = None
    role: Annotated[str, Field(min_length=1, max_length=64)] = "viewer"
    account_id: UUID | None = None


class KeyChanges(BaseModel):
    """What of a key is to change; what is left out stays."""

    name: Name | None = None
    scopes: Scopes | None = None
    expires_in_days: Days | None = None


class Rotation(BaseModel):
    """How long the old secret still holds, and how long the new one lives."""

    grace_s: Annotated[int, Field(ge=0, le=30 * 24 * 3600, strict=True)] | None = None
    expires_in_days: Days | None = None


class KeyAnswer(BaseModel):
    """A key without its secret."""

    id: UUID
    kind: Literal["personal", "service"]
    name: str
    hint: str
    state: Literal["active", "expired", "revoked"]
    scopes: list[str]
    account_id: UUID
    account: str
    role: str
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Show a key."""
        return cls(
            id=key.id,
            kind="personal" if key.kind == "person" else "service",
            name=key.name,
            hint=key.hint,
            state=key.state,
            scopes=key.scopes,
            account_id=key.user_id,
            account=key.email,
            role=key.role,
            created_by=key.created_by,
            created_at=key.created_at,
            expires_at=key.expires_at,
            rotated_at=key.rotated_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


class MadeKeyAnswer(KeyAnswer):
    """A key with its secret, shown only now; send it as ``Authorization: Bearer …``."""

    key: str


class KeysAnswer(BaseModel):
    """A page of keys, newest first."""

    items: list[KeyAnswer]
    next_cursor: str | None


class TicketAnswer(BaseModel):
    """A ticket for one WebSocket; ``protocol`` is offered as a subprotocol beside kontor.v1."""

    ticket: str
    protocol: str
    expires_in: int


@router.post("/auth/tickets", status_code=201)
def make_ticket(caller: Caller, response: Response) -> TicketAnswer:
    """Make a ticket that opens one WebSocket within a minute, so no token goes there."""
    with wired().database.transaction(caller.tenant_id) as session:
        ticket = tickets.issue_for_socket(session, caller)
    response.headers["cache-control"] = "no-store"
    return TicketAnswer(ticket=ticket, protocol=f"bearer.{ticket}", expires_in=tickets.LIFE_S)


@router.get("/api/v1/keys")
def list_keys(
    caller: Caller,
    *,
    everyone: Annotated[bool, Query()] = False,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> KeysAnswer:
    """List the caller's keys; with ``everyone`` all of the tenant's, for who manages users."""
    with wired().database.transaction(caller.tenant_id) as session:
        page = api_keys.list_keys(
            session, caller, is_everybodys=everyone, cursor=cursor, limit=limit
        )
    items = [KeyAnswer.of(key) for key in page.items]
    return KeysAnswer(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/keys", status_code=201)
def make_key(body: NewKey, caller: Caller, response: Response) -> MadeKeyAnswer:
    """Make a key; its secret is in this answer and nowhere else."""
    days = _life().of(body.expires_in_days)
    with wired().database.transaction(caller.tenant_id) as session:
        if body.kind == "personal":
            made = api_keys.make_personal(
                session, caller, name=body.name, scopes=body.scopes, days=days
            )
        else:
            made = api_keys.make_service(
                session,
                caller,
                name=body.name,
                scopes=body.scopes,
                days=days,
                role=body.role,
                account_id=None if body.account_id is None else UserId(body.account_id),
            )
        _record(session, caller, "key.made", made.key)
    return _shown(made, response)


@router.get("/api/v1/keys/{key_id}")
def show_key(key_id: UUID, caller: Caller) -> KeyAnswer:
    """Show a key without its secret."""
    with wired().database.transaction(caller.tenant_id) as session:
        return KeyAnswer.of(api_keys.find_key(session, caller, key_id))


@router.patch("/api/v1/keys/{key_id}")
def change_key(key_id: UUID, body: KeyChanges, caller: Caller) -> KeyAnswer:
    """Change a key's name, scopes or end of life, counted from now."""
    days = None if body.expires_in_days is None else _life().of(body.expires_in_days)
    with wired().database.transaction(caller.tenant_id) as session:
        key = api_keys.change_key(
            session, caller, key_id, name=body.name, scopes=body.scopes, days=days
        )
        _record(session, caller, "key.changed", key)
    return KeyAnswer.of(key)


@router.post("/api/v1/keys/{key_id}/rotate")
def rotate_key(key_id: UUID, body: Rotation, caller: Caller, response: Response) -> MadeKeyAnswer:
    """Give a key a new secret; the old one holds a while longer, so programs can change over."""
    grace_s = wired().settings.api_key_grace_s if body.grace_s is None else body.grace_s
    days = _life().of(body.expires_in_days)
    with wired().database.transaction(caller.tenant_id) as session:
        made = api_keys.rotate_key(session, caller, key_id, days=days, grace_s=grace_s)
        _record(session, caller, "key.rotated", made.key)
    return _shown(made, response)


@router.delete("/api/v1/keys/{key_id}", status_code=204)
def revoke_key(key_id: UUID, caller: Caller) -> None:
    """End a key at once: the next request with it is refused."""
    with wired().database.transaction(caller.tenant_id) as session:
        key = api_keys.revoke_key(session, caller, key_id)
        _record(session, caller, "key.revoked", key)


def _life() -> Life:
    config = wired().settings
    return Life(config.api_key_days, config.api_key_most_days)


def _shown(made: MadeKey, response: Response) -> MadeKeyAnswer:
    response.headers["cache-control"] = "no-store"
    return MadeKeyAnswer(**KeyAnswer.of(made.key).model_dump(), key=made.secret)


def _record(session: Session, caller: Principal, action: str, key: ApiKey) -> None:
    audit.record(
        session,
        actor_id=caller.user_id,
        action=action,
        subject=f"key:{key.id}",
        details={"account": str(key.user_id), "name": key.name, "scopes": key.scopes},
    )
