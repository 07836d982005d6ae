"""The rows of invitations, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.joining.model import Invitation, Taken

QUERIES = load_queries("shared.joining")


def record_invitation(session: Session, invitation: Invitation, token_hash: bytes) -> Invitation:
    """Insert an invitation, or renew the open one of the same address."""
    return session.get(
        QUERIES["record_invitation"],
        Invitation,
        {
            "id": invitation.id,
            "email": invitation.email,
            "role": invitation.role,
            "language": invitation.language,
            "token_hash": token_hash,
            "invited_by": invitation.invited_by,
            "created_at": invitation.created_at,
            "expires_at": invitation.expires_at,
            "group_ids": invitation.group_ids,
        },
    )


def list_invitations(session: Session, *, before: UUID | None, limit: int) -> list[Invitation]:
    """List open invitations, newest first, from before ``before`` on."""
    params = {"before": before, "limit": limit}
    return session.all(QUERIES["list_invitations"], Invitation, params)


def list_taken_addresses(session: Session, addresses: Sequence[str]) -> set[str]:
    """List which of some addresses people of the tenant have."""
    params = {"addresses": list(addresses)}
    found = session.all(QUERIES["list_taken_addresses"], Taken, params)
    return {each.email for each in found}


def find_invitation(session: Session, token_hash: bytes) -> Invitation | None:
    """Return an invitation that counts still."""
    return session.find(QUERIES["find_invitation"], Invitation, {"token_hash": token_hash})


def take_invitation(session: Session, token_hash: bytes) -> Invitation | None:
    """Use an invitation up; ``None`` when it does not count (any more)."""
    return session.find(QUERIES["take_invitation"], Invitation, {"token_hash": token_hash})


def hold_invitation_to(session: Session, email: str) -> Invitation | None:
    """Lock the invitation to an address that counts still."""
    return session.find(QUERIES["hold_invitation_to"], Invitation, {"email": email})


def change_to_accepted(session: Session, invitation_id: UUID) -> None:
    """Use an invitation up that is held."""
    session.execute(QUERIES["change_to_accepted"], {"id": invitation_id})


def remove_invitation(session: Session, invitation_id: UUID) -> bool:
    """Withdraw an open invitation; False when there is none."""
    return session.execute(QUERIES["remove_invitation"], {"id": invitation_id}) > 0
