"""Use cases of invitations: sent by letter, listed, withdrawn, accepted.

An invitation never gives more than whoever sent it may give on the day it is accepted: one whose
sender was switched off, or may no longer bring people in or give the role, counts for nothing
until somebody else sends it again; groups the sender has no say in any more are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from shared.access import groups
from shared.adapters.database import Database, Session
from shared.identity import accounts, opaque, passwords, rights
from shared.identity.letters import Letter
from shared.identity.model import Principal, Tenant, User
from shared.identity.one_time import spent
from shared.identity.post import Mailroom, post
from shared.identity.service import admit, clean_address, find_user, own_tenant, words_about
from shared.joining import store
from shared.joining.model import LIFE, MOST_GROUPS, PATH, Invitation, Invited, Joined
from shared.kernel.clock import now
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor


def invite(
    session: Session, principal: Principal, mailroom: Mailroom, invited: Invited
) -> Invitation:
    """Ask somebody to join the caller's tenant, by letter; inviting again sends a new link.

    Raises RefusedError without users:manage, or for a role or group the caller may not give;
    InvalidError for a bad address, role or group, ConflictError when the address belongs to
    somebody of the tenant.
    """
    principal.require("users:manage")
    address = clean_address(invited.email)
    rights.require_grantable(session, principal, invited.role)
    chosen = groups.choose_groups(session, principal, _few(invited.groups))
    if accounts.is_address_taken(session, address):
        raise ConflictError(f"{address} belongs to somebody of this tenant already.")
    token = opaque.make("invitation", principal.tenant_id)
    moment = now()
    invitation = Invitation(
        id=new_id(),
        email=address,
        role=invited.role,
        language=invited.language,
        invited_by=principal.user_id,
        created_at=moment,
        expires_at=moment + LIFE,
        group_ids=[group.id for group in chosen],
        group_names=[],
    )
    recorded = store.record_invitation(session, invitation, opaque.hash_of(token))
    _write(session, principal, mailroom, recorded, link=mailroom.link(PATH, token))
    return recorded


def list_invitations(
    session: Session, principal: Principal, *, cursor: str | None, limit: int
) -> Page[Invitation]:
    """List whom nobody has answered for yet; raises RefusedError without users:manage."""
    principal.require("users:manage")
    limit = clamp_limit(limit)
    before = UUID(decode_cursor(cursor, 1)[0]) if cursor else None
    found = store.list_invitations(session, before=before, limit=limit)
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)


def list_standing(session: Session, invitations: Iterable[Invitation]) -> set[UUID]:
    """Tell which invitations would still be accepted.

    They are in time, their senders may still give what they give, and nobody has the address yet.
    """
    moment = now()
    in_time = [each for each in invitations if each.expires_at > moment]
    taken = store.list_taken_addresses(session, [each.email for each in in_time])
    in_time = [each for each in in_time if each.email not in taken]
    asked = {(each.invited_by, each.role): each for each in in_time}
    vouched = {key for key, each in asked.items() if find_inviter(session, each) is not None}
    return {each.id for each in in_time if (each.invited_by, each.role) in vouched}


def withdraw(session: Session, principal: Principal, invitation_id: UUID) -> None:
    """Take an invitation back; its link counts no more. Raises RefusedError, NotFoundError."""
    principal.require("users:manage")
    if not store.remove_invitation(session, invitation_id):
        raise NotFoundError("There is no such invitation.")


def look(database: Database, token: str) -> tuple[Tenant, str]:
    """Return what tenant an invitation is from and for which address; it still counts afterwards.

    Raises InvalidError for an invitation that does not count.
    """
    shown = _shown(token)
    with database.transaction(shown.tenant_id) as session:
        invitation = store.find_invitation(session, shown.token_hash)
        if invitation is None or not own_tenant(session).is_active:
            raise spent()
        _require_inviter(session, invitation)
        return own_tenant(session), invitation.email


def accept(database: Database, *, token: str, display_name: str, password: str) -> Joined:
    """Join the tenant an invitation is from, with a password of one's own, and its groups.

    The address counts as verified: the letter reached it. Raises InvalidError for an invitation
    that does not count, a bad name or password, ConflictError when the address is in use.
    """
    shown = _shown(token)
    password_hash = passwords.hash_new(password, about=words_about(display_name))
    with database.transaction(shown.tenant_id) as session:
        invitation = store.take_invitation(session, shown.token_hash)
        if invitation is None or not own_tenant(session).is_active:
            raise spent()
        inviter = _require_inviter(session, invitation)
        passwords.refuse_guessed(password, about=words_about(invitation.email))
        user = _admit(session, invitation, display_name, password_hash)
        joined = groups.join_invited(session, inviter, invitation.group_ids, user.id)
    return Joined(shown.tenant_id, user, invitation.invited_by, joined)


def _write(
    session: Session, principal: Principal, mailroom: Mailroom, invitation: Invitation, *, link: str
) -> None:
    host = find_user(session, principal.user_id)
    letter = Letter(
        "invitation",
        to=invitation.email,
        language=invitation.language,
        tenant=own_tenant(session).name,
        name=host.display_name if host else principal.email,
        link=link,
    )
    post(session, mailroom.seal, letter)


def _few(named: tuple[str, ...]) -> tuple[str, ...]:
    if len(named) > MOST_GROUPS:
        raise InvalidError(
            f"These are {len(named)} groups.",
            hint=f"Name at most {MOST_GROUPS}.",
            fields={"groups": f"at most {MOST_GROUPS}"},
        )
    return named


def _shown(token: str) -> opaque.Presented:
    shown = opaque.present("invitation", token)
    if shown is None:
        raise spent()
    return shown


def find_inviter(session: Session, invitation: Invitation) -> Principal | None:
    """Return who sent an invitation, while they may give what it gives."""
    inviter = rights.standing_of(session, invitation.invited_by)
    if inviter is None or not inviter.may("users:manage"):
        return None
    return inviter if rights.may_grant(session, inviter, invitation.role) else None


def _require_inviter(session: Session, invitation: Invitation) -> Principal:
    inviter = find_inviter(session, invitation)
    if inviter is None:
        raise InvalidError(
            "Whoever invited you may no longer do so, so the invitation does not count.",
            hint="Ask for a new one.",
        )
    return inviter


def _admit(session: Session, invitation: Invitation, display_name: str, password_hash: str) -> User:
    user = admit(
        session,
        email=invitation.email,
        display_name=display_name,
        password_hash=password_hash,
        role=invitation.role,
    )
    accounts.settle(session, user, invitation.language)
    return user
