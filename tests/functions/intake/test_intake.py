"""Intake with real bytes in a real bucket: kept once, rejected with a reason, never lost."""

from __future__ import annotations

import pytest

from shared.adapters.outbox import QUERIES, Outgoing
from shared.documents import service as documents
from shared.ingestion.intake import arrivals, take_in
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.realtime.model import Job
from shared.wiring import App
from tests.functions.conftest import Uploader

TEXT = b"Der Mietvertrag endet am 31. Dezember 2026.\n"
MAX = 1 << 20


def _job(app: App, tenant: TenantId, upload_id: object) -> Job:
    with app.database.transaction(tenant) as session:
        return realtime.find_job(session, upload_id)  # type: ignore[arg-type]


def _workflows(app: App, tenant: TenantId) -> list[Outgoing]:
    with app.database.transaction(tenant) as session:
        waiting = session.all(QUERIES["list_unsent"], Outgoing, {"older_than_s": 0})
    return [row for row in waiting if row.destination == "ingest_workflow"]


def test_new_bytes_become_a_version_and_request_a_workflow(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    arrival = uploader.send("vertrag.txt", TEXT, folder="Wohnung/2026")
    take_in(wired.database, wired.objects, arrival, max_bytes=MAX)
    job = _job(wired, tenant, arrival.upload_id)
    assert (job.stage, job.correlation_id) == ("uploaded", "test-correlation")
    with wired.database.transaction(tenant) as session:
        page = documents.list_documents(session, folder="Wohnung", cursor=None, limit=10)
        version = documents.find_version(session, job.version_id)  # type: ignore[arg-type]
    assert [(row.title, row.folder, row.stage) for row in page.items] == [
        ("vertrag", "Wohnung/2026", "uploaded")
    ]
    assert (version.size_bytes, version.media_type) == (len(TEXT), "text/plain")
    (workflow,) = _workflows(wired, tenant)
    assert workflow.name == str(version.id)
    assert workflow.payload["task"]["correlation_id"] == "test-correlation"  # type: ignore[index]


def test_the_same_announcement_twice_is_one_version(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    for _ in range(3):
        take_in(wired.database, wired.objects, arrival, max_bytes=MAX)
    assert len(_workflows(wired, tenant)) == 1


def test_same_bytes_under_another_name_point_to_the_first_document(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    first = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, first, max_bytes=MAX)
    second = uploader.send("b.txt", TEXT)
    take_in(wired.database, wired.objects, second, max_bytes=MAX)
    jobs = [_job(wired, tenant, arrival.upload_id) for arrival in (first, second)]
    assert jobs[1].stage == "completed"
    assert jobs[1].detail == "Same content as “a”."
    assert jobs[1].document_id == jobs[0].document_id
    assert wired.objects.describe(first.key) is not None
    assert wired.objects.describe(second.key) is None


def test_same_bytes_of_another_tenant_are_a_new_document(
    wired: App, tenant: TenantId, other_tenant: TenantId, uploader: Uploader
) -> None:
    take_in(wired.database, wired.objects, uploader.send("a.txt", TEXT), max_bytes=MAX)
    other = Uploader(wired, other_tenant).send("a.txt", TEXT)
    take_in(wired.database, wired.objects, other, max_bytes=MAX)
    assert _job(wired, other_tenant, other.upload_id).stage == "uploaded"


@pytest.mark.parametrize(
    ("filename", "body", "words"),
    [
        ("report.pdf", b"MZ\x90\x00" + bytes(100), "program"),
        ("film.mp4", b"\0\0\0\x18ftypmp42" + bytes(100), "video or sound recording"),
        ("report.pdf", b"%PDF-1.7\n" + bytes(2 * MAX), "bytes"),
    ],
)
def test_what_cannot_be_read_fails_its_job_with_a_reason(
    wired: App, tenant: TenantId, uploader: Uploader, filename: str, body: bytes, words: str
) -> None:
    arrival = uploader.announce(filename, 100)
    wired.objects.put(arrival.key, body)
    take_in(wired.database, wired.objects, arrival, max_bytes=MAX)
    job = _job(wired, tenant, arrival.upload_id)
    assert job.stage == "failed"
    assert words in job.detail
    assert wired.objects.describe(arrival.key) is None
    assert _workflows(wired, tenant) == []


def test_bytes_that_failed_before_are_tried_again_as_the_next_version(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    first = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, first, max_bytes=MAX)
    failed = _job(wired, tenant, first.upload_id)
    with wired.database.transaction(tenant) as session:
        assert documents.fail(session, failed.version_id, "broken")  # type: ignore[arg-type]
    second = uploader.send("a.txt", TEXT)
    take_in(wired.database, wired.objects, second, max_bytes=MAX)
    again = _job(wired, tenant, second.upload_id)
    assert (again.stage, again.document_id) == ("uploaded", failed.document_id)
    with wired.database.transaction(tenant) as session:
        numbers = [v.number for v in documents.list_versions(session, again.document_id)]  # type: ignore[arg-type]
    assert numbers == [2, 1]


def test_storage_away_leaves_the_upload_waiting(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    arrival = uploader.send("a.txt", TEXT)
    elsewhere = App(wired.settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"}))
    with pytest.raises(UnavailableError):
        take_in(wired.database, elsewhere.objects, arrival, max_bytes=MAX)
    assert _job(wired, tenant, arrival.upload_id).stage == "waiting"


def test_announcements_that_are_not_uploads_are_left_alone() -> None:
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    removed = {
        "Records": [{"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "uploads/x"}}}]
    }
    assert arrivals(test_event) == []
    assert arrivals(removed) == []
