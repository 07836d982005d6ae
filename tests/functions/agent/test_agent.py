"""Agent runs through the whole handler, with a web behind the guard and a real bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from shared.adapters import aws as clients
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.functions.library import caller, fill
from tests.unit.adapters.web import Page, WebServer, web_server
from tests.unit.agents.office import WIKI, kept_versions

RUNS = "/api/v1/agents/runs"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as serving:
        serving.pages["/baikal"] = Page(WIKI.encode())
        listed = [{"url": f"{serving.url}/baikal", "title": "Baikal", "content": ""}]
        serving.pages["/search"] = Page(
            json.dumps({"results": listed}).encode(), "application/json"
        )
        yield serving


@pytest.fixture
def handler(
    web: WebServer,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tenant: TenantId,
    embedder: Embedder,
) -> Handler:
    monkeypatch.setenv("WEB_SEARCH_PROVIDER", "searxng")
    monkeypatch.setenv("WEB_SEARCH_URL", web.url)
    monkeypatch.setenv("EGRESS_INSIDE", web.place)
    served: App = request.getfixturevalue("served")
    fill(served, tenant, embedder)
    kept_versions(served.database, tenant)
    from functions.agent.handler import handler

    return handler


def test_a_run_over_http_searches_reads_and_cites(handler: Handler, tenant: TenantId) -> None:
    ada = caller(tenant)
    task = {"task": "How deep is Lake Baikal?", "web": True}
    answer = call(handler, "POST", RUNS, body=task, principal=ada)
    assert answer.status == 201
    run = answer.body
    assert (run["state"], run["answer_state"]) == ("done", "answer")
    assert run["citations"][0]["kind"] == "web"
    assert [step["number"] for step in run["steps"]] == list(range(1, len(run["steps"]) + 1))
    path = f"{RUNS}/{run['id']}"
    assert call(handler, "GET", path, principal=ada).body == run
    assert call(handler, "POST", f"{path}/continue", principal=ada).body == run
    assert call(handler, "POST", f"{path}/cancel", principal=ada).status == 409
    listed = call(handler, "GET", RUNS, principal=ada).body
    assert [item["id"] for item in listed["items"]] == [run["id"]]
    for principal in (caller(tenant), caller(tenant, role="admin")):
        assert call(handler, "GET", path, principal=principal).status == 404


def test_a_page_is_kept_only_after_a_yes(
    handler: Handler, served: App, tenant: TenantId, web: WebServer
) -> None:
    client = clients.client("s3", region="eu-central-1", endpoint=served.settings.aws_endpoint_url)
    bucket = served.settings.media_bucket
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    ada = caller(tenant, role="editor")
    task = {"task": f"Speichere {web.url}/baikal im Ordner Seen", "web": True}
    run = call(handler, "POST", RUNS, body=task, principal=ada).body
    assert run["state"] == "waiting"
    assert not web.asked
    action = run["actions"][0]
    assert action["arguments"] == {"url": f"{web.url}/baikal", "folder": "Seen"}
    decision = {"action_id": action["id"], "answer": "yes"}
    path = f"{RUNS}/{run['id']}/confirm"
    done = call(handler, "POST", path, body=decision, principal=ada).body
    assert (done["state"], done["actions"][0]["state"]) == ("done", "done")
    assert done["actions"][0]["result"]["filename"] == "Lake Baikal.html"
    kept = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Size"] for entry in kept] == [len(WIKI.encode())]
    assert call(handler, "POST", path, body=decision, principal=ada).status == 409


def test_a_run_that_asks_is_answered_and_one_that_waits_is_stopped(
    handler: Handler, tenant: TenantId
) -> None:
    ada = caller(tenant, role="editor")
    run = call(handler, "POST", RUNS, body={"task": "Tag the Handbook with a"}, principal=ada).body
    path = f"{RUNS}/{run['id']}"
    assert call(handler, "POST", f"{path}/reply", body={"text": "x"}, principal=ada).status == 409
    stopped = call(handler, "POST", f"{path}/cancel", principal=ada)
    assert stopped.body["state"] == "cancelled"
    decision = {"action_id": run["actions"][0]["id"], "answer": "yes"}
    assert call(handler, "POST", f"{path}/confirm", body=decision, principal=ada).status == 409


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", RUNS, {}, 422),
        ("POST", RUNS, {"task": ""}, 422),
        ("POST", RUNS, {"task": "x", "model": "y"}, 422),
        ("GET", f"{RUNS}/{uuid4()}", None, 404),
        ("POST", f"{RUNS}/{uuid4()}/continue", None, 404),
        ("POST", f"{RUNS}/x/continue", None, 422),
        ("POST", f"{RUNS}/{uuid4()}/confirm", {"action_id": "x", "answer": "yes"}, 422),
        ("POST", f"{RUNS}/{uuid4()}/confirm", {"action_id": str(uuid4()), "answer": "ok"}, 422),
    ],
    ids=range(8),
)
def test_wrong_requests_are_problems(
    handler: Handler, tenant: TenantId, method: str, path: str, body: object, status: int
) -> None:
    answer: Answer = call(handler, method, path, body=body, principal=caller(tenant))
    assert answer.status == status
    assert answer.body["detail"]


def test_strangers_and_guests_are_turned_away(handler: Handler, tenant: TenantId) -> None:
    assert call(handler, "POST", RUNS, body={"task": "x"}).status == 401
    guest = caller(tenant, role="guest")
    assert call(handler, "POST", RUNS, body={"task": "x"}, principal=guest).status == 403
