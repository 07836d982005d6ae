"""Fixtures for handlers in-process: a real emulator for AWS, a wired App, an uploaded file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from shared import wiring
from shared.adapters import aws as clients
from shared.documents import service as documents
from shared.documents.service import NewUpload
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.ingestion.intake import Arrival
from shared.kernel.context import working_on
from shared.kernel.ids import TenantId, UserId, new_id
from shared.kernel.settings import read_settings, settings
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.pipeline import Pipeline


@pytest.fixture
def wired(
    aws: str,
    database_url: str,
    model_dir: Path,
    embedder: Embedder,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[App]:
    """An App over this test's database, a bucket, a queue, a bus and a state machine of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    name = f"t-{uuid4().hex[:12]}"
    app = App(
        read_settings(
            {
                "DATABASE_URL": database_url,
                "AWS_ENDPOINT_URL": aws,
                "MEDIA_BUCKET": name,
                "EVENT_BUS": name,
                "INTAKE_QUEUE_URL": f"{aws}/123456789012/{name}",
                "INGEST_WORKFLOW": f"arn:aws:states:eu-central-1:123456789012:stateMachine:{name}",
                "MODEL_DIR": str(model_dir),
                "EMBED_BATCH_CHUNKS": "2",
                "STUCK_AFTER_S": "1",
            }
        )
    )
    app.__dict__["embedder"] = embedder  # loaded once per worker, not once per test
    options = {"region": app.settings.storage_region, "endpoint": aws}
    s3 = clients.client("s3", **options)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    clients.client("sqs", **options).create_queue(QueueName=name)
    clients.client("events", **options).create_event_bus(Name=name)
    clients.client("stepfunctions", **options).create_state_machine(
        name=name,
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/local",
    )
    yield app
    app.database.close()


@pytest.fixture
def served(aws: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The App that whole handlers find, configured through the environment as in Lambda.

    Its bucket, queue and signing secret are named but not made.
    """
    name = f"t-{uuid4().hex[:12]}"
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "DATABASE_URL": database_url,
        "AWS_ENDPOINT_URL": aws,
        "MEDIA_BUCKET": name,
        "EVENT_BUS": name,
        "INTAKE_QUEUE_URL": f"{aws}/123456789012/{name}",
        "SIGNING_SECRET": name,
        "WEBSOCKET_URL": "ws://127.0.0.1:1/",
        "CHAT_STREAM_URL": "http://127.0.0.1:1/",
    }.items():
        monkeypatch.setenv(variable, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings.cache_clear()
    wiring.app.cache_clear()
    app = wiring.app()
    yield app
    if "database" in app.__dict__:
        app.database.close()
    settings.cache_clear()
    wiring.app.cache_clear()
    root.handlers[:] = handlers
    root.setLevel(level)


class Uploader:
    """Announces files and puts their bytes where a client would."""

    def __init__(self, app: App, tenant: TenantId) -> None:
        self.app = app
        self.tenant = tenant
        self.user = UserId(new_id())

    def announce(self, filename: str, size_bytes: int, **fields: object) -> Arrival:
        """Announce a file without sending it."""
        with (
            working_on(correlation="test-correlation", tenant=str(self.tenant)),
            self.app.database.transaction(self.tenant) as session,
        ):
            upload = documents.announce_upload(
                session,
                NewUpload(filename=filename, size_bytes=size_bytes, **fields),  # type: ignore[arg-type]
                created_by=self.user,
                max_bytes=1 << 20,
                expiry_s=60,
            )
            realtime.open_job(session, job_id=upload.id, subject=filename, created_by=self.user)
        return Arrival(self.tenant, upload.id, upload.object_key, "")

    def send(self, filename: str, body: bytes, **fields: object) -> Arrival:
        """Announce a file and send it."""
        arrival = self.announce(filename, len(body), **fields)
        self.app.objects.put(arrival.key, body)
        return arrival


@pytest.fixture
def uploader(wired: App, tenant: TenantId) -> Uploader:
    """Sends files in the test's tenant's name."""
    return Uploader(wired, tenant)


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
