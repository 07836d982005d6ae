"""The rows of sessions and their refresh tokens, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.identity.model import Device, ProviderSession
from shared.identity.store import QUERIES
from shared.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class UserSession:
    """Where somebody is signed in: since when, last renewed when, from what, and how proved."""

    id: UUID
    user_id: UserId
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str
    methods: list[str]


@dataclass(frozen=True, slots=True)
class Opening:
    """When a session was opened, and at which identity provider, if at one."""

    created_at: datetime
    provider_id: UUID | None


@dataclass(frozen=True, slots=True)
class Lasting:
    """A session that goes on: whose it is and when it ends at the latest."""

    user_id: UserId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UsedToken:
    """The session of a refresh token that was just used."""

    session_id: UUID


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A refresh token that could not be used, and whether it had been before."""

    session_id: UUID
    user_id: UserId
    used_at: datetime | None


def record_session(
    session: Session,
    session_id: UUID,
    user_id: UserId,
    *,
    expires_at: datetime,
    device: Device,
    methods: Sequence[str],
    there: ProviderSession | None = None,
) -> None:
    """Insert a session."""
    session.execute(
        QUERIES["record_session"],
        {
            "id": session_id,
            "user_id": user_id,
            "expires_at": expires_at,
            "user_agent": device.user_agent,
            "address": device.address,
            "methods": list(methods),
            "provider_id": there.provider_id if there else None,
            "provider_sid": there.sid if there else "",
        },
    )


def find_opening(session: Session, user_id: UserId, session_id: UUID) -> Opening | None:
    """Return when and where an open session of a person was opened."""
    params = {"id": session_id, "user_id": user_id}
    return session.find(QUERIES["find_opening"], Opening, params)


def change_opened_there_to_revoked(
    session: Session,
    user_id: UserId,
    provider_ids: Sequence[UUID],
    *,
    because: str,
    but: UUID | None,
) -> int:
    """End the sessions that a person opened at some providers; returns how many."""
    params = {"user_id": user_id, "provider_ids": list(provider_ids), "because": because}
    return session.execute(QUERIES["change_opened_there_to_revoked"], {**params, "but": but})


def change_to_seen(session: Session, session_id: UUID, device: Device) -> Lasting | None:
    """Note that a session goes on; ``None`` when it has ended."""
    params = {
        "id": session_id, "user_agent": device.user_agent, "address": device.address
    }  # fmt: skip
    return session.find(QUERIES["change_to_seen"], Lasting, params)


def change_to_revoked(session: Session, user_id: UserId, session_id: UUID, *, because: str) -> bool:
    """End a session; False when it is not this person's or has ended."""
    params = {"id": session_id, "user_id": user_id, "because": because}
    return session.execute(QUERIES["change_to_revoked"], params) > 0


def change_all_to_revoked(
    session: Session, user_id: UserId, *, because: str, but: UUID | None = None
) -> int:
    """End every session of a person, all or all but one; returns how many."""
    params = {"user_id": user_id, "because": because, "but": but}
    return session.execute(QUERIES["change_all_to_revoked"], params)


def list_sessions(
    session: Session, user_id: UserId, *, before: UUID | None, limit: int
) -> list[UserSession]:
    """List a person's open sessions, newest first, from before ``before`` on."""
    params = {"user_id": user_id, "before": before, "limit": limit}
    return session.all(QUERIES["list_sessions"], UserSession, params)


def remove_ended_sessions(session: Session) -> int:
    """Delete sessions that ended long ago, and their refresh tokens; returns how many."""
    return session.execute(QUERIES["remove_ended_sessions"])


def record_refresh_token(
    session: Session, token_hash: bytes, session_id: UUID, *, expires_at: datetime
) -> None:
    """Insert a refresh token."""
    params = {"token_hash": token_hash, "session_id": session_id, "expires_at": expires_at}
    session.execute(QUERIES["record_refresh_token"], params)


def change_to_used(session: Session, token_hash: bytes) -> UUID | None:
    """Use a refresh token up and return its session; ``None`` when it does not count."""
    used = session.find(QUERIES["change_to_used"], UsedToken, {"token_hash": token_hash})
    return None if used is None else used.session_id


def find_refresh_token(session: Session, token_hash: bytes) -> KnownToken | None:
    """Look a refresh token up."""
    return session.find(QUERIES["find_refresh_token"], KnownToken, {"token_hash": token_hash})
