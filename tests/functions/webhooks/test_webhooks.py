"""Webhooks out: signed, tried again, given up on, sent once more; the receiver is a real one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.edge.queue import queue_handler
from functions.webhook_delivery import handler as delivery
from functions.webhook_fan.handler import handler as fan_handler
from functions.webhooks.handler import handler
from shared.adapters import aws as clients
from shared.adapters.egress import Egress, Limits
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.context import working_on
from shared.kernel.ids import TenantId, UserId
from shared.webhooks import sending, signing
from shared.webhooks import service as webhooks
from shared.webhooks.service import Wires
from shared.wiring import App
from tests.functions.crashes import crash_everywhere
from tests.functions.http_events import Answer, Handler, call

PATH = "/api/v1/webhooks"


@dataclass
class Receiver:
    """The running receiver: its address, and what it got."""

    port: int
    file: Path

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def got(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    file = tmp_path_factory.mktemp("receiver") / "got.jsonl"
    program = Path(__file__).with_name("receiver.py")
    with subprocess.Popen(
        [sys.executable, str(program), str(file)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        yield Receiver(int(running.stdout.readline()), file)
        running.terminate()


@pytest.fixture
def receiver(process: Receiver) -> Receiver:
    process.file.unlink(missing_ok=True)
    return process


@dataclass
class Post:
    """The way from a fact to the receiver, step by step, through the real handlers."""

    app: App
    tenant: TenantId
    handler: Handler

    def say(self, event: dict[str, Any]) -> int:
        return fan_handler({"detail": {"tenant_id": str(self.tenant), **event}}, None)["made"]

    def deliver(self) -> list[str]:
        """Deliver whatever is in the queue now; returns what was tried, again included."""
        queue = self.app.webhook_queue
        client = clients.client(
            "sqs",
            region=self.app.settings.storage_region,
            endpoint=self.app.settings.aws_endpoint_url,
        )
        tried = []
        while found := client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in found:
                record = {
                    "messageId": message["MessageId"],
                    "body": message["Body"],
                    "messageAttributes": {},
                }
                answer = self.handler({"Records": [record]}, None)
                assert answer == {"batchItemFailures": []}
                client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
                tried.append(json.loads(message["Body"])["delivery_id"])
        return tried


@pytest.fixture
def post(
    served: App,
    tenant: TenantId,
    aws: str,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> Post:
    name = f"t-{uuid4().hex[:12]}"
    options = {"region": served.settings.storage_region, "endpoint": aws}
    url = clients.client("sqs", **options).create_queue(QueueName=name)["QueueUrl"]
    served.webhook_queue.url = url
    egress = Egress(inside=f"127.0.0.1:{receiver.port}", limits=Limits(64 * 1024, 1.0, 0))
    served.__dict__["webhook_wires"] = Wires(egress, served.secrets, f"t{uuid4().hex[:6]}")
    monkeypatch.setattr("functions.webhook_fan.handler.app", served)
    return Post(served, tenant, queue_handler(delivery._deliver, queue=delivery._queue))


def made(admin: Principal, url: str, *events: str) -> dict[str, Any]:
    answer = call(
        handler,
        "POST",
        PATH,
        body={"url": url, "events": list(events) or ["*"]},
        principal=admin,
    )
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def completed(**more: object) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "stage": "completed",
        "document_id": str(uuid4()),
        "subject": "lease.md",
        "at": "2026-01-01T00:00:00+00:00",
        "correlation_id": "c-1",
        **more,
    }


def deliveries(admin: Principal, endpoint: str, **query: str) -> list[dict[str, Any]]:
    path = f"{PATH}/{endpoint}/deliveries"
    items: list[dict[str, Any]] = call(handler, "GET", path, query=query, principal=admin).body[
        "items"
    ]
    return items


def test_event_reaches_the_receiver_signed_and_once(
    post: Post, receiver: Receiver, admin: Principal
) -> None:
    endpoint = made(admin, receiver.url("ok"), "document.*")
    event = completed()
    assert post.say(event) == 1
    assert post.say(event) == 0, "the bus may say it twice"
    assert post.say(completed(stage="embedding")) == 0
    assert len(post.deliver()) == 1
    (request,) = receiver.got()
    body = json.loads(request["body"])
    assert (body["type"], body["data"]["document_id"]) == (
        "document.completed",
        event["document_id"],
    )
    headers = {name.lower(): value for name, value in request["headers"].items()}
    key = base64.b64decode(endpoint["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}"
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    (delivery,) = deliveries(admin, endpoint["id"])
    assert (delivery["state"], delivery["status"], delivery["attempts"]) == ("delivered", 204, 1)


def test_an_endpoint_hears_of_documents_that_who_made_it_may_see(
    post: Post, receiver: Receiver, admin: Principal, tenant: TenantId
) -> None:
    clerk = replace(admin, user_id=UserId(uuid4()), permissions=frozenset({"webhooks:manage"}))
    made(clerk, receiver.url("ok"), "*")
    document, reader = uuid4(), uuid4()
    removed = {
        "event_id": str(uuid4()),
        "action": "document.removed",
        "subject": f"document:{document}",
        "at": "2026-01-01T00:00:00+00:00",
    }
    with post.app.database.transaction(tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.documents (tenant_id, id, title, media_type, created_by)"
            " VALUES (%s, %s, 'Lease', 'text/plain', %s)",
            (tenant, document, reader),
        )
    assert post.say(completed(document_id=str(document))) == 1
    with post.app.database.transaction(tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject,"
            " level, granted_by) VALUES (%s, 'document', %s, %s, 'view', %s)",
            (tenant, document, f"user:{reader}", reader),
        )
    assert post.say(completed(document_id=str(document))) == 0
    assert post.say(removed) == 0
    assert post.say({**removed, "event_id": str(uuid4()), "subject": f"folder:{document}"}) == 1


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("500", 500, "answered 500"),
        ("slow", None, "takes too long"),
        ("moved", None, "redirects"),
        ("long", None, "longer than"),
    ],
)
def test_misbehaving_receiver_is_tried_again_later(
    post: Post, receiver: Receiver, admin: Principal, path: str, status: int | None, words: str
) -> None:
    endpoint = made(admin, receiver.url(path))
    post.say(completed())
    post.deliver()
    (delivery,) = deliveries(admin, endpoint["id"])
    assert (delivery["state"], delivery["status"], delivery["attempts"]) == ("waiting", status, 1)
    assert words in delivery["detail"]
    assert len(receiver.got()) == 1, "what is sent is not sent on"
    shown = call(handler, "GET", f"{PATH}/{endpoint['id']}", principal=admin).body
    assert shown["failing_since"]


def test_gone_receiver_is_switched_off_and_set_going_again(
    post: Post, receiver: Receiver, admin: Principal, tenant: TenantId
) -> None:
    endpoint = made(admin, receiver.url("gone"))
    post.say(completed())
    post.deliver()
    one = f"{PATH}/{endpoint['id']}"
    shown = call(handler, "GET", one, principal=admin).body
    assert (shown["state"], "410" in shown["detail"]) == ("disabled", True)
    assert post.say(completed()) == 0
    replay = call(handler, "POST", f"{one}/replay", body={"all": True}, principal=admin)
    assert replay.status == 409
    change = {"state": "active", "url": receiver.url("ok")}
    assert call(handler, "PATCH", one, body=change, principal=admin).body["detail"] == ""
    replay = call(handler, "POST", f"{one}/replay", body={"all": True}, principal=admin)
    assert len(replay.body["replayed"]) == 1
    post.deliver()
    assert [each["state"] for each in deliveries(admin, endpoint["id"])] == ["delivered"]
    assert len({each["headers"]["webhook-id"] for each in receiver.got()}) == 1
    with post.app.database.transaction(tenant) as session:
        acts = [each.action for each in audit.list_events(session, action="webhook_endpoint").items]
    assert acts == [
        "webhook_endpoint.replayed",
        "webhook_endpoint.changed",
        "webhook_endpoint.changed",
        "webhook_endpoint.made",
    ]


def test_after_ten_attempts_it_is_given_up_and_after_days_switched_off(
    post: Post, receiver: Receiver, admin: Principal, tenant: TenantId, owner_url: str
) -> None:
    endpoint = made(admin, receiver.url("500"))
    post.say(completed())
    post.deliver()
    ((delivery_id),) = [each["id"] for each in deliveries(admin, endpoint["id"])]
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.webhook_deliveries SET attempts = 9")
    deliver = {"disable_after_days": 5}
    wires = post.app.webhook_wires
    arguments = (post.app.database, post.app.webhook_queue, wires, tenant, UUID(delivery_id))
    assert sending.deliver(*arguments, **deliver) == "dead"
    assert sending.deliver(*arguments, **deliver) == "idle"
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "UPDATE kontor.webhook_endpoints SET failing_since = now() - interval '6 days'"
        )
    going = call(
        handler,
        "POST",
        f"{PATH}/{endpoint['id']}/replay",
        body={"ids": [delivery_id]},
        principal=admin,
    ).body["replayed"]
    assert going == [delivery_id]
    assert sending.deliver(*arguments, **deliver) == "waiting"
    shown = call(handler, "GET", f"{PATH}/{endpoint['id']}", principal=admin).body
    assert (shown["state"], "5 days" in shown["detail"]) == ("disabled", True)


def test_lost_message_is_found_by_the_sweep(
    post: Post, receiver: Receiver, admin: Principal, tenant: TenantId, owner_url: str
) -> None:
    endpoint = made(admin, receiver.url("flaky"))
    post.say(completed())
    post.deliver()
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.webhook_deliveries SET due_at = now() - interval '2 minutes'")
    with post.app.database.transaction(tenant) as session:
        due: list[UUID] = []
        assert webhooks.tend(session, due.append) == 1
        assert webhooks.tend(session, due.append) == 0, "not again before a minute is over"
    sending.send(post.app.webhook_queue, tenant, due[0])
    post.deliver()
    (delivery,) = deliveries(admin, endpoint["id"])
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)
    bodies = {each["body"] for each in receiver.got()}
    assert len(bodies) == 1, "a repetition has the same bytes"


def test_a_sender_that_dies_anywhere_loses_nothing_and_repeats_the_same(
    post: Post, receiver: Receiver, admin: Principal, tenant: TenantId, owner_url: str
) -> None:
    endpoint = made(admin, receiver.url("ok"))
    event = completed()

    def whole() -> None:
        post.say(event)
        with post.app.database.transaction(tenant) as session:
            webhooks.tend(session, lambda due: sending.send(post.app.webhook_queue, tenant, due))
        post.deliver()

    def wait() -> None:
        with psycopg.connect(owner_url) as owner:
            owner.execute(
                "UPDATE kontor.webhook_deliveries SET due_at = now() - interval '2 minutes',"
                " taken_until = now() - interval '2 minutes'"
            )

    assert crash_everywhere(whole, wait) == ["webhook.recorded", "webhook.sent"]
    (delivery,) = deliveries(admin, endpoint["id"])
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)
    sent = {(each["headers"]["webhook-id"], each["body"]) for each in receiver.got()}
    assert (len(receiver.got()), len(sent)) == (2, 1), "the receiver can tell that it is the same"


def test_rotated_secret_signs_beside_the_former(
    post: Post, receiver: Receiver, admin: Principal, owner_url: str
) -> None:
    endpoint = made(admin, receiver.url("ok"))
    answer = call(handler, "POST", f"{PATH}/{endpoint['id']}/secret", principal=admin)
    assert answer.status == 201
    keys = [answer.body["secret"], endpoint["secret"]]
    assert keys[0] != keys[1]
    post.say(completed())
    post.deliver()
    (request,) = receiver.got()
    headers = {name.lower(): value for name, value in request["headers"].items()}
    for key in keys:
        signing.check_standard(key, headers, request["body"].encode(), at=time.time())
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.webhook_endpoints SET former_until = now()")
    post.say(completed())
    post.deliver()
    signatures = receiver.got()[1]["headers"]["webhook-signature"].split()
    assert len(signatures) == 1


def test_acts_of_the_trail_go_out_when_asked_for(
    post: Post, receiver: Receiver, admin: Principal, tenant: TenantId
) -> None:
    app, subject = post.app, f"document:{uuid4()}"
    with app.database.transaction(tenant) as session:
        audit.record(session, actor_id=None, action="document.removed", subject=subject)
        rows = session.connection.execute("SELECT count(*) FROM kontor.outbox").fetchone()
        assert rows == (0,), "nobody has asked"
    made(admin, receiver.url("ok"), "document.removed")
    with (
        working_on(correlation="c-9"),
        app.database.transaction(tenant) as session,
    ):
        audit.record(session, actor_id=None, action="document.changed", subject=subject)
        audit.record(
            session,
            actor_id=admin.user_id,
            action="document.removed",
            subject=subject,
            details={"title": "Größe"},
        )
        ((name, payload),) = session.connection.execute(
            "SELECT name, payload FROM kontor.outbox"
        ).fetchall()
    assert name == "ActRecorded"
    assert post.say(payload) == 1
    post.deliver()
    body = json.loads(receiver.got()[0]["body"])
    assert (body["type"], body["data"]["subject"]) == ("document.removed", subject)
    assert body["data"]["details"] == {"title": "Größe"}
    assert body["data"]["correlation_id"] == "c-9"


def test_endpoint_can_be_tried(post: Post, receiver: Receiver, admin: Principal) -> None:
    endpoint = made(admin, receiver.url("ok"), "document.failed")
    answer = call(handler, "POST", f"{PATH}/{endpoint['id']}/test", principal=admin)
    assert answer.status == 202
    post.deliver()
    assert json.loads(receiver.got()[0]["body"])["type"] == "webhook.tested"


@pytest.mark.parametrize(
    ("url", "events", "status"),
    [
        ("http://example.org/", ["*"], 422),
        ("https://127.0.0.1/", ["*"], 201),  # the address is judged when it is resolved
        ("https://user@example.org/", ["*"], 403),
        ("https://example.org:22/", ["*"], 403),
        ("ftp://example.org/", ["*"], 422),
        ("https://example.org/", ["document.exploded"], 422),
        ("https://example.org/", [], 422),
        ("https://example.org/", ["nobody.*"], 422),
    ],
)
def test_address_and_events_are_checked(
    post: Post, admin: Principal, url: str, events: list[str], status: int
) -> None:
    body = {"url": url, "events": events}
    assert call(handler, "POST", PATH, body=body, principal=admin).status == status


def test_address_inside_is_never_reached(post: Post, receiver: Receiver, admin: Principal) -> None:
    endpoint = made(admin, "https://127.0.0.1/")
    post.say(completed())
    post.deliver()
    (delivery,) = deliveries(admin, endpoint["id"])
    assert (delivery["state"], "not a public address" in delivery["detail"]) == ("waiting", True)
    assert receiver.got() == []


def test_others_see_and_move_nothing(
    post: Post, receiver: Receiver, admin: Principal, stranger: Principal, viewer: Principal
) -> None:
    endpoint = made(admin, receiver.url("ok"))
    one = f"{PATH}/{endpoint['id']}"

    def every(who: Principal) -> set[int]:
        asked: list[Answer] = [
            call(handler, "GET", one, principal=who),
            call(handler, "PATCH", one, body={"state": "paused"}, principal=who),
            call(handler, "DELETE", one, principal=who),
            call(handler, "POST", f"{one}/secret", principal=who),
            call(handler, "POST", f"{one}/test", principal=who),
            call(handler, "GET", f"{one}/deliveries", principal=who),
            call(handler, "POST", f"{one}/replay", body={"all": True}, principal=who),
        ]
        return {answer.status for answer in asked}

    assert every(stranger) == {404}
    assert every(viewer) == {403}
    assert call(handler, "GET", PATH, principal=stranger).body["items"] == []
    assert "secret" not in call(handler, "GET", one, principal=admin).body
    assert call(handler, "DELETE", one, principal=admin).status == 204
    assert call(handler, "GET", one, principal=admin).status == 404
