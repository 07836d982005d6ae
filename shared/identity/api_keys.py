"""API keys: long-lived credentials of programs, and personal access tokens of people.

A key acts as its holder, narrowed by its scopes: what it may do is what the holder's role gives
at the time of use and the scopes let through. The text of a key carries a checksum (so a mistyped
one, or a leaked one in a repository, is recognised without asking anybody) and is kept only as
SHA-256: it is 256 random bits, so there is nothing to guess and no secret needed to look it up.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Collection
from typing import Final
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.identity import key_store as store
from shared.identity.key_model import ApiKey, Holder, Holding, Kind, MadeKey
from shared.identity.model import PERMISSIONS, Principal, allows, beyond
from shared.identity.names import plain_name
from shared.identity.rights import require_grantable, rights_of
from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
)
from shared.kernel.ids import UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

PREFIXES: Final = {"person": "kontor_pat_", "service": "kontor_sk_"}
MOST_KEYS = 100  # in force, of one holder
SERVICE_DOMAIN = "service.invalid"  # RFC 6761: never an address that mail reaches
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY, _CHECK, _SHOWN = 43, 6, 4  # 62^43 > 2^256, 62^6 > 2^32
_FORM = re.compile(rf"(kontor_(?:pat|sk)_)([0-9A-Za-z]{{{_BODY}}})([0-9A-Za-z]{{{_CHECK}}})")
_MAX_NAME = 100


def new_secret(kind: Kind) -> str:
    """Make the text of a key: prefix, 256 random bits, checksum, in letters and digits."""
    body = _written(secrets.randbits(256), _BODY)
    return f"{PREFIXES[kind]}{body}{_checksum(PREFIXES[kind] + body)}"


def is_key(text: str) -> bool:
    """Tell a key from an access token by how it begins."""
    return text.startswith(tuple(PREFIXES.values()))


def hashed(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def verify_key(database: Database, text: str) -> Principal:
    """Turn a key into the principal it acts as, with the permissions in force now.

    Raises UnauthenticatedError for anything amiss, the same for a revoked key and none at all.
    """
    form = _FORM.fullmatch(text)
    if form is None or form[3] != _checksum(form[1] + form[2]):
        raise _refused()
    with database.system_transaction() as session:
        found = store.find_key(session, hashed(text))
    if found is None:
        raise _refused()
    with database.transaction(found.tenant_id) as session:
        holder = store.find_holder(session, found.user_id)
        if holder is None or not holder.is_active:
            raise _refused()
        if not found.is_used_lately:
            store.change_key_used(session, found.key_id)
        return acting_as(session, holder, found.key_id, found.scopes)


def find_holder(session: Session, user_id: UserId) -> Holder | None:
    """Find an account, a person's or a program's, as it is now."""
    return store.find_holder(session, user_id)


def acting_as(session: Session, holder: Holder, key_id: UUID, scopes: Collection[str]) -> Principal:
    """Return the principal that a key makes of its holder, whose role is that of today."""
    assert session.tenant_id is not None
    held = rights_of(session, holder.role)
    return Principal(
        session.tenant_id,
        holder.id,
        holder.email,
        holder.role,
        permissions=narrowed(held, scopes),
        credential="key",
        session_id=key_id,
    )


def as_of_now(session: Session, caller: Principal) -> Principal:
    """Return who a key makes its holder today; for connections that outlive a request.

    Raises UnauthenticatedError when it has ended or its holder is no longer active.
    """
    key = None
    if caller.session_id is not None:
        key = store.find_own_key(session, caller.session_id, user_id=caller.user_id)
    holder = store.find_holder(session, caller.user_id)
    if key is None or key.state != "active" or holder is None or not holder.is_active:
        raise _refused()
    return acting_as(session, holder, key.id, key.scopes)


def narrowed(held: Collection[str], scopes: Collection[str]) -> frozenset[str]:
    """Return the permissions that are both held and within the scopes."""
    return frozenset(p for p in PERMISSIONS if allows(held, p) and allows(scopes, p))


def make_personal(
    session: Session, caller: Principal, *, name: str, scopes: Collection[str], days: int
) -> MadeKey:
    """Make an access token that acts as the caller; raises RefusedError for others' scopes."""
    _require_session(caller)
    return _make(session, caller, caller.user_id, "person", name=name, scopes=scopes, days=days)


def make_service(
    session: Session,
    caller: Principal,
    *,
    name: str,
    scopes: Collection[str],
    days: int,
    role: str = "viewer",
    account_id: UserId | None = None,
) -> MadeKey:
    """Make a key of a program: of a service account that is there, or of a new one.

    Raises RefusedError without users:manage, or for a role that may do what the caller may not.
    """
    _require_session(caller)
    caller.require("users:manage")
    if account_id is None:
        account_id = _new_account(session, caller, name=name, role=role)
    else:
        account = store.find_holder(session, account_id)
        if account is None or account.kind != "service" or not account.is_active:
            raise NotFoundError("There is no such service account.")
        require_grantable(session, caller, account.role)
    return _make(session, caller, account_id, "service", name=name, scopes=scopes, days=days)


def list_keys(
    session: Session, caller: Principal, *, is_everybodys: bool, cursor: str | None, limit: int
) -> Page[ApiKey]:
    """List the caller's keys, or everybody's for whoever manages users; newest first."""
    if is_everybodys:
        caller.require("users:manage")
    limit = clamp_limit(limit)
    keys = store.list_keys(
        session,
        user_id=None if is_everybodys else caller.user_id,
        before=_id(cursor) if cursor else None,
        limit=limit,
    )
    return Page(keys, encode_cursor(str(keys[-1].id)) if len(keys) == limit else None)


def list_holdings(
    session: Session, caller: Principal, *, cursor: str | None, limit: int
) -> Page[Holding]:
    """List who holds what: accounts with their sessions and keys, for who manages users."""
    caller.require("users:manage")
    limit = clamp_limit(limit)
    after = decode_cursor(cursor, 1)[0] if cursor else None
    holders = store.list_holdings(session, after=after, limit=limit)
    return Page(holders, encode_cursor(holders[-1].email) if len(holders) == limit else None)


def find_key(session: Session, caller: Principal, key_id: UUID) -> ApiKey:
    """Return a key of the caller's own, or anybody's for whoever manages users.

    Raises NotFoundError for everybody else: not yours and not there are one answer.
    """
    mine = None if caller.may("users:manage") else caller.user_id
    key = store.find_own_key(session, key_id, user_id=mine)
    if key is None:
        raise NotFoundError("There is no such key.")
    return key


def change_key(
    session: Session,
    caller: Principal,
    key_id: UUID,
    *,
    name: str | None,
    scopes: Collection[str] | None,
    days: int | None,
) -> ApiKey:
    """Rename a key, give it other scopes, or another end of life from now on."""
    key = find_key(session, caller, key_id)
    _require_keeper(caller, key)
    held = rights_of(session, key.role)
    store.change_key(
        session,
        key_id,
        name=None if name is None else _plain(name),
        scopes=None if scopes is None else _granted(caller, held, scopes),
        days=days,
    )
    return find_key(session, caller, key_id)


def rotate_key(
    session: Session, caller: Principal, key_id: UUID, *, days: int, grace_s: int
) -> MadeKey:
    """Give a key a new secret; the one before it holds for ``grace_s`` seconds more."""
    key = find_key(session, caller, key_id)
    _require_keeper(caller, key)
    secret = new_secret(key.kind)
    store.change_key_secrets(session, key_id, grace_s=grace_s)
    store.remove_key_secrets(session, key_id)
    store.record_key_secret(session, key_id, hashed(secret))
    store.change_key_rotated(session, key_id, hint=_hint(secret), days=days)
    return MadeKey(find_key(session, caller, key_id), secret)


def revoke_key(session: Session, caller: Principal, key_id: UUID) -> ApiKey:
    """End a key at once, its own holder's or anybody's for whoever manages users."""
    _require_session(caller)
    key = find_key(session, caller, key_id)
    store.change_key_revoked(session, key_id)
    return key


def _make(
    session: Session,
    caller: Principal,
    holder: UserId,
    kind: Kind,
    *,
    name: str,
    scopes: Collection[str],
    days: int,
) -> MadeKey:
    if store.count_keys(session, holder) >= MOST_KEYS:
        raise ConflictError(
            f"There are {MOST_KEYS} keys in force already.", hint="Revoke those nobody uses."
        )
    account = store.find_holder(session, holder)
    if account is None:
        raise NotFoundError("There is no such account.")
    key_id, secret = new_id(), new_secret(kind)
    store.record_key(
        session,
        key_id,
        user_id=holder,
        name=_plain(name),
        hint=_hint(secret),
        scopes=_granted(caller, rights_of(session, account.role), scopes),
        created_by=caller.user_id,
        days=days,
    )
    store.record_key_secret(session, key_id, hashed(secret))
    return MadeKey(find_key(session, caller, key_id), secret)


def _granted(caller: Principal, held: Collection[str], scopes: Collection[str]) -> list[str]:
    """Write scopes out; a wildcard means all of it that caller and holder may do today.

    Written out, a key does not grow when its holder's role does. Raises InvalidError for what is
    no permission, RefusedError for one that the caller or the holder lacks.
    """
    granted: set[str] = set()
    for scope in scopes:
        meant = {p for p in PERMISSIONS if allows({scope}, p)}
        if not meant:
            raise InvalidError(
                f"{scope!r} is not a permission.",
                hint=f"Use some of: {', '.join(sorted(PERMISSIONS))}, or *.",
                fields={"scopes": "permissions, or resource:*, or *"},
            )
        given = {p for p in meant if caller.may(p) and allows(held, p)}
        if not given:
            whose = "You may" if not any(caller.may(p) for p in meant) else "The account may"
            raise RefusedError(f"{whose} not do this: {scope}.", hint="Leave it out of the scopes.")
        granted |= given
    if not granted:
        raise InvalidError(
            "A key without scopes may do nothing.",
            hint="Name at least one, such as search.",
            fields={"scopes": "at least one"},
        )
    return sorted(granted)


def _new_account(session: Session, caller: Principal, *, name: str, role: str) -> UserId:
    require_grantable(session, caller, role)
    account_id = UserId(new_id())
    store.record_service_account(
        session,
        account_id,
        email=f"{account_id.hex}@{SERVICE_DOMAIN}",
        display_name=_plain(name),
        role=role,
    )
    return account_id


def _require_session(caller: Principal) -> None:
    """Keys are managed by people who signed in: a stolen key must not make others."""
    if caller.credential != "session":
        raise RefusedError(
            "A key cannot manage keys.", hint="Sign in with `kontor login` and do it yourself."
        )


def _require_keeper(caller: Principal, key: ApiKey) -> None:
    """Go on for who may hold the secret: its person, or for a program who manages users."""
    _require_session(caller)
    if key.state == "revoked":
        raise ConflictError("This key was revoked.", hint="Make a new one.")
    if key.kind == "person" and key.user_id != caller.user_id:
        raise RefusedError(
            "Only its holder may change a personal access token.", hint="You may revoke it."
        )
    if key.kind == "service":
        caller.require("users:manage")
        more = beyond(caller.held, key.scopes)
        if more:
            raise RefusedError(f"This key may do what you may not: {', '.join(more)}.")


def _plain(name: str) -> str:
    return plain_name("name", name, called="The key's name", most=_MAX_NAME)


def _hint(secret: str) -> str:
    prefix = next(p for p in PREFIXES.values() if secret.startswith(p))
    return f"{secret[: len(prefix) + _SHOWN]}…{secret[-_SHOWN:]}"


def _checksum(text: str) -> str:
    return _written(zlib.crc32(text.encode()), _CHECK)


def _written(number: int, width: int) -> str:
    letters = []
    for _ in range(width):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return "".join(reversed(letters))


def _id(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The key is not in force.", hint="Make or rotate one: `kontor key make`."
    )
