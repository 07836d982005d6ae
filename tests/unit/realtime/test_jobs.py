"""Jobs in pages, jobs of others, connections past their time."""

from __future__ import annotations

import psycopg
import pytest

from shared.adapters.database import Database
from shared.kernel.context import working_on
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import JobId, TenantId, UserId, new_id
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
