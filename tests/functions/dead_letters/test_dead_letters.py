"""Dead letters: buried once, seen by their own administrators, set going again exactly once."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from shared.adapters import aws as clients
from shared.adapters import outbox
from shared.audit import service as audit
from shared.documents import service as documents
from shared.identity.model import Principal
from shared.ingestion.intake import arrivals, take_in
from shared.ingestion.task import IngestTask
from shared.kernel.ids import TenantId, UserId, new_id
from shared.realtime import service as realtime
from shared.recovery.service import bury
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.http_events import Answer, Handler, call

TEXT = b"Der Keller wird im Juni gestrichen.\n"
PATH = "/api/v1/dead-letters"


def _person(tenant: TenantId, role: str = "admin") -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", role)


@pytest.fixture
def handler(wired: App, monkeypatch: pytest.MonkeyPatch) -> Handler:
    from functions.dead_letters import handler as entry

    for module in ("dead_letters.routes", "edge.limiting", "edge.http", "edge.idempotency"):
        monkeypatch.setattr(f"functions.{module}.wired", lambda: wired)
    return entry.handler


def _redrive(handler: Handler, who: Principal, **body: object) -> Answer:
    return call(handler, "POST", f"{PATH}/redrive", body=body, principal=who)


def _list(handler: Handler, who: Principal, **query: str) -> list[dict[str, object]]:
    answer = call(handler, "GET", PATH, query=query, principal=who)
    assert answer.status == 200, answer.body
    items: list[dict[str, object]] = answer.body["items"]
    return items


def _taken_in(app: App, uploader: Uploader, name: str = "keller.txt") -> IngestTask:
    take_in(app.database, app.objects, uploader.send(name, TEXT), max_bytes=1 << 20)
    with app.database.transaction(uploader.tenant) as session:
        waiting = outbox.list_unsent(session)
    requested = [row for row in waiting if row.destination == "ingest_workflow"]
    return IngestTask.from_json(requested[-1].payload["task"])  # type: ignore[arg-type]


def test_upload_is_buried_once_and_taken_in_after_redrive(
    wired: App, tenant: TenantId, uploader: Uploader, handler: Handler
) -> None:
    arrival = uploader.send("keller.txt", TEXT)
    assert bury(wired.database, arrival, error="boom")
    assert not bury(wired.database, arrival, error="boom"), "a second letter is the same letter"
    (letter,) = _list(handler, _person(tenant))
    assert (letter["source"], letter["title"], letter["times"]) == ("intake", "keller.txt", 1)
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
    assert job.stage == "failed", "what was given up on stays so until somebody says otherwise"
    assert "kontor dlq" in job.detail

    admin = _person(tenant)
    assert _redrive(handler, admin, ids=[letter["id"]]).body["redriven"] == [letter["id"]]
    assert _redrive(handler, admin, ids=[letter["id"]]).status == 200
    sqs = clients.client(
        "sqs", region=wired.settings.storage_region, endpoint=wired.settings.aws_endpoint_url
    )
    answer = sqs.receive_message(QueueUrl=wired.intake_queue.url, MaxNumberOfMessages=10)
    (message,) = answer["Messages"]
    (again,) = arrivals(json.loads(message["Body"]))
    take_in(wired.database, wired.objects, again, max_bytes=1 << 20)
    with wired.database.transaction(tenant) as session:
        assert realtime.find_job(session, arrival.upload_id).stage == "uploaded"
        (entry,) = audit.list_events(session, action="dead_letter.redriven").items
    assert entry.actor_id == admin.user_id
    assert _list(handler, admin) == []
    assert len(_list(handler, admin, closed="true")) == 1


def test_version_failed_for_unknown_reasons_is_redriven_as_a_new_attempt(
    wired: App, tenant: TenantId, uploader: Uploader, handler: Handler
) -> None:
    task = _taken_in(wired, uploader)
    outbox.relay(wired.database, tenant, bus=wired.bus, workflows=wired.workflows)
    for _ in range(2):
        settled = wired.settler.settle(
            task, {"Error": "KeyError", "Cause": json.dumps({"errorMessage": "'x'"})}
        )
        assert settled["outcome"] == "dead"
    (letter,) = _list(handler, _person(tenant))
    assert (letter["source"], letter["times"]) == ("ingest", 1)
    assert "KeyError" in str(letter["error"])
    assert _redrive(handler, _person(tenant), all=True).body["redriven"] == [letter["id"]]
    with wired.database.transaction(tenant) as session:
        version = documents.find_version(session, task.version_id)
        job = realtime.find_job(session, task.job_id)
    assert (version.stage, version.attempt, job.stage) == ("uploaded", 2, "uploaded")
    second = IngestTask.from_json({**task.to_json(), "attempt": 2})
    wired.settler.settle(second, {"Error": "KeyError", "Cause": "{}"})
    (letter,) = _list(handler, _person(tenant))
    assert letter["times"] == 2


def test_version_whose_file_came_again_is_not_redriven(
    wired: App, tenant: TenantId, uploader: Uploader, handler: Handler
) -> None:
    task = _taken_in(wired, uploader)
    wired.settler.settle(task, {"Error": "KeyError", "Cause": "{}"})
    _taken_in(wired, uploader, "again.txt")
    answer = _redrive(handler, _person(tenant), all=True)
    assert answer.body["redriven"] == []
    assert "uploaded again" in answer.body["skipped"][0]["reason"]


def test_other_tenants_and_other_roles_see_and_move_nothing(
    wired: App, tenant: TenantId, other_tenant: TenantId, uploader: Uploader, handler: Handler
) -> None:
    bury(wired.database, uploader.send("keller.txt", TEXT), error="boom")
    (letter,) = _list(handler, _person(tenant))
    stranger = _person(other_tenant)
    assert _list(handler, stranger) == []
    one = f"{PATH}/{letter['id']}"
    assert call(handler, "GET", one, principal=stranger).status == 404
    assert call(handler, "GET", one, principal=_person(tenant)).body["error"] == "boom"
    answer = _redrive(handler, stranger, ids=[letter["id"]])
    assert (answer.body["redriven"], len(answer.body["skipped"])) == ([], 1)
    for role in ("editor", "viewer"):
        assert call(handler, "GET", PATH, principal=_person(tenant, role)).status == 403
        assert _redrive(handler, _person(tenant, role), all=True).status == 403
    assert len(_list(handler, _person(tenant))) == 1


def test_redrive_of_nothing_in_particular_is_refused(handler: Handler, tenant: TenantId) -> None:
    assert _redrive(handler, _person(tenant)).status == 422
    both = _redrive(handler, _person(tenant), ids=[str(UUID(int=1))], all=True)
    assert both.status == 422
