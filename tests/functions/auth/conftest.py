"""A tenant with an administrator and a signing key, behind the whole handler."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.adapters.database import Database
from shared.identity.keys import ensure_signing_key
from shared.identity.model import Principal
from shared.identity.service import create_tenant
from shared.wiring import App

PASSWORD = "correct horse battery"


@pytest.fixture
def owner(owner_url: str) -> Iterator[Database]:
    opened = Database(owner_url)
    yield opened
    opened.close()


@pytest.fixture
def admin(served: App, owner: Database) -> Principal:
    with owner.system_transaction() as session:
        ensure_signing_key(session, served.secrets, served.settings.signing_secret)
        tenant, user = create_tenant(
            session,
            slug="acme",
            name="Acme",
            admin_email="ada@acme.example",
            admin_password=PASSWORD,
        )
    return Principal(tenant.id, user.id, user.email, user.role, permissions=frozenset({"*"}))
