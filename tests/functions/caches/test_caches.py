"""The caches function: administrators look and clear; a change of the corpus clears by itself."""

from __future__ import annotations

import pytest

from functions.caches.handler import handler
from functions.query.handler import handler as query
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.http_events import call
from tests.unit.search.library import Library


def admin(tenant: TenantId, *, role: str = "admin") -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", role)


@pytest.fixture
def searched(served: App, embedder: Embedder) -> App:
    """The App with the worker's own model in it."""
    served.__dict__["embedder"] = embedder
    return served


def test_a_search_is_kept_and_an_administrator_clears_it(searched: App, tenant: TenantId) -> None:
    served = searched
    Library(served.database, tenant, served.embedder).add_text("The garden gate is green.")
    caller = admin(tenant)
    body = {"query": "garden gate"}
    first = call(query, "POST", "/api/v1/search", principal=caller, body=body).body
    again = call(query, "POST", "/api/v1/search", principal=caller, body=body).body
    assert again["results"] == first["results"] != []
    shown = call(handler, "GET", "/api/v1/caches", principal=caller).body
    assert (shown["results"], shown["redis_results"], shown["answers"]) == (1, None, 0)
    assert shown["result_bytes"] > 100
    assert call(handler, "DELETE", "/api/v1/caches", principal=caller).status == 204
    after = call(handler, "GET", "/api/v1/caches", principal=caller).body
    assert after["results"] == 0
    assert after["corpus_version"] == shown["corpus_version"] + 1
    with served.database.transaction(tenant) as session:
        actions = session.connection.execute("SELECT action FROM kontor.audit_events").fetchall()
    assert ("caches.cleared",) in actions


def test_others_are_refused(served: App, tenant: TenantId) -> None:
    for method in ("GET", "DELETE"):
        answer = call(handler, method, "/api/v1/caches", principal=admin(tenant, role="viewer"))
        assert answer.status == 403
        assert call(handler, method, "/api/v1/caches").status == 401
