"""Fixtures of access: a tenant with people in it."""

from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.kernel.ids import TenantId
from tests.unit.access.world import World


@pytest.fixture
def world(database: Database, owner_url: str, tenant: TenantId) -> World:
    """Ada, Bob and Cem, editors, and Amy, an administrator."""
    made = World(database, owner_url, tenant)
    for name in ("ada", "bob", "cem"):
        made.person(name)
    made.person("amy", role="admin")
    return made
