from __future__ import annotations

import pytest

from infra.deploy.model import ensure_model
from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.inference.registry import open_embedder
from shared.kernel.ids import TenantId
from tests.unit.search.library import MINILM, Library


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    folder = tmp_path_factory.mktemp("models")
    ensure_model(folder)
    return open_embedder(folder, MINILM.name, threads=2)


@pytest.fixture
def library(database: Database, tenant: TenantId, embedder: Embedder) -> Library:
    return Library(database, tenant, embedder)


@pytest.fixture
def other_library(database: Database, other_tenant: TenantId, embedder: Embedder) -> Library:
    return Library(database, other_tenant, embedder)
