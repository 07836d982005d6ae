"""The health function: alive without parts, detailed with every part there or away."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters import aws
from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from shared.kernel.version import VERSION
from shared.wiring import App
from tests.functions.http_events import Handler, call

ADMIN = Principal(TenantId(new_id()), UserId(new_id()), "ada@acme.example", "admin")


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.health.handler import handler

    return handler


@pytest.fixture
def stocked(served: App) -> App:
    """The bucket and the queue exist."""
    options = {
        "region": served.settings.storage_region,
        "endpoint": served.settings.aws_endpoint_url,
    }
    aws.client("s3", **options).create_bucket(
        Bucket=served.settings.media_bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    name = served.settings.intake_queue_url.rpartition("/")[2]
    aws.client("sqs", **options).create_queue(QueueName=name)
    return served


def test_alive_needs_neither_token_nor_database(handler: Handler, served: App) -> None:
    served.__dict__["database"] = Database("postgresql://kontor_app@127.0.0.1:1/none")
    answer = call(handler, "GET", "/health")
    assert (answer.status, answer.body) == (200, {"status": "ok"})


def test_endpoints_are_told_to_anybody(handler: Handler) -> None:
    answer = call(handler, "GET", "/api/v1/endpoints")
    assert answer.body == {
        "websocket_url": "ws://127.0.0.1:1/",
        "stream_url": "http://127.0.0.1:1/",
        "openai_url": "",
        "version": VERSION,
    }


def test_detail_names_every_part_with_its_time(handler: Handler, stocked: App) -> None:
    stocked.intake_queue.send({"a": 1})
    answer = call(handler, "GET", "/health/detailed", principal=ADMIN)
    assert answer.status == 200
    assert answer.body["status"] == "ok"
    parts = answer.body["components"]
    assert {name: part["status"] for name, part in parts.items()} == {
        "database": "ok",
        "objects": "ok",
        "intake_queue": "ok",
        "embedding_model": "unknown",
    }
    assert parts["intake_queue"]["detail"] == "1 messages wait."
    assert answer.body["recovery"] == {
        "waiting_workflows": 0,
        "running_workflows": 0,
        "open_dead_letters": 0,
        "last_sweep_at": None,
        "last_sweep": {},
    }
    assert all(part["duration_ms"] >= 0 for part in parts.values())


def test_missing_queue_degrades(handler: Handler, stocked: App) -> None:
    url = stocked.settings.intake_queue_url + "-gone"
    stocked.settings = stocked.settings.model_copy(update={"intake_queue_url": url})
    answer = call(handler, "GET", "/health/detailed", principal=ADMIN)
    assert answer.body["status"] == "degraded"
    assert answer.body["components"]["intake_queue"]["status"] == "down"


def test_missing_bucket_is_down(handler: Handler, served: App) -> None:
    answer = call(handler, "GET", "/health/detailed", principal=ADMIN)
    assert answer.body["status"] == "down"
    assert answer.body["components"]["objects"]["status"] == "down"
    assert answer.body["components"]["database"]["status"] == "ok"


def test_missing_database_is_down(handler: Handler, stocked: App) -> None:
    stocked.__dict__["database"] = Database("postgresql://kontor_app@127.0.0.1:1/none")
    answer = call(handler, "GET", "/health/detailed", principal=ADMIN)
    assert answer.body["status"] == "down"
    assert answer.body["components"]["database"]["detail"] == "The database does not answer."


def test_model_that_is_carried_is_checked(handler: Handler, stocked: App, model_dir: Path) -> None:
    stocked.settings = stocked.settings.model_copy(update={"model_dir": str(model_dir)})
    part = call(handler, "GET", "/health/detailed", principal=ADMIN).body["components"]
    assert part["embedding_model"]["status"] == "ok"


def test_empty_model_folder_is_down(handler: Handler, stocked: App, tmp_path: Path) -> None:
    stocked.settings = stocked.settings.model_copy(update={"model_dir": str(tmp_path)})
    answer = call(handler, "GET", "/health/detailed", principal=ADMIN)
    assert answer.body["status"] == "degraded"
    assert answer.body["components"]["embedding_model"]["status"] == "down"


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_detail_is_for_administrators(handler: Handler, served: App, role: str) -> None:
    person = Principal(ADMIN.tenant_id, ADMIN.user_id, ADMIN.email, role)
    assert call(handler, "GET", "/health/detailed", principal=person).status == 403
    assert call(handler, "GET", "/health/detailed").status == 401
