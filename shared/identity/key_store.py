"""The rows of keys, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.identity.key_model import Holder, ApiKey, Count, FoundKey
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.identity")


def find_key(session: Session, secret_hash: bytes) -> FoundKey | None:
    """Find the key in force that a secret belongs to, in any tenant."""
    return session.find(QUERIES["find_key"], FoundKey, {"hash": secret_hash})


def change_key_used(session: Session, key_id: UUID) -> None:
    """Note that a key was used."""
    session.execute(QUERIES["change_key_used"], {"id": key_id})


def record_key(
    session: Session,
    key_id: UUID,
    *,
    user_id: UserId,
    name: str,
    hint: str,
    scopes: Sequence[str],
    created_by: UserId,
    days: int,
) -> None:
    """Insert a key without its secret."""
    session.execute(
        QUERIES["record_key"],
        {
            "id": key_id,
            "user_id": user_id,
            "name": name,
            "hint": hint,
            "scopes": list(scopes),
            "created_by": created_by,
            "days": days,
        },
    )


def record_key_secret(session: Session, key_id: UUID, secret_hash: bytes) -> None:
    """Give a key a secret."""
    session.execute(QUERIES["record_key_secret"], {"key_id": key_id, "hash": secret_hash})


def change_key_secrets(session: Session, key_id: UUID, *, grace_s: int) -> None:
    """Let a key's secrets end after a grace."""
    session.execute(QUERIES["change_key_secrets"], {"key_id": key_id, "grace_s": grace_s})


def remove_key_secrets(session: Session, key_id: UUID) -> None:
    """Delete a key's secrets that have ended."""
    session.execute(QUERIES["remove_key_secrets"], {"key_id": key_id})


def find_own_key(session: Session, key_id: UUID, *, user_id: UserId | None) -> ApiKey | None:
    """Look a key up, of one holder or of anybody."""
    return session.find(QUERIES["find_own_key"], ApiKey, {"id": key_id, "user_id": user_id})


def list_keys(
    session: Session, *, user_id: UserId | None, before: UUID | None, limit: int
) -> list[ApiKey]:
    """List keys, newest first, from before ``before`` on."""
    params = {"user_id": user_id, "before": before, "limit": limit}
    return session.all(QUERIES["list_keys"], ApiKey, params)


def count_keys(session: Session, user_id: UserId) -> int:
    """Count a holder's keys in force."""
    return session.get(QUERIES["count_keys"], Count, {"user_id": user_id}).value


def change_key(
    session: Session,
    key_id: UUID,
    *,
    name: str | None,
    scopes: Sequence[str] | None,
    days: int | None,
) -> None:
    """Change what is given of a key."""
    given = None if scopes is None else list(scopes)
    session.execute(
        QUERIES["change_key"], {"id": key_id, "name": name, "scopes": given, "days": days}
    )


def change_key_rotated(session: Session, key_id: UUID, *, hint: str, days: int) -> None:
    """Note a rotation; the key lives ``days`` from now on, or as long as it did."""
    session.execute(QUERIES["change_key_rotated"], {"id": key_id, "hint": hint, "days": days})


def change_key_revoked(session: Session, key_id: UUID) -> None:
    """End a key."""
    session.execute(QUERIES["change_key_revoked"], {"id": key_id})


def record_service_account(
    session: Session, user_id: UserId, *, email: str, display_name: str, role: str
) -> None:
    """Insert a user that cannot sign in."""
    session.execute(
        QUERIES["record_service_account"],
        {"id": user_id, "email": email, "display_name": display_name, "role": role},
    )


def find_holder(session: Session, user_id: UserId) -> Holder | None:
    """Look an account up."""
    return session.find(QUERIES["find_holder"], Holder, {"id": user_id})
