"""Jobs tell their story in order; topics reach only those who listen in the same tenant."""

from __future__ import annotations

import pytest

from shared.adapters.database import Database
from shared.adapters.outbox import QUERIES, Outgoing
from shared.kernel.context import working_on
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, JobId, TenantId, UserId, new_id
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage

USER = UserId(new_id())


def _open(database: Database, tenant: TenantId) -> JobId:
    job = JobId(new_id())
    with working_on(correlation="c-9"), database.transaction(tenant) as session:
        realtime.open_job(session, job_id=job, subject="a.txt", created_by=USER)
    return job


def _report(database: Database, tenant: TenantId, job: JobId, stage: Stage) -> None:
    with working_on(correlation="c-9"), database.transaction(tenant) as session:
        realtime.report(session, Report(job_id=job, stage=stage, progress=0.5, step="test"))


def test_a_job_tells_its_story_in_order_and_announces_every_stage(
    database: Database, tenant: TenantId
) -> None:
    job = _open(database, tenant)
    for stage in (Stage.UPLOADED, Stage.ANALYZING, Stage.COMPLETED):
        _report(database, tenant, job, stage)
    with database.transaction(tenant) as session:
        found = realtime.find_job(session, job)
        hops = realtime.list_hops(session, job)
        announced = session.all(QUERIES["list_unsent"], Outgoing, {"older_than_s": 0})
    assert (found.stage, found.correlation_id) == ("completed", "c-9")
    assert [(hop.sequence, hop.stage) for hop in hops] == [
        (1, "uploaded"), (2, "analyzing"), (3, "completed"),
    ]  # fmt: skip
    frames = [realtime.progress_frame(row.payload) for row in announced]
    assert [frame["sequence"] for frame in frames] == [1, 2, 3]
    assert {frame["correlation_id"] for frame in frames} == {"c-9"}
    assert {frame["subject"] for frame in frames} == {"a.txt"}


def test_open_jobs_are_those_that_are_not_finished(database: Database, tenant: TenantId) -> None:
    done, waiting = _open(database, tenant), _open(database, tenant)
    _report(database, tenant, done, Stage.FAILED)
    with database.transaction(tenant) as session:
        opened = realtime.list_jobs(session, cursor=None, is_open_only=True, limit=10)
        first = realtime.list_jobs(session, cursor=None, is_open_only=False, limit=1)
        rest = realtime.list_jobs(session, cursor=first.next_cursor, is_open_only=False, limit=9)
    assert [job.id for job in opened.items] == [waiting]
    assert [job.id for job in (*first.items, *rest.items)] == [waiting, done]


def test_frames_reach_each_listener_once_and_no_other_tenant(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    job, document = _open(database, tenant), DocumentId(new_id())
    with database.transaction(tenant) as session:
        for name in ("both", "left", "silent"):
            realtime.connect(session, connection_id=name, user_id=USER)
        for topic in ("uploads", f"job:{job}", f"document:{document}"):
            realtime.subscribe(session, "both", topic)
        realtime.subscribe(session, "left", "uploads")
        realtime.disconnect(session, "left")
        realtime.subscribe(session, "silent", "uploads")
        realtime.unsubscribe(session, "silent", "uploads")
        assert realtime.list_listeners(session, job, document) == ["both"]
    with database.transaction(other_tenant) as session:
        realtime.connect(session, connection_id="spy", user_id=USER)
        realtime.subscribe(session, "spy", f"job:{job}")
        assert realtime.list_listeners(session, job, document) == ["spy"]
    with database.transaction(tenant) as session:
        assert realtime.list_listeners(session, job, document) == ["both"]
        with pytest.raises(NotFoundError):
            realtime.find_job(session, JobId(new_id()))


@pytest.mark.parametrize("topic", ["", "job:1", "rooms", None, 7, "uploads\n", "job:" + "z" * 36])
def test_unknown_topics_are_refused(database: Database, tenant: TenantId, topic: object) -> None:
    with database.transaction(tenant) as session, pytest.raises(InvalidError):
        realtime.subscribe(session, "x", topic)
