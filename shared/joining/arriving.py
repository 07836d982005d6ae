"""Arriving: invited people who come in by a provider that vouches for the address.

What the letter's link would have shown, the provider shows: that the address is theirs. Everything
else holds as it does for those who accept by the link.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.access import groups
from shared.adapters.database import Session
from shared.identity import accounts, foreign
from shared.identity.model import Principal
from shared.identity.service import find_user
from shared.joining import store
from shared.joining.model import Invitation, Joined
from shared.joining.service import find_inviter
from shared.kernel.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Held:
    """An invitation that counts, kept from everybody else, and who sent it, as of today."""

    invitation: Invitation
    inviter: Principal


def hold(session: Session, email: str) -> Held | None:
    """Return the invitation to an address that counts today.

    Nobody else answers it before the transaction ends; whoever tries waits that long.
    """
    invitation = store.hold_invitation_to(session, email)
    inviter = find_inviter(session, invitation) if invitation is not None else None
    if invitation is None or inviter is None:
        return None
    return Held(invitation, inviter)


def accept(session: Session, held: Held, *, display_name: str, role: str) -> Joined:
    """Make the account of an invited person, who has no password, and put them into the groups.

    ``role`` is the invitation's, or what the provider's groups mean.
    """
    assert session.tenant_id is not None, "invitations belong to a tenant"
    invitation = held.invitation
    store.change_to_accepted(session, invitation.id)
    user_id = foreign.add_vouched(
        session, email=invitation.email, display_name=display_name, role=role
    )
    user = find_user(session, user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    accounts.settle(session, user, invitation.language)
    joined = groups.join_invited(session, held.inviter, invitation.group_ids, user_id)
    return Joined(session.tenant_id, user, invitation.invited_by, joined)
