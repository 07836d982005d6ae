from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from tests.unit.search.library import Library


@pytest.fixture
def library(database: Database, tenant: TenantId, embedder: Embedder) -> Library:
    return Library(database, tenant, embedder)


@pytest.fixture
def other_library(database: Database, other_tenant: TenantId, embedder: Embedder) -> Library:
    return Library(database, other_tenant, embedder)
