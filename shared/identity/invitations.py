"""Joining: invitations by letter, registered tenants, people taken over from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.identity import account_store, opaque, passwords, store
from shared.identity.account_store import Invitation
from shared.identity.accounts import write_link
from shared.identity.letters import Letter
from shared.identity.model import Principal, Tenant, User
from shared.identity.names import plain_name
from shared.identity.one_time import spent
from shared.identity.post import Mailroom, post
from shared.identity.rights import require_grantable
from shared.identity.service import (
    admit,
    check_slug,
    clean_address,
    own_tenant,
    slug_taken,
    words_about,
)
from shared.kernel.clock import now
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import TenantId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

LIFE = timedelta(days=7)
PATH = "/auth/invitations/accept"
MOST_IMPORTED = 500


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom to invite: the address, the role to have, the language to write in."""

    email: str
    role: str
    language: str = "en"


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


def invite(
    session: Session, principal: Principal, mailroom: Mailroom, invited: Invited
) -> Invitation:
    """Ask somebody to join the caller's tenant, by letter; inviting again sends a new link.

    Raises RefusedError without users:manage, InvalidError for a bad address or role,
    ConflictError when the address belongs to somebody of the tenant.
    """
    principal.require("users:manage")
    address = clean_address(invited.email)
    require_grantable(session, principal, invited.role)
    if account_store.is_email_taken(session, address):
        raise ConflictError(f"{address} belongs to somebody of this tenant already.")
    token = opaque.make("invitation", principal.tenant_id)
    moment = now()
    invitation = account_store.record_invitation(
        session,
        Invitation(
            id=new_id(),
            email=address,
            role=invited.role,
            language=invited.language,
            invited_by=principal.user_id,
            created_at=moment,
            expires_at=moment + LIFE,
        ),
        opaque.hash_of(token),
    )
    host = store.find_user(session, principal.user_id)
    letter = Letter(
        "invitation",
        to=address,
        language=invited.language,
        tenant=own_tenant(session).name,
        name=host.display_name if host else principal.email,
        link=mailroom.link(PATH, token),
    )
    post(session, mailroom.seal, letter)
    return invitation


def list_invitations(
    session: Session, principal: Principal, *, cursor: str | None, limit: int
) -> Page[Invitation]:
    """List whom nobody has answered for yet; raises RefusedError without users:manage."""
    principal.require("users:manage")
    limit = clamp_limit(limit)
    before = UUID(decode_cursor(cursor, 1)[0]) if cursor else None
    found = account_store.list_invitations(session, before=before, limit=limit)
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)


def withdraw(session: Session, principal: Principal, invitation_id: UUID) -> None:
    """Take an invitation back; its link counts no more. Raises RefusedError, NotFoundError."""
    principal.require("users:manage")
    if not account_store.remove_invitation(session, invitation_id):
        raise NotFoundError("There is no such invitation.")


def look(database: Database, token: str) -> tuple[Tenant, str]:
    """Return what tenant an invitation is from and for which address; it still counts afterwards.

    Raises InvalidError for an invitation that does not count.
    """
    shown = opaque.present("invitation", token)
    if shown is None:
        raise spent()
    with database.transaction(shown.tenant_id) as session:
        invitation = account_store.find_invitation(session, shown.token_hash)
        tenant = store.find_tenant(session)
    if invitation is None or tenant is None or not tenant.is_active:
        raise spent()
    return tenant, invitation.email


def accept(
    database: Database, *, token: str, display_name: str, password: str
) -> tuple[TenantId, User]:
    """Join the tenant an invitation is from, with a password of one's own.

    The address counts as verified: the letter reached it. Raises InvalidError for an invitation
    that does not count, a bad name or password, ConflictError when the address is in use.
    """
    shown = opaque.present("invitation", token)
    if shown is None:
        raise spent()
    password_hash = passwords.hash_new(password, about=words_about(display_name))
    with database.transaction(shown.tenant_id) as session:
        invitation = account_store.take_invitation(session, shown.token_hash)
        if invitation is None or not own_tenant(session).is_active:
            raise spent()
        passwords.refuse_guessed(password, about=words_about(invitation.email))
        user = admit(
            session,
            email=invitation.email,
            display_name=display_name,
            password_hash=password_hash,
            role=invitation.role,
        )
        account_store.change_language(session, user.id, invitation.language)
        account_store.change_to_verified(session, user.id, user.email)
    return shown.tenant_id, user


def register(database: Database, mailroom: Mailroom, newcomer: Newcomer) -> tuple[Tenant, User]:
    """Make a tenant and its first administrator, who may sign in once the address is verified.

    Whether strangers may do this is the caller's to check. Raises InvalidError for a bad slug,
    name, address or password, ConflictError when the slug is taken.
    """
    check_slug(newcomer.slug)
    name = plain_name("tenant_name", newcomer.tenant_name)
    about = words_about(newcomer.email, newcomer.display_name, newcomer.slug)
    password_hash = passwords.hash_new(newcomer.password, about=about)
    with database.transaction(TenantId(new_id())) as session:
        tenant = store.register_tenant(session, slug=newcomer.slug, name=name)
        if tenant is None:
            raise slug_taken(newcomer.slug)
        user = admit(
            session,
            email=newcomer.email,
            display_name=newcomer.display_name,
            password_hash=password_hash,
            role="admin",
        )
        account_store.change_language(session, user.id, newcomer.language)
        account_store.change_to_unverified(session, user.id)
        account = account_store.find_account(session, user.id)
        assert account is not None, "just recorded"
        write_link(session, mailroom, account, "verify_email")
    return tenant, user


def import_people(session: Session, principal: Principal, people: Sequence[Imported]) -> list[User]:
    """Take people over from another system, all or none; their hashes are renewed as they sign in.

    Raises RefusedError without users:manage, InvalidError for a hash that cannot be checked or
    too many people, ConflictError when an address is taken.
    """
    principal.require("users:manage")
    if len(people) > MOST_IMPORTED:
        raise InvalidError(
            f"These are {len(people)} people.", hint=f"Send at most {MOST_IMPORTED} at once."
        )
    for role in {person.role for person in people}:
        require_grantable(session, principal, role)
    return [
        admit(
            session,
            email=person.email,
            display_name=person.display_name,
            password_hash=passwords.check_importable(person.password_hash),
            role=person.role,
        )
        for person in people
    ]
