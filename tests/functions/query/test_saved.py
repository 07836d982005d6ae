"""Saved searches: kept, shared, run again, and only what is new since."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from shared.kernel.paging import encode_cursor
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.functions.library import caller, fill
from tests.unit.answering.library import Shelf


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    return fill(served, tenant, embedder)


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.query.handler import handler

    return handler


@pytest.fixture
def ada(tenant: TenantId) -> Principal:
    return caller(tenant)


def send(handler: Handler, method: str, path: str, principal: Principal, **request: Any) -> Answer:
    return call(handler, method, f"/api/v1/searches{path}", principal=principal, **request)


def save(handler: Handler, principal: Principal, **body: object) -> Answer:
    given = {"name": "Notice", "query": "Kündigungsfrist", **body}
    return send(handler, "POST", "", principal, body=given)


def test_a_search_is_kept_changed_and_removed(
    handler: Handler, shelf: Shelf, served: App, ada: Principal
) -> None:
    made = save(handler, ada, filters={"languages": ["de"], "folder": "a/b"})
    assert (made.status, made.body["ran_at"]) == (201, None)
    assert made.body["filters"] == {"languages": ["de"], "folder": "a/b"}
    path = f"/{made.body['id']}"
    assert send(handler, "GET", path, ada).body == made.body
    assert [each["name"] for each in send(handler, "GET", "", ada).body["items"]] == ["Notice"]
    changed = send(handler, "PATCH", path, ada, body={"name": "Fristen", "filters": {}})
    assert (changed.body["name"], changed.body["filters"]) == ("Fristen", {})
    assert send(handler, "DELETE", path, ada).status == 204
    assert send(handler, "GET", path, ada).status == 404
    with served.database.transaction(ada.tenant_id) as session:
        rows = session.connection.execute(
            "SELECT action FROM kontor.audit_events WHERE subject LIKE 'search:%' ORDER BY id"
        ).fetchall()
    assert [row[0] for row in rows] == ["search.saved", "search.changed", "search.removed"]


def test_a_run_says_what_is_new_to_its_reader(
    handler: Handler, shelf: Shelf, ada: Principal
) -> None:
    path = f"/{save(handler, ada, is_shared=True).body['id']}/run"
    first = send(handler, "POST", path, ada)
    assert first.body["results"]
    assert (first.status, first.body["new_count"]) == (200, 0)
    assert send(handler, "POST", path, ada).body["new_count"] == 0
    shelf.put("Die Kündigungsfrist beträgt vier Wochen.", title="Neu", language="de")
    peek = send(handler, "POST", path, ada, query={"marks_seen": "false"})
    assert peek.body["new_count"] == 1
    again = send(handler, "POST", path, ada)
    assert {hit["title"] for hit in again.body["results"] if hit["is_new"]} == {"Neu"}
    assert send(handler, "POST", path, ada).body["new_count"] == 0
    ben = caller(ada.tenant_id)
    assert send(handler, "POST", path, ben).body["new_count"] == 0


def test_another_question_makes_everything_new_again(
    handler: Handler, shelf: Shelf, ada: Principal
) -> None:
    made = save(handler, ada)
    path = f"/{made.body['id']}"
    send(handler, "POST", f"{path}/run", ada)
    assert send(handler, "GET", path, ada).body["ran_at"]
    send(handler, "PATCH", path, ada, body={"query": "Miete"})
    assert send(handler, "GET", path, ada).body["ran_at"] is None


def test_what_is_not_shared_is_nobody_elses(
    handler: Handler, shelf: Shelf, ada: Principal, other_tenant: TenantId
) -> None:
    path = f"/{save(handler, ada).body['id']}"
    ben, eve = caller(ada.tenant_id), caller(other_tenant, role="admin")
    for somebody in (ben, eve):
        assert send(handler, "GET", path, somebody).status == 404
        assert send(handler, "POST", f"{path}/run", somebody).status == 404
        assert send(handler, "DELETE", path, somebody).status == 404
        assert send(handler, "GET", "", somebody).body["items"] == []
    send(handler, "PATCH", path, ada, body={"is_shared": True})
    assert send(handler, "GET", path, ben).status == 200
    assert send(handler, "PATCH", path, ben, body={"name": "Mine"}).status == 403
    assert send(handler, "DELETE", path, ben).status == 403
    assert send(handler, "GET", path, eve).status == 404
    assert send(handler, "DELETE", path, replace(ben, role="admin")).status == 204


def test_names_are_taken_once_per_person(handler: Handler, shelf: Shelf, ada: Principal) -> None:
    assert save(handler, ada).status == 201
    assert save(handler, ada, name=" notice ").status == 409
    assert save(handler, caller(ada.tenant_id)).status == 201
    other = save(handler, ada, name="Other").body["id"]
    assert send(handler, "PATCH", f"/{other}", ada, body={"name": "NOTICE"}).status == 409


def test_lists_go_on_behind_their_cursor(handler: Handler, shelf: Shelf, ada: Principal) -> None:
    for name in ("b", "A", "c"):
        save(handler, ada, name=name)
    first = send(handler, "GET", "", ada, query={"limit": "2"})
    assert [each["name"] for each in first.body["items"]] == ["A", "b"]
    query = {"limit": "2", "cursor": first.body["next_cursor"]}
    second = send(handler, "GET", "", ada, query=query)
    assert [each["name"] for each in second.body["items"]] == ["c"]
    for wrong in ("x", encode_cursor("a", "b")):
        assert send(handler, "GET", "", ada, query={"cursor": wrong}).status == 422


@pytest.mark.parametrize(
    "body", [{"query": " "}, {"name": " "}, {"filters": {"languages": ["fr"]}}, {"name": "x" * 256}]
)
def test_what_could_not_be_run_is_not_kept(
    handler: Handler, shelf: Shelf, ada: Principal, body: dict[str, object]
) -> None:
    assert save(handler, ada, **body).status == 422


def test_guests_keep_nothing(handler: Handler, shelf: Shelf, tenant: TenantId) -> None:
    assert save(handler, caller(tenant, role="guest")).status == 403
