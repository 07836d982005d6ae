"""Fixtures of documents: an office to put files into."""

from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.kernel.ids import TenantId
from tests.unit.documents.library import Office


@pytest.fixture
def office(database: Database, tenant: TenantId) -> Office:
    """Somebody of the test's tenant."""
    return Office(database, tenant)
