"""Use cases of identity: make tenants, add people, sign in, verify, sign out.

Signing in has two halves so that no transaction waits while a password is hashed: ``recognise``
finds the account, ``entering.enter`` opens its session inside the tenant's transaction.
"""

from __future__ import annotations

import re
from dataclasses import replace

from shared.adapters.database import Database, Session
from shared.identity import passwords, sessions, store, tokens
from shared.identity.api_keys import is_key, verify_key
from shared.identity.keys import Keyring, as_jwk
from shared.identity.links import is_visit, verify_visit
from shared.identity.model import ROLE_TEMPLATES, Principal, SignIn, Tenant, User
from shared.identity.names import plain_name
from shared.identity.rights import require_grantable, rights_of
from shared.identity.sessions import TokenRules as TokenRules  # noqa: PLC0414 - part of this face
from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
)
from shared.kernel.ids import TenantId, UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")
_MAX_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


class Verifier:
    """Turns a bearer's token into a principal, against the keys and the account as they are now."""

    def __init__(self, database: Database, *, issuer: str) -> None:
        self._database = database
        self._issuer = issuer
        self._keyring = Keyring(database)

    def verify(self, token: str) -> Principal:
        """Check a token or a key and its bearer's account; role and e-mail are today's.

        Raises UnauthenticatedError for anything amiss, UnavailableError without a database.
        """
        if is_key(token):
            return verify_key(self._database, token)
        if is_visit(token):
            return verify_visit(self._database, token)
        key = self._keyring.find(tokens.key_id(token))
        claims = tokens.read(token, key, issuer=self._issuer)
        with self._database.transaction(claims.tenant_id) as session:
            bearer = store.find_bearer(session, claims.user_id, claims.session_id)
        if bearer is None or not bearer.is_active:
            raise UnauthenticatedError(
                "This account is not active.", hint="Ask an administrator of your tenant."
            )
        if bearer.token_epoch != claims.epoch or not bearer.is_signed_in:
            raise UnauthenticatedError("This token was signed out.", hint="Sign in again.")
        return Principal(
            claims.tenant_id,
            claims.user_id,
            bearer.email,
            bearer.role,
            permissions=frozenset(bearer.permissions),
            session_id=claims.session_id,
        )


def recognise(
    database: Database, *, email: str, password: str, tenant_slug: str | None = None
) -> SignIn:
    """Find the one account that an e-mail address and password belong to.

    Raises UnauthenticatedError, the same for a wrong password and an unknown address;
    ConflictError when several tenants match and ``tenant_slug`` must choose.
    """
    with database.system_transaction() as session:
        accounts = store.list_sign_ins(
            session, email=email.strip().lower(), tenant_slug=tenant_slug
        )
    if not accounts:
        passwords.spend(password)
    matching = [one for one in accounts if passwords.is_right(one.password_hash, password)]
    if not matching:
        raise UnauthenticatedError(
            "E-mail address or password is wrong.",
            hint="Check both, and the tenant if you gave one.",
        )
    if len(matching) > 1:
        slugs = ", ".join(one.tenant_slug for one in matching)
        raise ConflictError("You belong to several tenants.", hint=f"Add tenant, one of: {slugs}.")
    return matching[0]


def renew_hash(session: Session, account: SignIn, *, password: str) -> None:
    """Replace a hash that was made with other parameters than today's."""
    new_hash = passwords.rehashed(account.password_hash, password)
    if new_hash is not None:
        store.change_password_hash(
            session, account.user_id, old_hash=account.password_hash, new_hash=new_hash
        )


def sign_out(session: Session, principal: Principal) -> None:
    """End every session of the caller, on every device, at once."""
    sessions.end_all(session, principal.user_id, because="signed out everywhere")


def me(session: Session, principal: Principal) -> User:
    """Return the caller's own record; raises NotFoundError when it is gone."""
    user = store.find_user(session, principal.user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return user


def find_user(session: Session, user_id: UserId) -> User | None:
    """Look a person of the transaction's tenant up."""
    return store.find_user(session, user_id)


def own_tenant(session: Session) -> Tenant:
    """Return the transaction's tenant; raises NotFoundError when it is gone."""
    tenant = store.find_tenant(session)
    if tenant is None:
        raise NotFoundError("There is no such tenant.")
    return tenant


def list_users(
    session: Session, principal: Principal, *, cursor: str | None, limit: int
) -> Page[User]:
    """List the tenant's people by e-mail address; raises RefusedError without users:read."""
    principal.require("users:manage" if principal.may("users:manage") else "users:read")
    limit = clamp_limit(limit)
    after = decode_cursor(cursor, 1)[0] if cursor else None
    users = store.list_users(session, after=after, limit=limit)
    return Page(users, encode_cursor(users[-1].email) if len(users) == limit else None)


def add_user(
    session: Session,
    principal: Principal,
    *,
    email: str,
    display_name: str,
    password: str,
    role: str,
) -> User:
    """Add a person to the caller's tenant.

    Raises RefusedError without users:manage, or for a role that allows more than the caller's
    own; InvalidError for a bad address, name, role or password, ConflictError when the address
    is taken.
    """
    principal.require("users:manage")
    require_grantable(session, principal, role)
    return _record_user(
        session, email=email, display_name=display_name, password=password, role=role
    )


def create_tenant(
    session: Session,
    *,
    slug: str,
    name: str,
    admin_email: str,
    admin_password: str,
    roles: str = ROLE_TEMPLATES[0],
) -> tuple[Tenant, User]:
    """Make a tenant with the roles of a template, and its first administrator.

    ``session`` is a system transaction on the owner's connection. Raises InvalidError for a bad
    slug, template, address or password, ConflictError when the slug is taken.
    """
    check_slug(slug)
    if roles not in ROLE_TEMPLATES:
        raise InvalidError(
            f"There is no set of roles called {roles}.",
            hint=f"Use one of: {', '.join(ROLE_TEMPLATES)}.",
        )
    tenant_id = TenantId(new_id())
    tenant = store.record_tenant(session, tenant_id, slug=slug, name=plain_name("name", name))
    if tenant is None:
        raise slug_taken(slug)
    if roles != ROLE_TEMPLATES[0]:
        store.use_role_template(replace(session, tenant_id=tenant_id), roles)
    admin = _record_user(
        replace(session, tenant_id=tenant_id),
        email=admin_email,
        display_name=admin_email.strip().partition("@")[0],
        password=admin_password,
        role="admin",
    )
    return tenant, admin


def register_tenant(session: Session, *, slug: str, name: str) -> Tenant:
    """Make the transaction's own tenant; raises ConflictError when the slug is taken."""
    tenant = store.register_tenant(session, slug=slug, name=name)
    if tenant is None:
        raise slug_taken(slug)
    return tenant


def check_slug(slug: str) -> None:
    """Raise InvalidError for a slug that no tenant may have."""
    if not _SLUG.fullmatch(slug):
        raise InvalidError(
            "The tenant's slug is not valid.",
            hint="Use small letters, digits and hyphens, at most 63, starting with no hyphen.",
            fields={"slug": "a-z, 0-9 and hyphens"},
        )


def slug_taken(slug: str) -> ConflictError:
    """Say that another tenant has the slug."""
    return ConflictError(f"There is a tenant {slug} already.", hint="Choose another slug.")


def published_keys(session: Session) -> list[dict[str, str]]:
    """List the public keys in force as JSON Web Keys."""
    return [as_jwk(row.id, row.public_key) for row in store.list_signing_keys(session)]


def admit(
    session: Session, *, email: str, display_name: str, password_hash: str, role: str
) -> User:
    """Make somebody a user of the transaction's tenant, whatever way they came.

    Raises InvalidError for a bad address, name or role, ConflictError when the address is taken.
    """
    rights_of(session, role)
    address = clean_address(email)
    user = store.record_user(
        session,
        UserId(new_id()),
        email=address,
        display_name=plain_name("display_name", display_name),
        password_hash=password_hash,
        role=role,
    )
    if user is None:
        raise ConflictError(
            f"{address} belongs to somebody of this tenant already.", hint="Use another address."
        )
    return user


def _record_user(
    session: Session, *, email: str, display_name: str, password: str, role: str
) -> User:
    rights_of(session, role)
    about = words_about(email, display_name)
    return admit(
        session,
        email=email,
        display_name=display_name,
        password_hash=passwords.hash_new(password, about=about),
        role=role,
    )


def words_about(*texts: str) -> list[str]:
    """Return the words a guesser would try for somebody: an address, its parts, names."""
    return [part for text in texts for part in (text, *re.split(r"[@.\s_-]+", text))]


def clean_address(email: str) -> str:
    """Bring an e-mail address into one form; raises InvalidError when it is none."""
    address = email.strip().lower()
    if len(address) > _MAX_EMAIL or not _EMAIL.fullmatch(address):
        raise InvalidError(
            "This is not an e-mail address.",
            hint="Write it like ada@example.org.",
            fields={"email": "like ada@example.org"},
        )
    return address
