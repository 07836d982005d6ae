"""Messages that wait for what is away come no closer to the dead-letter queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from functions.edge.queue import LONGEST_DELAY_S, Consumer, delay_s
from infra.local.postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from shared.adapters import aws as clients
from shared.adapters.database import Database
from shared.ingestion.intake import arrivals, take_in
from shared.kernel.breaker import Breaker
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.wiring import App
from tests.conftest import add_tenant
from tests.functions.conftest import Uploader

TEXT = b"Der Aufzug wird im Mai gewartet.\n"


def _intake(app: App, message: dict[str, Any]) -> None:
    for arrival in arrivals(message):
        take_in(app.database, app.objects, arrival, max_bytes=1 << 20)


def _s3_event(key: str) -> dict[str, Any]:
    item = {"key": key, "versionId": ""}
    return {"Records": [{"eventName": "ObjectCreated:Post", "s3": {"object": item}}]}


class Line:
    """The real queue of a test, read one message at a time; delays are cut to nothing."""

    def __init__(self, app: App, handle: Any, breaker: Breaker | None = None) -> None:
        self.app = app
        self.sqs = clients.client(
            "sqs", region=app.settings.storage_region, endpoint=app.settings.aws_endpoint_url
        )
        self.consumer = Consumer(app, handle, app.intake_queue, breaker or Breaker(opens_after=99))

    def receive(self) -> SQSRecord | None:
        answer = self.sqs.receive_message(
            QueueUrl=self.app.intake_queue.url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=5,
            VisibilityTimeout=60,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        for message in answer.get("Messages", []):
            given = message.get("MessageAttributes", {})
            attributes = {
                name: {"stringValue": v["StringValue"], "dataType": v["DataType"]}
                for name, v in given.items()
            }
            return SQSRecord(
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                    "messageAttributes": attributes,
                }
            )
        return None

    def work(self) -> SQSRecord:
        """Take the next message and acknowledge it unless it raised, as the poller does."""
        record = self.receive()
        assert record is not None
        self.consumer.take(record)
        self.sqs.delete_message(
            QueueUrl=self.app.intake_queue.url, ReceiptHandle=record.receipt_handle
        )
        return record


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits in a test."""
    monkeypatch.setattr("functions.edge.queue.delay_s", lambda *_: 0)


@contextmanager
def _overloaded_storage() -> Iterator[str]:
    class SlowDown(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(503)
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 - the standard library's name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowDown)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("at_once")
def test_storage_answering_503_never_burns_a_receive(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    sent = uploader.send("aufzug.txt", TEXT)
    wired.intake_queue.send(_s3_event(sent.key))
    healthy = wired.objects
    with _overloaded_storage() as endpoint:
        overloaded = App(wired.settings.model_copy(update={"aws_endpoint_url": endpoint}))
        wired.__dict__["objects"] = overloaded.objects
        line = Line(wired, _intake)
        received = [line.work() for _ in range(7)]
    assert {r.attributes.approximate_receive_count for r in received} == {"1"}
    assert [r.message_attributes["attempt"].string_value for r in received[1:]] == list("123456")
    wired.__dict__["objects"] = healthy
    line.work()
    with wired.database.transaction(tenant) as session:
        assert realtime.find_job(session, sent.upload_id).stage == "uploaded"
    assert wired.intake_queue.depth() == 0


@pytest.mark.usefixtures("at_once")
def test_postgres_stopped_and_started_again_loses_no_message(wired: App, tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg") as server:
        server.create_database("k")
        migrate(server.dsn("k"))
        with psycopg.connect(server.dsn("k")) as owner:
            tenant = add_tenant(owner, "acme")
        wired.__dict__["database"] = Database(server.dsn("k", user="kontor_app"))
        sent = Uploader(wired, tenant).send("aufzug.txt", TEXT)
        wired.intake_queue.send(_s3_event(sent.key))
        line = Line(wired, _intake)
    received = [line.work() for _ in range(3)]
    assert {r.attributes.approximate_receive_count for r in received} == {"1"}
    with EmbeddedPostgres(tmp_path / "pg") as server:
        wired.__dict__["database"] = Database(server.dsn("k", user="kontor_app"))
        line.work()
        with wired.database.transaction(tenant) as session:
            assert realtime.find_job(session, sent.upload_id).stage == "uploaded"
        wired.database.close()


@pytest.mark.usefixtures("at_once")
def test_open_breaker_puts_messages_back_untried(wired: App) -> None:
    tried: list[object] = []

    def away(_app: App, message: object) -> None:
        tried.append(message)
        raise UnavailableError("Away.")

    wired.intake_queue.send({"n": 1})
    line = Line(wired, away, Breaker(opens_after=2, cool_down_s=60))
    for _ in range(6):
        line.work()
    assert len(tried) == 2
    assert wired.intake_queue.depth() == 1


def test_permanent_error_is_acknowledged_and_unknown_one_comes_back(wired: App) -> None:
    def refuse(_app: App, _message: object) -> None:
        raise InvalidError("Never.")

    def break_down(_app: App, _message: object) -> None:
        raise ZeroDivisionError

    wired.intake_queue.send({"n": 1})
    Line(wired, refuse).work()
    assert wired.intake_queue.depth() == 0
    wired.intake_queue.send({"n": 2})
    with pytest.raises(ZeroDivisionError):
        Line(wired, break_down).work()


def test_delays_double_spread_and_stay_short() -> None:
    for attempt, longest in ((1, 4), (2, 8), (3, 16), (4, 30), (200, 30)):
        delays = {delay_s(attempt, 0) for _ in range(50)}
        assert longest / 2 - 1 <= min(delays) <= max(delays) <= longest <= LONGEST_DELAY_S
    assert delay_s(1, 45.0) == 45
