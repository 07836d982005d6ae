from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId, UserId, new_id
from tests.unit.adapters.web import WebServer, web_server
from tests.unit.agents.office import Office, kept_versions, make_office
from tests.unit.answering.library import HANDBOOK, LEASE, Shelf
from tests.unit.search.library import Library


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as serving:
        yield serving


@pytest.fixture
def office(database: Database, tenant: TenantId, embedder: Embedder, web: WebServer) -> Office:
    """A desk with two documents on the shelf and a small web outside."""
    shelf = Shelf(Library(database, tenant, embedder))
    shelf.put(LEASE, title="Mietvertrag", language="de")
    shelf.put(HANDBOOK, title="Handbook", language="en")
    kept_versions(database, tenant)
    ada = Principal(tenant, UserId(new_id()), "ada@acme.example", "editor")
    return make_office(database, embedder, ada, web)
