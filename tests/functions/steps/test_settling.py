"""How a failed ingest ends: the file's fault, a wait, a dead letter; places are given back."""

from __future__ import annotations

import json

import psycopg
import pytest

from shared.adapters import outbox
from shared.documents import service as documents
from shared.ingestion.task import IngestTask
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.recovery import store
from shared.recovery.settling import count_interruptions
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.steps.test_steps import _upload

AWAY = {"Error": "UnavailableError", "Cause": json.dumps({"errorMessage": "S3 answered SlowDown."})}
FROZEN = {"Error": "Sandbox.Timedout", "Cause": "no json"}


@pytest.fixture
def task(wired: App, uploader: Uploader) -> IngestTask:
    return _upload(wired, uploader, "# Lease\n\nIt ends in May.\n")


def _stage(app: App, task: IngestTask) -> tuple[str, str]:
    with app.database.transaction(task.tenant_id) as session:
        job = realtime.find_job(session, task.job_id)
        return documents.find_version(session, task.version_id).stage, job.detail


def _letters(app: App, tenant: TenantId) -> int:
    with app.database.transaction(tenant) as session:
        return len(store.list_letters(session, before=None, is_open_only=True, limit=10))


def _attempt(task: IngestTask, number: int) -> IngestTask:
    return IngestTask.from_json({**task.to_json(), "attempt": number})


def test_outage_leaves_the_version_waiting_and_says_why(
    wired: App, tenant: TenantId, task: IngestTask
) -> None:
    for _ in range(2):
        assert wired.settler.settle(task, AWAY)["outcome"] == "waiting"
    stage, detail = _stage(wired, task)
    assert stage == "uploaded"
    assert detail == "S3 answered SlowDown. It goes on by itself."
    with wired.database.transaction(tenant) as session:
        assert count_interruptions(session, task).times == 1, "a repeated settle counts once"
    assert _letters(wired, tenant) == 0


def test_outage_beyond_the_deadline_ends_as_a_dead_letter(
    wired: App, tenant: TenantId, task: IngestTask, owner_url: str
) -> None:
    wired.settler.settle(task, AWAY)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.inbox SET received_at = now() - interval '9 days'")
    assert wired.settler.settle(_attempt(task, 2), AWAY)["outcome"] == "dead"
    stage, detail = _stage(wired, task)
    assert stage == "failed"
    assert "in vain" in detail
    assert _letters(wired, tenant) == 1


def test_frozen_step_is_tried_three_times(wired: App, tenant: TenantId, task: IngestTask) -> None:
    assert wired.settler.settle(task, FROZEN)["outcome"] == "waiting"
    assert wired.settler.settle(_attempt(task, 2), FROZEN)["outcome"] == "waiting"
    assert _stage(wired, task)[0] == "uploaded"
    assert wired.settler.settle(_attempt(task, 3), FROZEN)["outcome"] == "dead"
    assert "too long" in _stage(wired, task)[1]
    assert _letters(wired, tenant) == 1


def test_the_files_own_fault_is_no_dead_letter(
    wired: App, tenant: TenantId, task: IngestTask
) -> None:
    cause = json.dumps({"errorMessage": "The file contains no text."})
    assert wired.settler.settle(task, {"Error": "InvalidError", "Cause": cause})["outcome"] == (
        "failed"
    )
    assert _stage(wired, task) == ("failed", "The file contains no text.")
    assert _letters(wired, tenant) == 0


def test_settling_gives_the_place_back_and_starts_who_waits(
    wired: App,
    tenant: TenantId,
    task: IngestTask,
    uploader: Uploader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from functions.settle import handler as entry

    _upload(wired, uploader, "# Other\n\nAnother file.\n", filename="other.md")
    wired.settings = wired.settings.model_copy(update={"max_running_workflows": 1})
    wired.relay(tenant)
    with wired.database.transaction(tenant) as session:
        assert outbox.list_running(session, older_than_s=-1) == [task.execution_name]
    entry._settle(wired, task, {"outcome": "failed", "error": AWAY})
    with wired.database.transaction(tenant) as session:
        (running,) = outbox.list_running(session, older_than_s=-1)
    assert running != task.execution_name
