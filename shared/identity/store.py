"""The rows of identity, one typed function per query."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.identity.key_model import KeyState, SigningKid
from shared.identity.model import Bearer, PublicKey, Rights, SignIn, Tenant, User
from shared.kernel.ids import TenantId, UserId

QUERIES = load_queries("shared.identity")


def list_sign_ins(session: Session, *, email: str, tenant_slug: str | None) -> list[SignIn]:
    """List the active accounts an e-mail address may mean, in every tenant or in one."""
    return session.all(
        QUERIES["list_sign_ins"], SignIn, {"email": email, "tenant_slug": tenant_slug}
    )


def change_password_hash(
    session: Session, user_id: UserId, *, old_hash: str, new_hash: str
) -> None:
    """Replace a hash by one of the same password."""
    session.execute(
        QUERIES["change_password_hash"], {"id": user_id, "old_hash": old_hash, "new_hash": new_hash}
    )


def change_to_signed_in(session: Session, user_id: UserId) -> User | None:
    """Note the sign-in; ``None`` when the account is no longer active."""
    return session.find(QUERIES["change_to_signed_in"], User, {"id": user_id})


def change_token_epoch(session: Session, user_id: UserId) -> None:
    """Void every token of a person."""
    session.execute(QUERIES["change_token_epoch"], {"id": user_id})


def find_bearer(session: Session, user_id: UserId, session_id: UUID) -> Bearer | None:
    """Look a token's bearer and session up."""
    return session.find(QUERIES["find_bearer"], Bearer, {"id": user_id, "session_id": session_id})


def find_rights(session: Session, role: str) -> Rights | None:
    """Look up what a role of the tenant allows."""
    return session.find(QUERIES["find_rights"], Rights, {"role": role})


def find_user(session: Session, user_id: UserId) -> User | None:
    """Look a person up."""
    return session.find(QUERIES["find_user"], User, {"id": user_id})


def list_users(session: Session, *, after: str | None, limit: int) -> list[User]:
    """List people by e-mail address, from behind ``after`` on."""
    return session.all(QUERIES["list_users"], User, {"after": after, "limit": limit})


def record_user(
    session: Session,
    user_id: UserId,
    *,
    email: str,
    display_name: str,
    password_hash: str,
    role: str,
) -> User | None:
    """Insert a person; ``None`` when the address is taken in this tenant."""
    return session.find(
        QUERIES["record_user"],
        User,
        {
            "id": user_id,
            "email": email,
            "display_name": display_name,
            "password_hash": password_hash,
            "role": role,
        },
    )


def find_tenant(session: Session) -> Tenant | None:
    """Look the transaction's tenant up."""
    return session.find(QUERIES["find_tenant"], Tenant)


def record_tenant(session: Session, tenant_id: TenantId, *, slug: str, name: str) -> Tenant | None:
    """Insert a tenant; ``None`` when the slug is taken. Owner's connection only."""
    params = {"tenant_id": tenant_id, "slug": slug, "name": name}
    return session.find(QUERIES["record_tenant"], Tenant, params)


def list_signing_keys(session: Session) -> list[PublicKey]:
    """List the public keys in force."""
    return session.all(QUERIES["list_signing_keys"], PublicKey)


def record_signing_key(session: Session, *, kid: str, public_key: bytes) -> None:
    """Publish a public key; publishing it again changes nothing. Owner's connection only."""
    session.execute(QUERIES["record_signing_key"], {"id": kid, "public_key": public_key})


def find_signing_kid(session: Session) -> SigningKid | None:
    """Find which key signs now."""
    return session.find(QUERIES["find_signing_kid"], SigningKid)


def list_coming_keys(session: Session) -> list[SigningKid]:
    """List the keys that will sign."""
    return session.all(QUERIES["list_coming_keys"], SigningKid)


def list_key_states(session: Session) -> list[KeyState]:
    """List the signing keys with their moments, newest first."""
    return session.all(QUERIES["list_key_states"], KeyState)


def change_keys_retired(session: Session, *, after_s: int) -> None:
    """Let the keys in force retire after a while. Owner's connection only."""
    session.execute(QUERIES["change_keys_retired"], {"after_s": after_s})


def record_next_key(session: Session, *, kid: str, public_key: bytes, lead_s: int) -> None:
    """Publish a key that signs after a while. Owner's connection only."""
    params = {"id": kid, "public_key": public_key, "lead_s": lead_s}
    session.execute(QUERIES["record_next_key"], params)


def register_tenant(session: Session, *, slug: str, name: str) -> Tenant | None:
    """Make the transaction's own tenant; ``None`` when the slug is taken."""
    return session.find(QUERIES["register_tenant"], Tenant, {"slug": slug, "name": name})


@dataclass(frozen=True, slots=True)
class Wait:
    """How many seconds to wait before the next try; 0: it may be made now."""

    seconds: int


def take_try(session: Session, key: bytes, *, most: int, wait_s: int, window_s: int) -> int:
    """Count a try about to be made; returns seconds to wait instead, or 0."""
    params = {"key": key, "most": most, "wait_s": wait_s, "window_s": window_s}
    return session.get(QUERIES["take_try"], Wait, params).seconds


def forgive_tries(session: Session, key: bytes) -> None:
    """Forget all tries counted under a key."""
    session.execute(QUERIES["forgive_tries"], {"key": key})


def give_back_try(session: Session, key: bytes) -> None:
    """Take one try off a key, and whatever wait it began."""
    session.execute(QUERIES["give_back_try"], {"key": key})


def forget_old_tries(session: Session) -> None:
    """Delete counts whose waits are long over."""
    session.execute(QUERIES["forget_old_tries"])
