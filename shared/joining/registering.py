"""Registering: a stranger makes a tenant and is its first administrator."""

from __future__ import annotations

from shared.adapters.database import Database
from shared.identity import accounts, passwords
from shared.identity.model import Tenant, User
from shared.identity.names import plain_name
from shared.identity.post import Mailroom
from shared.identity.service import admit, check_slug, register_tenant, words_about
from shared.joining.model import Newcomer
from shared.kernel.ids import TenantId, new_id


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
        tenant = register_tenant(session, slug=newcomer.slug, name=name)
        user = admit(
            session,
            email=newcomer.email,
            display_name=newcomer.display_name,
            password_hash=password_hash,
            role="admin",
        )
        accounts.await_verification(session, mailroom, user, newcomer.language)
    return tenant, user
