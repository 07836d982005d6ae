from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.answering.model import Instruments
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId, UserId, new_id
from shared.kernel.settings import read_settings
from shared.search import service as search
from tests.unit.answering.library import HANDBOOK, LEASE, Shelf
from tests.unit.search.library import Library


@pytest.fixture
def shelf(database: Database, tenant: TenantId, embedder: Embedder) -> Shelf:
    made = Shelf(Library(database, tenant, embedder))
    made.put(LEASE, title="Mietvertrag", language="de")
    made.put(HANDBOOK, title="Handbook", language="en")
    return made


@pytest.fixture
def principal(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", "viewer")


@pytest.fixture
def tools(database: Database, embedder: Embedder) -> Instruments:
    config = read_settings({})
    return Instruments(
        database=database,
        embedder=embedder,
        open_language_model=lambda _purpose="chat": None,
        ranking=search.ranking(config),
        answer_threshold=config.answer_threshold,
        related_threshold=config.related_threshold,
    )
