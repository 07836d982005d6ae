"""The reconciler against a real bucket, queue and state machine: what was lost goes on."""

from __future__ import annotations

import json
from dataclasses import replace

from shared.adapters import aws as clients
from shared.adapters import outbox
from shared.adapters.workflows import Workflows
from shared.documents import service as documents
from shared.ingestion.intake import arrivals, take_in
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.recovery.orphans import Orphans
from shared.recovery.reconciliation import MAX_ATTEMPTS, Reconciler
from shared.wiring import App
from tests.functions.conftest import Uploader

TEXT = b"Die Heizung wird im Oktober gewartet.\n"


def _reconciler(app: App) -> Reconciler:
    return Reconciler(
        database=app.database,
        objects=app.objects,
        erasure=app.erasure,
        bus=app.bus,
        workflows=app.workflows,
        intake_queue=app.intake_queue,
        settler=app.settler,
        orphans=Orphans(app.database, app.objects),
        stuck_after_s=app.settings.stuck_after_s,
        max_running=app.settings.max_running_workflows,
        trash_days=0,
    )


def _age(owner_url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(owner_url) as connection:
        connection.execute(statement.encode())


def _messages(app: App) -> list[dict[str, object]]:
    sqs = clients.client(
        "sqs", region=app.settings.storage_region, endpoint=app.settings.aws_endpoint_url
    )
    answer = sqs.receive_message(
        QueueUrl=app.settings.intake_queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
    )
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def _executions(app: App) -> list[str]:
    sfn = clients.client(
        "stepfunctions", region=app.settings.storage_region, endpoint=app.settings.aws_endpoint_url
    )
    listed = sfn.list_executions(stateMachineArn=app.settings.ingest_workflow)["executions"]
    return sorted(execution["name"] for execution in listed)


def _stop(app: App, execution: str) -> None:
    sfn = clients.client(
        "stepfunctions", region=app.settings.storage_region, endpoint=app.settings.aws_endpoint_url
    )
    arn = app.settings.ingest_workflow.replace(":stateMachine:", ":execution:")
    sfn.stop_execution(executionArn=f"{arn}:{execution}")


def _restarted(app: App, tenant: TenantId, owner_url: str) -> int:
    _age(owner_url, "UPDATE kontor.versions SET updated_at = now() - interval '1 hour'")
    return _reconciler(app).sweep(tenant)["versions"]


def test_a_lost_announcement_is_sent_again_and_leads_to_a_version(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    sent = uploader.send("heizung.txt", TEXT)
    assert _reconciler(wired).sweep(tenant)["uploads"] == 0
    _age(owner_url, "UPDATE kontor.uploads SET created_at = now() - interval '1 minute'")
    assert _reconciler(wired).sweep(tenant)["uploads"] == 1
    (message,) = _messages(wired)
    (arrival,) = arrivals(message)
    assert arrival.key == sent.key
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    with wired.database.transaction(tenant) as session:
        assert realtime.find_job(session, sent.upload_id).stage == "uploaded"


def test_an_upload_that_never_came_expires_with_a_reason(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    sent = uploader.announce("heizung.txt", 10)
    _age(
        owner_url,
        "UPDATE kontor.uploads SET created_at = now() - interval '2 hours',"
        " expires_at = now() - interval '1 hour'",
    )
    _reconciler(wired).sweep(tenant)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, sent.upload_id)
    assert job.stage == "failed"
    assert "never arrived" in job.detail


def test_a_workflow_that_died_is_started_again_under_a_new_name(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    take_in(wired.database, wired.objects, uploader.send("a.txt", TEXT), max_bytes=1 << 20)
    outbox.relay(wired.database, tenant, bus=wired.bus, workflows=wired.workflows)
    (first,) = _executions(wired)
    assert _restarted(wired, tenant, owner_url) == 0, "a running workflow is left alone"
    _stop(wired, first)
    assert _restarted(wired, tenant, owner_url) == 1
    outbox.relay(wired.database, tenant, bus=wired.bus, workflows=wired.workflows)
    assert _executions(wired) == [first, f"{first}-2"]


def test_a_version_whose_turn_has_not_come_is_not_thought_stuck(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    take_in(wired.database, wired.objects, uploader.send("a.txt", TEXT), max_bytes=1 << 20)
    assert _restarted(wired, tenant, owner_url) == 0
    outbox.relay(wired.database, tenant, bus=wired.bus, workflows=wired.workflows)
    (first,) = _executions(wired)
    _stop(wired, first)
    assert _restarted(wired, tenant, owner_url) == 1


def test_a_second_failure_changes_neither_reason_nor_story(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
        assert job.version_id is not None
        assert documents.fail(session, job.version_id, "the first")
        assert not documents.fail(session, job.version_id, "the second")
        assert documents.find_version(session, job.version_id).failure == "the first"


class EndsMeanwhile(Workflows):
    """A workflow that completes its version just before somebody asks whether it still runs."""

    def __init__(self, app: App, owner_url: str) -> None:
        self._owner_url = owner_url
        super().__init__(
            app.settings.ingest_workflow,
            region=app.settings.storage_region,
            endpoint=app.settings.aws_endpoint_url,
        )

    def is_running(self, name: str) -> bool:
        _age(self._owner_url, "UPDATE kontor.versions SET stage = 'completed'")
        return False


def test_a_workflow_that_ends_while_it_is_thought_dead_is_not_started_again(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    outbox.relay(wired.database, tenant, bus=wired.bus, workflows=wired.workflows)
    _age(owner_url, "UPDATE kontor.versions SET updated_at = now() - interval '1 hour'")
    late = replace(_reconciler(wired), workflows=EndsMeanwhile(wired, owner_url))
    assert late.sweep(tenant)["versions"] == 0
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
        assert job.version_id is not None
        version = documents.find_version(session, job.version_id)
    assert (version.stage, version.attempt) == ("completed", 1)


def test_a_document_removed_before_it_was_read_has_a_job_that_ends(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
        assert job.document_id is not None
        documents.remove_document(session, job.document_id)
    _age(owner_url, "UPDATE kontor.versions SET updated_at = now() - interval '1 hour'")
    keeping = replace(_reconciler(wired), trash_days=30)
    assert [keeping.sweep(tenant)["removed"] for _ in range(2)] == [1, 0]
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
    assert (job.stage, "removed" in job.detail) == ("failed", True)


def test_a_version_that_keeps_dying_fails_with_a_reason(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    _age(
        owner_url,
        f"UPDATE kontor.versions SET attempt = {MAX_ATTEMPTS},"
        " updated_at = now() - interval '1 hour'",
    )
    _reconciler(wired).sweep(tenant)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
    assert job.stage == "failed"
    assert "interrupted" in job.detail


def test_trash_is_erased_with_rows_and_every_object(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, arrival, max_bytes=1 << 20)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
        assert job.document_id is not None
        documents.remove_document(session, job.document_id)
    wired.objects.put(f"derived/{tenant}/{job.version_id}/chunks.json.gz", b"x")
    _age(owner_url, "UPDATE kontor.documents SET removed_at = now() - interval '1 hour'")
    _age(owner_url, "UPDATE kontor.versions SET updated_at = now() - interval '1 hour'")
    assert _reconciler(wired).sweep(tenant)["erased"] == 1
    assert list(wired.objects.list("uploads/")) == []
    assert list(wired.objects.list("derived/")) == []
    with wired.database.transaction(tenant) as session:
        rows = session.connection.execute(
            "SELECT (SELECT count(*) FROM kontor.documents), (SELECT count(*) FROM kontor.versions)"
        ).fetchone()
    assert rows == (0, 0)


def test_other_tenants_are_not_touched(
    wired: App, tenant: TenantId, other_tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    uploader.send("heizung.txt", TEXT)
    _age(owner_url, "UPDATE kontor.uploads SET created_at = now() - interval '1 minute'")
    assert not any(_reconciler(wired).sweep(other_tenant).values())
    assert _messages(wired) == []
