"""Jobs and topics: the record is the truth, its story is in order, and tenants hear only theirs."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from shared.adapters.database import Database
from shared.kernel.context import working_on
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, JobId, TenantId, UserId, new_id
from shared.realtime import service
from shared.realtime.model import Report, Stage

USER = UserId(new_id())


def open_job(database: Database, tenant: TenantId, subject: str = "a.txt") -> JobId:
    job_id = JobId(new_id())
    with working_on(correlation="c-1"), database.transaction(tenant) as session:
        service.open_job(session, job_id=job_id, subject=subject, created_by=USER)
    return job_id


def report(database: Database, tenant: TenantId, news: Report) -> None:
    with database.transaction(tenant) as session:
        service.report(session, news)


def test_story_is_told_in_order_and_the_job_shows_its_last_stage(
    database: Database, tenant: TenantId
) -> None:
    job_id = open_job(database, tenant)
    document_id = DocumentId(new_id())
    report(database, tenant, Report(job_id=job_id, stage=Stage.UPLOADED, progress=0.05, step="x"))
    report(
        database,
        tenant,
        Report(
            job_id=job_id,
            stage=Stage.FAILED,
            progress=1,
            step="parse",
            detail="No text.",
            document_id=document_id,
            duration_ms=7,
        ),
    )
    with database.transaction(tenant) as session:
        job = service.find_job(session, job_id)
        hops = service.list_hops(session, job_id)
        traced = service.trace(session, document_id)
    assert (job.stage, job.detail, job.correlation_id) == ("failed", "No text.", "c-1")
    assert [(hop.sequence, hop.stage, hop.duration_ms) for hop in hops] == [
        (1, "uploaded", None),
        (2, "failed", 7),
    ]
    assert traced == hops


def test_news_is_announced_with_the_job_under_its_correlation_id(
    database: Database, owner_url: str, tenant: TenantId
) -> None:
    job_id = open_job(database, tenant)
    with working_on(correlation="c-2"):
        news = Report(job_id=job_id, stage=Stage.EMBEDDING, progress=0.5, step="embed")
        report(database, tenant, news)
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT name, payload FROM kontor.outbox").fetchall()
    ((name, payload),) = rows
    assert name == "StageReached"
    frame = service.progress_frame(payload)
    assert frame["type"] == "progress"
    assert (frame["job_id"], frame["stage"], frame["sequence"]) == (str(job_id), "embedding", 1)
    assert frame["correlation_id"] == "c-2"


def test_jobs_are_listed_newest_first_in_pages(database: Database, tenant: TenantId) -> None:
    ids = [open_job(database, tenant, f"{number}.txt") for number in range(5)]
    done = Report(job_id=ids[2], stage=Stage.COMPLETED, progress=1, step="settle")
    report(database, tenant, done)
    seen: list[JobId] = []
    cursor: str | None = None
    with database.transaction(tenant) as session:
        while True:
            page = service.list_jobs(session, cursor=cursor, is_open_only=False, limit=2)
            seen += [job.id for job in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        still_open = service.list_jobs(session, cursor=None, is_open_only=True, limit=9).items
    assert set(seen) == set(ids)
    assert seen == sorted(seen, reverse=True)
    assert {job.id for job in still_open} == set(ids) - {ids[2]}


def test_other_tenants_job_is_not_there(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    job_id = open_job(database, tenant)
    news = Report(job_id=job_id, stage=Stage.FAILED, progress=1, step="x")
    with pytest.raises(NotFoundError):
        report(database, other_tenant, news)
    with database.transaction(other_tenant) as session:
        assert service.list_hops(session, job_id) == []
        with pytest.raises(NotFoundError):
            service.find_job(session, job_id)


def test_listeners_hear_their_topics_only(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    job_id, document_id = new_id(), new_id()
    for who, topic in (
        ("by-job", f"job:{job_id}"),
        ("by-document", f"document:{document_id}"),
        ("all", "uploads"),
        ("elsewhere", f"job:{uuid4()}"),
    ):
        for home in (tenant, other_tenant):
            with database.transaction(home) as session:
                name = f"{who}-{home}"
                service.connect(session, connection_id=name, user_id=USER)
                assert service.subscribe(session, name, topic) == topic
                service.subscribe(session, name, topic)
    with database.transaction(tenant) as session:
        heard = service.list_listeners(session, JobId(job_id), DocumentId(document_id))
        assert sorted(heard) == sorted(
            f"{who}-{tenant}" for who in ("by-job", "by-document", "all")
        )
        service.unsubscribe(session, f"all-{tenant}", "uploads")
        service.disconnect(session, f"by-job-{tenant}")
        service.disconnect(session, f"by-job-{tenant}")
        assert service.list_listeners(session, JobId(job_id), DocumentId(document_id)) == [
            f"by-document-{tenant}"
        ]


@pytest.mark.parametrize("topic", ["", "everything", "job:", "job:1", "job:" + "g" * 36, 7, None])
def test_unknown_topic_is_refused(database: Database, tenant: TenantId, topic: object) -> None:
    with database.transaction(tenant) as session:
        service.connect(session, connection_id="c", user_id=USER)
    with pytest.raises(InvalidError), database.transaction(tenant) as session:
        service.subscribe(session, "c", topic)


def test_expired_connections_are_forgotten_with_their_topics(
    database: Database, owner_url: str, tenant: TenantId
) -> None:
    for name in ("old", "new"):
        with database.transaction(tenant) as session:
            service.connect(session, connection_id=name, user_id=USER)
            service.subscribe(session, name, "uploads")
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.connections SET expires_at = now() WHERE id = 'old'")
    with database.transaction(tenant) as session:
        assert service.remove_expired(session) == 1
        assert service.list_listeners(session, JobId(new_id()), None) == ["new"]
