"""How acts on accounts are written into the trail."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity.model import Welcome
from shared.joining.model import Joined
from shared.kernel.ids import UserId


def record_act(
    session: Session, action: str, user_id: UserId, *, by: UserId | None = None, **details: object
) -> None:
    """Record what was done to an account; by its owner if nobody else is named."""
    audit.record(
        session,
        actor_id=by or user_id,
        action=action,
        subject=f"user:{user_id}",
        details=details,
    )


def record_sign_in(session: Session, welcome: Welcome, *methods: str) -> None:
    """Record a sign-in, with the session it opened and how it was proved."""
    record_act(
        session,
        "user.signed_in",
        welcome.user.id,
        opened=str(welcome.session_id),
        methods=list(methods),
    )


def record_joined(session: Session, joined: Joined, *, how: str) -> None:
    """Record that an invitation was accepted, by its link or a provider, and the groups joined."""
    user, by = joined.user, str(joined.invited_by)
    record_act(session, "invitation.accepted", user.id, role=user.role, invited_by=by, how=how)
    for group_id in joined.group_ids:
        audit.record(
            session,
            actor_id=user.id,
            action="group.joined",
            subject=f"group:{group_id}",
            details={"user_id": str(user.id), "invited_by": by},
        )
