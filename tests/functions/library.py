"""A served App with two documents in it, for functions that search and answer."""

from __future__ import annotations

import pytest

from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.unit.answering.library import HANDBOOK, LEASE, Shelf
from tests.unit.search.library import Library


def fill(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    """Give the App a loaded embedder and the tenant two documents."""
    served.__dict__["embedder"] = embedder
    shelf = Shelf(Library(served.database, tenant, embedder))
    shelf.put(LEASE, title="Mietvertrag", language="de")
    shelf.put(HANDBOOK, title="Handbook", language="en")
    return shelf


def caller(tenant: TenantId, *, role: str = "viewer") -> Principal:
    """Somebody of the tenant."""
    return Principal(tenant, UserId(new_id()), "ada@acme.example", role)


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    """Import into a test module to have its documents."""
    return fill(served, tenant, embedder)
