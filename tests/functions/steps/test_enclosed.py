"""Files inside files become documents exactly once, whatever crashes, and go with their parent."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import pytest

from shared.documents import members
from shared.documents import service as documents
from shared.documents.members import MemberState
from shared.documents.service import ReceivedFile
from shared.ingestion import service as ingestion
from shared.ingestion.intake import Arrival, take_in
from shared.ingestion.reconciliation import Reconciler
from shared.ingestion.service import Limits
from shared.ingestion.task import IngestTask
from shared.kernel import killpoints
from shared.kernel.context import working_on
from shared.kernel.errors import NotFoundError
from shared.kernel.hashing import sha256_of
from shared.kernel.ids import DocumentId, JobId, TenantId
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.conftest import Uploader

LIMITS = Limits(memory_mb=2048, timeout_s=60, chunk_tokens=64, batch_chunks=8)
ZIP = "application/zip"
FILES = {
    "notes/lease.md": b"# Lease\n\nThe lease ends on 31 December 2026.",
    "readme.txt": b"What is in this folder, and why.",
    "tool.exe": b"MZ\x90\0" + bytes(200),
}


class CrashError(Exception):
    """Stands for kill -9 inside a process we want to keep."""


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


@dataclass
class Desk:
    """Puts archives in and works off what they hold."""

    app: App
    uploader: Uploader

    def put(self, data: bytes, filename: str = "papers.zip", **fields: object) -> IngestTask:
        """Keep an archive as intake would."""
        return self.keep(self.uploader.send(filename, data, **fields), data, ZIP)

    def keep(self, arrival: Arrival, data: bytes, media_type: str) -> IngestTask:
        file = ReceivedFile(
            sha256=sha256_of([data]), size_bytes=len(data), media_type=media_type,
            object_version="",
        )  # fmt: skip
        with self.app.database.transaction(self.uploader.tenant) as session:
            upload = documents.find_upload(session, arrival.upload_id)
            kept = documents.keep(session, upload, file)
            documents.settle_upload(session, upload.id, "received")
        return IngestTask(
            tenant_id=self.uploader.tenant, document_id=kept.document_id,
            version_id=kept.version_id, job_id=upload.id, attempt=1, correlation_id="c",
        )  # fmt: skip

    def parse(self, task: IngestTask) -> dict[str, object]:
        with working_on(correlation="c", tenant=str(task.tenant_id)):
            return ingestion.parse(
                self.app.database, self.app.objects, task,
                count_tokens=self.app.tokenizer.count_tokens, limits=LIMITS,
            )  # fmt: skip

    def inside(self, task: IngestTask) -> dict[str, MemberState]:
        with self.app.database.transaction(task.tenant_id) as session:
            found = members.list_members(session, task.document_id)
        return {member.name: member for member in found}

    def arrival(self, member_id: JobId) -> Arrival:
        with self.app.database.transaction(self.uploader.tenant) as session:
            upload = documents.find_upload(session, member_id)
        return Arrival(self.uploader.tenant, upload.id, upload.object_key, "")

    def take_all(self, task: IngestTask) -> None:
        """Take in what was delivered, as S3's announcements have intake do."""
        for member in self.inside(task).values():
            arrival = self.arrival(member.id)
            if self.app.objects.describe(arrival.key) is not None:
                take_in(self.app.database, self.app.objects, arrival, max_bytes=1 << 20)

    def titles(self) -> list[str]:
        with self.app.database.transaction(self.uploader.tenant) as session:
            page = documents.list_documents(session, folder="", cursor=None, limit=50)
        return sorted(row.title for row in page.items)

    def remove(self, document_id: DocumentId) -> None:
        with self.app.database.transaction(self.uploader.tenant) as session:
            documents.remove_document(session, document_id)


@pytest.fixture
def desk(wired: App, uploader: Uploader) -> Desk:
    return Desk(wired, uploader)


def test_members_become_documents_in_folders_of_their_own(desk: Desk, tenant: TenantId) -> None:
    task = desk.put(packed(FILES), folder="inbox")
    desk.parse(task)
    assert {m.state for m in desk.inside(task).values()} == {"waiting"}
    desk.take_all(task)
    inside = desk.inside(task)
    assert {name: m.state for name, m in inside.items()} == {
        "notes/lease.md": "received", "readme.txt": "received", "tool.exe": "rejected",
    }  # fmt: skip
    with desk.app.database.transaction(tenant) as session:
        lease = documents.find_document(session, inside["notes/lease.md"].document_id)  # type: ignore[arg-type]
        readme = documents.find_document(session, inside["readme.txt"].document_id)  # type: ignore[arg-type]
        refused = realtime.find_job(session, inside["tool.exe"].id)
    assert (lease.folder, lease.parent_document_id) == ("inbox/papers/notes", task.document_id)
    assert readme.folder == "inbox/papers"
    assert (refused.stage, refused.subject) == ("failed", "tool.exe")
    assert "program" in refused.detail


POINTS = ["parse.file", "parse.announced", "parse.recorded", "parse.delivered"]


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_boundary_makes_every_member_once(desk: Desk, point: str) -> None:
    task = desk.put(packed(FILES))

    def die(reached: str) -> None:
        if reached == point:
            killpoints.arm(None)
            raise CrashError(point)

    killpoints.arm(die)
    try:
        with pytest.raises(CrashError):
            desk.parse(task)
    finally:
        killpoints.arm(None)
    first = desk.parse(task)
    desk.take_all(task)
    assert desk.parse(task) == first
    desk.take_all(task)
    assert desk.titles() == ["lease", "papers", "readme"]
    assert len(desk.inside(task)) == len(FILES)


def test_the_sweep_delivers_what_a_crash_left_behind(desk: Desk, tenant: TenantId) -> None:
    task = desk.put(packed(FILES))

    def die(reached: str) -> None:
        if reached == "parse.delivered":
            raise CrashError

    killpoints.arm(die)
    try:
        with pytest.raises(CrashError):
            desk.parse(task)
    finally:
        killpoints.arm(None)
    app = desk.app
    with app.database.transaction(tenant) as session:
        session.connection.execute("UPDATE kontor.uploads SET created_at = now() - interval '1 h'")
    Reconciler(
        database=app.database, objects=app.objects, bus=app.bus, workflows=app.workflows,
        intake_queue=app.intake_queue,
        stuck_after_s=3600, trash_days=30,
    ).sweep(tenant)  # fmt: skip
    desk.take_all(task)
    assert desk.titles() == ["lease", "papers", "readme"]


def test_a_member_that_is_here_already_is_told_as_a_duplicate(desk: Desk, tenant: TenantId) -> None:
    take_in(
        desk.app.database, desk.app.objects,
        desk.uploader.send("lease 2024.md", FILES["notes/lease.md"]), max_bytes=1 << 20,
    )  # fmt: skip
    task = desk.put(packed(FILES))
    desk.parse(task)
    desk.take_all(task)
    lease = desk.inside(task)["notes/lease.md"]
    assert lease.state == "duplicate"
    with desk.app.database.transaction(tenant) as session:
        job = realtime.find_job(session, lease.id)
        original = documents.find_document(session, lease.document_id)  # type: ignore[arg-type]
    assert "“lease 2024”" in job.detail
    assert original.parent_document_id is None
    desk.remove(task.document_id)
    assert desk.titles() == ["lease 2024"]


def test_children_go_with_their_parent_unless_another_has_them_too(desk: Desk) -> None:
    first = desk.put(packed(FILES))
    second = desk.put(packed({"copy.md": FILES["notes/lease.md"]}), "other.zip")
    for task in (first, second):
        desk.parse(task)
        desk.take_all(task)
    assert desk.titles() == ["lease", "other", "papers", "readme"]
    desk.remove(first.document_id)
    assert desk.titles() == ["lease", "other"]
    desk.remove(second.document_id)
    assert desk.titles() == []


def test_what_is_put_in_again_by_hand_stays_when_the_parent_goes(desk: Desk) -> None:
    task = desk.put(packed(FILES))
    desk.parse(task)
    desk.take_all(task)
    take_in(
        desk.app.database, desk.app.objects,
        desk.uploader.send("mine.txt", FILES["readme.txt"]), max_bytes=1 << 20,
    )  # fmt: skip
    desk.remove(task.document_id)
    assert desk.titles() == ["readme"]


def test_a_member_of_a_removed_archive_is_rejected_with_the_reason(
    desk: Desk, tenant: TenantId
) -> None:
    task = desk.put(packed(FILES))
    desk.parse(task)
    desk.remove(task.document_id)
    desk.take_all(task)
    with desk.app.database.transaction(tenant) as session:
        job = realtime.find_job(session, desk.inside(task)["readme.txt"].id)
    assert job.stage == "failed"
    assert "has been removed" in job.detail
    assert desk.titles() == []


def test_archives_are_opened_three_files_deep_and_no_deeper(desk: Desk, tenant: TenantId) -> None:
    data = packed({"core.txt": b"In the very middle."})
    for level in range(3):
        data = packed({f"level{level}.zip": data})
    task = desk.put(data, "outer.zip")
    for level in (2, 1, 0):
        desk.parse(task)
        (inner,) = desk.inside(task).values()
        assert inner.name == f"level{level}.zip"
        arrival = desk.arrival(inner.id)
        task = desk.keep(arrival, desk.app.objects.get(arrival.key), ZIP)
    desk.parse(task)
    assert desk.inside(task) == {}
    with desk.app.database.transaction(tenant) as session:
        version = documents.find_version(session, task.version_id)
    assert version.warnings == [
        "1 files inside were left out: they lie more than 3 files deep. Put them in by themselves."
    ]


def test_more_members_than_one_file_may_have_are_named_in_a_warning(
    desk: Desk, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MAX_MEMBERS", 2)
    task = desk.put(packed(FILES))
    desk.parse(task)
    assert len(desk.inside(task)) == 2
    with desk.app.database.transaction(tenant) as session:
        (warning,) = documents.find_version(session, task.version_id).warnings
    assert warning.startswith("1 files inside were left out")


def test_another_tenant_sees_no_members(desk: Desk, other_tenant: TenantId) -> None:
    task = desk.put(packed(FILES))
    desk.parse(task)
    with desk.app.database.transaction(other_tenant) as session:
        assert members.list_members(session, task.document_id) == []
        with pytest.raises(NotFoundError):
            documents.find_upload(session, next(iter(desk.inside(task).values())).id)
