"""The workflow's steps with a real parser, model, bucket and database: repeatable, atomic."""

from __future__ import annotations

import json

import pytest

from shared.adapters.outbox import QUERIES, Outgoing
from shared.documents import service as documents
from shared.inference.embedding import Embedder
from shared.ingestion import service as ingestion
from shared.ingestion.derived import load_document
from shared.ingestion.intake import take_in
from shared.ingestion.service import Batch, Limits
from shared.ingestion.task import IngestTask
from shared.kernel import killpoints
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.search import service as search
from shared.search.model import SearchRequest
from shared.wiring import App
from tests.functions.conftest import Uploader

LIMITS = Limits(memory_mb=2048, timeout_s=60, chunk_tokens=64, batch_chunks=2)
TEXT = "# Lease\n\nThe lease of the garden ends on 31 December 2026.\n\n" + "\n\n".join(
    f"## Clause {n}\n\nClause {n} of the lease speaks of hedge number {n} and its yearly cut, "
    f"which the tenant carries out in month {n} without being asked to do so by anybody."
    for n in range(1, 8)
)


class CrashError(Exception):
    """Stands for kill -9 inside a process we want to keep."""


def _task(app: App, tenant: TenantId) -> IngestTask:
    with app.database.transaction(tenant) as session:
        waiting = session.all(QUERIES["list_unsent"], Outgoing, {"older_than_s": 0})
    requested = [row for row in waiting if row.destination == "ingest_workflow"]
    return IngestTask.from_json(requested[-1].payload["task"])  # type: ignore[arg-type]


def _upload(
    app: App, uploader: Uploader, text: str, *, filename: str = "lease.md", **fields: object
) -> IngestTask:
    arrival = uploader.send(filename, text.encode(), **fields)
    take_in(app.database, app.objects, arrival, max_bytes=1 << 20)
    return _task(app, uploader.tenant)


def _parse(app: App, task: IngestTask) -> list[Batch]:
    count = app.tokenizer.count_tokens
    answer = ingestion.parse(app.database, app.objects, task, count_tokens=count, limits=LIMITS)
    return [Batch(**batch) for batch in answer["batches"]]  # type: ignore[attr-defined]


def _embed_and_index(
    app: App, task: IngestTask, batches: list[Batch], *, embedder: Embedder | None = None
) -> None:
    for batch in batches:
        ingestion.embed(app.database, app.objects, task, batch, embedder=embedder or app.embedder)
    index = app.chunk_index
    ingestion.index(app.database, app.objects, task, chunk_index=index)


def _run(app: App, task: IngestTask, *, embedder: Embedder | None = None) -> None:
    _embed_and_index(app, task, _parse(app, task), embedder=embedder)
    ingestion.settle_completed(
        app.database, task, chunk_index=app.chunk_index, embedding_model="all-MiniLM-L6-v2"
    )


def _find(app: App, tenant: TenantId, query: str) -> list[str]:
    with app.database.transaction(tenant) as session:
        result = search.find(session, app.embedder, SearchRequest(query=query))
    return [hit.text for hit in result.hits]


def _stages(app: App, task: IngestTask) -> list[str]:
    with app.database.transaction(task.tenant_id) as session:
        return [hop.stage for hop in realtime.list_hops(session, task.job_id)]


def test_a_file_is_found_only_once_it_is_ready(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    batches = _parse(wired, task)
    assert len(batches) > 2
    assert _find(wired, tenant, "When does the lease end?") == []
    _embed_and_index(wired, task, batches)
    assert _find(wired, tenant, "When does the lease end?") == []
    ingestion.settle_completed(
        wired.database, task, chunk_index=wired.chunk_index, embedding_model="all-MiniLM-L6-v2"
    )
    assert "31 December 2026" in _find(wired, tenant, "When does the lease of the garden end?")[0]
    stages = _stages(wired, task)
    assert list(dict.fromkeys(stages)) == [
        "uploaded", "analyzing", "chunking", "embedding", "indexing", "completed",
    ]  # fmt: skip


def test_every_step_twice_leaves_every_chunk_once(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    _run(wired, task)
    before = _stages(wired, task)
    _run(wired, task)
    assert _stages(wired, task) == before
    with wired.database.transaction(tenant) as session:
        (chunks,) = (
            session.connection.execute("SELECT count(*) FROM kontor.chunks").fetchone() or ()
        )
        (vectors,) = (
            session.connection.execute("SELECT count(*) FROM kontor.chunk_vectors").fetchone() or ()
        )
        version = documents.find_version(session, task.version_id)
    assert chunks == vectors == version.chunk_count > 0


POINTS = [
    "parse.read", "parse.document", "parse.chunks", "parse.recorded",
    "embed.stored", "embed.recorded", "index.written", "index.recorded", "settle.recorded",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_boundary_loses_and_doubles_nothing(
    wired: App, tenant: TenantId, uploader: Uploader, point: str
) -> None:
    task = _upload(wired, uploader, TEXT)

    def die(reached: str) -> None:
        if reached == point:
            killpoints.arm(None)
            raise CrashError(point)

    killpoints.arm(die)
    try:
        with pytest.raises(CrashError):
            _run(wired, task)
    finally:
        killpoints.arm(None)
    _run(wired, task)
    with wired.database.transaction(tenant) as session:
        rows = session.connection.execute(
            "SELECT count(*), count(DISTINCT ordinal) FROM kontor.chunks"
        ).fetchone()
        version = documents.find_version(session, task.version_id)
    assert rows == (version.chunk_count, version.chunk_count)
    assert version.stage == "completed"
    assert _stages(wired, task).count("completed") == 1


def test_a_new_version_replaces_the_old_one_in_search(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    _run(wired, task)
    newer = _upload(wired, uploader, TEXT.replace("2026", "2031"), document_id=task.document_id)
    _run(wired, newer)
    found = _find(wired, tenant, "When does the lease of the garden end?")
    assert "31 December 2031" in found[0]
    assert not any("31 December 2026" in text for text in found)
    old = load_document(wired.objects, tenant, task.version_id)
    assert "31 December 2026" in old.text


def test_versions_that_finish_out_of_order_leave_the_newest_current(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    batches = _parse(wired, task)
    newer = _upload(wired, uploader, TEXT.replace("2026", "2031"), document_id=task.document_id)
    _run(wired, newer)
    _embed_and_index(wired, task, batches)
    _run(wired, task)
    found = _find(wired, tenant, "When does the lease of the garden end?")
    assert "31 December 2031" in found[0]
    assert not any("31 December 2026" in text for text in found)


def test_an_empty_text_fails_with_a_reason_and_leaves_nothing(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    page = "<!doctype html><html><head><title>x</title></head><body> <br> </body></html>"
    task = _upload(wired, uploader, page, filename="empty.html")
    with pytest.raises(InvalidError) as raised:
        _parse(wired, task)
    error = {"Error": "InvalidError", "Cause": json.dumps({"errorMessage": str(raised.value)})}
    reason = ingestion.failure_reason(error)
    for _ in range(2):
        ingestion.settle_failed(wired.database, task, reason, chunk_index=wired.chunk_index)
    with wired.database.transaction(tenant) as session:
        job = realtime.find_job(session, task.job_id)
        document = documents.find_document(session, task.document_id)
    assert (job.stage, job.detail) == ("failed", reason)
    assert (document.stage, document.failure) == ("failed", reason)
    assert _stages(wired, task).count("failed") == 1


def test_our_own_trouble_is_not_blamed_on_the_file() -> None:
    bug = {"Error": "ZeroDivisionError", "Cause": '{"errorMessage": "secret internals"}'}
    assert "secret" not in ingestion.failure_reason(bug)
    assert "on our side" in ingestion.failure_reason(bug)
    assert "too long" in ingestion.failure_reason({"Error": "Sandbox.Timedout", "Cause": "no json"})


def test_a_document_removed_meanwhile_stops_its_ingest(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    batches = _parse(wired, task)
    with wired.database.transaction(tenant) as session:
        documents.remove_document(session, task.document_id)
    with pytest.raises(NotFoundError):
        _embed_and_index(wired, task, batches)
