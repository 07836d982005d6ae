"""Fixtures of the documents function: a served App with its bucket, and a pipeline to fill it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.adapters import aws as clients
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.functions.pipeline import Pipeline

Ask = Callable[..., Answer]


@pytest.fixture
def workflow(monkeypatch: pytest.MonkeyPatch, model_dir: Path) -> str:
    """The name of a state machine, named in the environment before the App is made."""
    name = f"t-{uuid4().hex[:12]}"
    arn = f"arn:aws:states:eu-central-1:123456789012:stateMachine:{name}"
    monkeypatch.setenv("INGEST_WORKFLOW", arn)
    monkeypatch.setenv("MODEL_DIR", str(model_dir))
    return name


@pytest.fixture
def desk(workflow: str, served: App, embedder: Embedder) -> App:
    """The App that the handler finds, with bucket, bus and state machine made."""
    options = {
        "region": served.settings.storage_region,
        "endpoint": served.settings.aws_endpoint_url,
    }
    s3 = clients.client("s3", **options)
    s3.create_bucket(
        Bucket=served.settings.media_bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    s3.put_bucket_versioning(
        Bucket=served.settings.media_bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    clients.client("events", **options).create_event_bus(Name=served.settings.event_bus)
    clients.client("stepfunctions", **options).create_state_machine(
        name=workflow,
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/local",
    )
    served.__dict__["embedder"] = embedder
    return served


@pytest.fixture
def pipeline(desk: App, tenant: TenantId) -> Pipeline:
    """Puts files in, in the test's tenant's name."""
    return Pipeline(desk, tenant)


@pytest.fixture
def editor(tenant: TenantId, pipeline: Pipeline) -> Principal:
    """Who puts the files in."""
    return Principal(tenant, pipeline.user, "ada@acme.example", "editor")


@pytest.fixture
def handler(desk: App) -> Handler:
    from functions.documents.handler import handler

    return handler


@pytest.fixture
def ask(handler: Handler, editor: Principal) -> Ask:
    """Call a route below /api/v1 as the editor, or as ``principal``."""

    def send(method: str, path: str, **request: Any) -> Answer:
        return call(handler, method, f"/api/v1{path}", **{"principal": editor, **request})

    return send


@pytest.fixture
def stranger(other_tenant: TenantId) -> Principal:
    """Somebody mighty of another tenant."""
    return Principal(other_tenant, UserId(new_id()), "eve@globex.example", "admin")


@pytest.fixture
def viewer(tenant: TenantId) -> Principal:
    """Somebody who may only read."""
    return Principal(tenant, UserId(new_id()), "vic@acme.example", "viewer")


@pytest.fixture
def admin(tenant: TenantId) -> Principal:
    """An administrator of the tenant."""
    return Principal(tenant, UserId(new_id()), "amy@acme.example", "admin")
