"""Settings and reprocessings through the whole handler, as API Gateway calls it."""

from __future__ import annotations

import pytest

from shared.ingestion.task import IngestTask
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.http_events import Answer, Handler, call
from tests.functions.library import caller
from tests.functions.reprocess.test_reprocessing import found, put, work


@pytest.fixture
def handler(served: App, wired: App, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """The handler over the App that has a bucket and a state machine."""
    from functions.reprocess import routes
    from functions.reprocess.handler import handler

    assert served is not wired
    monkeypatch.setattr(routes, "wired", lambda: wired)
    return handler


class Admin:
    """Asks as an administrator of the tenant."""

    def __init__(self, handler: Handler, tenant: TenantId) -> None:
        self._handler = handler
        self._principal = caller(tenant, role="admin")

    def __call__(self, method: str, path: str, body: object = None) -> Answer:
        return call(self._handler, method, path, body=body, principal=self._principal)


@pytest.fixture
def admin(handler: Handler, tenant: TenantId) -> Admin:
    return Admin(handler, tenant)


def test_settings_are_changed_by_administrators_and_seen_by_everybody(
    admin: Admin, handler: Handler, tenant: TenantId
) -> None:
    path = "/api/v1/settings/reading"
    assert admin("GET", path).body["chunk_tokens"] == 224
    wanted = {
        "strategy": "fixed",
        "chunk_tokens": 100,
        "overlap_tokens": 10,
        "ocr_languages": ["eng"],
    }
    assert admin("PUT", path, wanted).body == wanted
    editor = caller(tenant, role="editor")
    assert call(handler, "GET", path, principal=editor).body == wanted
    refused = call(handler, "PUT", path, body=wanted, principal=editor)
    assert refused.status == 403
    wrong = admin("PUT", path, {**wanted, "chunk_tokens": 9999})
    assert wrong.status == 422
    assert "254" in wrong.body["detail"]


def requested(app: App, tenant: TenantId, reprocessing: str) -> IngestTask:
    """Return the one task that was sent off for a reprocessing."""
    with app.database.transaction(tenant) as session:
        (row,) = session.connection.execute(
            "SELECT payload FROM kontor.outbox WHERE sent_at IS NOT NULL"
            " AND payload -> 'task' ->> 'reprocessing' = %s",
            (reprocessing,),
        ).fetchall()
    return IngestTask.from_json(row[0]["task"])


def test_a_reprocessing_from_order_to_drop(
    admin: Admin, wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)
    admin("PUT", "/api/v1/settings/reading", {"chunk_tokens": 40})
    before = found(wired, tenant)
    made = admin("POST", "/api/v1/reprocessings", {"reason": "chunking"})
    assert (made.status, made.body["state"]) == (201, "running")
    path = f"/api/v1/reprocessings/{made.body['id']}"
    assert admin("POST", f"{path}/switch", {}).status == 409
    assert admin("POST", f"{path}/gate").status == 409
    work(wired, requested(wired, tenant, made.body["id"]))
    ready = admin("GET", path).body
    assert (ready["state"], ready["counts"]) == ("ready", {"ready": 1})
    assert found(wired, tenant) == before
    assert admin("POST", f"{path}/gate").body["gate"]["is_open"]
    assert admin("POST", f"{path}/switch", {}).body["state"] == "switched"
    assert {reading for reading, _ in found(wired, tenant)} == {2}
    assert admin("POST", f"{path}/revert").body["state"] == "reverted"
    assert found(wired, tenant) == before
    assert admin("POST", f"{path}/drop").body == {"left": 0}
    assert [each["id"] for each in admin("GET", "/api/v1/reprocessings").body["items"]] == [
        made.body["id"]
    ]


def test_what_makes_no_sense_is_refused_with_the_reason(
    admin: Admin, handler: Handler, tenant: TenantId
) -> None:
    path = "/api/v1/reprocessings"
    assert admin("POST", path, {"reason": "weather"}).status == 422
    assert "no document" in admin("POST", path, {"reason": "parser"}).body["detail"]
    absent = admin("POST", path, {"reason": "model", "model": "all-mpnet-base-v2"})
    assert "kontor model add" in absent.body["hint"]
    assert admin("POST", path, {"reason": "model", "model": "unknown"}).status == 422
    assert admin("GET", f"{path}/00000000-0000-0000-0000-000000000000").status == 404
    viewer = caller(tenant, role="viewer")
    assert call(handler, "POST", path, body={"reason": "parser"}, principal=viewer).status == 403
