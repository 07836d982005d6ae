"""The demo tenant that `kontor up` makes, so that a stranger is signed in from the first minute."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from infra.cli.target import PROFILE_FILE, Profile, read_profile, write_profile

if TYPE_CHECKING:
    from shared.adapters.database import Database
    from shared.kernel.settings import Settings

SLUG = "demo"
EMAIL = "demo@kontor.local"


def ensure_demo(owner_url: str, *, data: Path, api: str, aws: str, settings: Settings) -> Profile:
    """Make the signing key, the demo tenant and its login where missing; return the login.

    The password is made up once and kept in the data folder's profile. When the profile was lost,
    the demo administrator gets a new password, and old tokens end.
    """
    from shared.adapters.database import Database
    from shared.adapters.secrets import Secrets
    from shared.identity.keys import ensure_signing_key
    from shared.identity.sealing import ensure_seal

    database = Database(owner_url)
    try:
        vault = Secrets(region=settings.storage_region, endpoint=aws)
        with database.system_transaction() as session:
            ensure_signing_key(session, vault, settings.signing_secret)
        ensure_seal(vault, settings.identity_secret)
        known = read_profile(data / PROFILE_FILE)
        if known is not None and known.email == EMAIL and known.password:
            password = known.password
        else:
            known, password = None, secrets.token_urlsafe(9)
        _ensure_tenant(database, owner_url, password, is_new_password=known is None)
    finally:
        database.close()
    if known is not None and known.api == api:
        return known
    profile = Profile(api, email=EMAIL, tenant=SLUG, password=password)
    write_profile(data / PROFILE_FILE, profile)
    return profile


def _ensure_tenant(
    database: Database, owner_url: str, password: str, *, is_new_password: bool
) -> None:
    import psycopg

    from shared.identity import passwords
    from shared.identity.service import create_tenant
    from shared.kernel.errors import ConflictError
    from shared.limits.service import choose_plan

    try:
        with database.system_transaction() as session:
            made, _ = create_tenant(
                session, slug=SLUG, name="Demo", admin_email=EMAIL, admin_password=password
            )
        with database.transaction(made.id) as session:
            choose_plan(session, "own")  # whoever runs the server is not kept waiting by it
    except ConflictError:
        if not is_new_password:
            return
        with psycopg.connect(owner_url) as connection:
            connection.execute(
                "UPDATE kontor.users AS u"
                " SET password_hash = %s, token_epoch = token_epoch + 1, is_active = true"
                " FROM kontor.tenants AS t"
                " WHERE t.id = u.tenant_id AND t.slug = %s AND u.email = %s",
                (passwords.hash_new(password), SLUG, EMAIL),
            )
