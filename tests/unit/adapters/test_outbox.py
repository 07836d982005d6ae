"""Inbox and outbox against a real database: receipts are unique, announcements survive crashes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest

from shared.adapters import outbox
from shared.adapters.bus import Fact
from shared.adapters.database import Database
from shared.kernel.context import working_on
from shared.kernel.errors import UnavailableError
from shared.kernel.events import Event
from shared.kernel.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class BellRang(Event):
    """A fact of this test."""

    times: int


class Recorder:
    """A bus and a workflow engine that keep what they are given, or are away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.facts: list[Fact] = []
        self.started: list[str] = []
        self.is_away = is_away

    def publish(self, facts: list[Fact]) -> None:
        if self.is_away:
            raise UnavailableError("The event bus is away.")
        self.facts.extend(facts)

    def start(self, name: str, data: object) -> None:
        self.started.append(name)


def _relay(database: Database, tenant: TenantId, recorder: Recorder) -> int:
    return outbox.relay(database, tenant, bus=recorder, workflows=recorder)  # type: ignore[arg-type]


def test_announcement_carries_the_correlation_id_and_is_sent_once(
    database: Database, tenant: TenantId
) -> None:
    recorder = Recorder()
    with working_on(correlation="abc"), database.transaction(tenant) as session:
        outbox.announce(session, BellRang(tenant_id=tenant, times=3))
        outbox.request_workflow(session, "version-1", {"task": 1})
    assert _relay(database, tenant, recorder) == 2
    assert _relay(database, tenant, recorder) == 0
    (fact,) = recorder.facts
    assert fact.name == "BellRang"
    told = {"tenant_id": str(tenant), "times": 3, "correlation_id": "abc"}
    assert fact.detail == told | {"event_id": fact.detail["event_id"]}
    assert UUID(str(fact.detail["event_id"])).version == 7  # webhooks know repeats by it
    assert recorder.started == ["version-1"]


def test_rolled_back_work_announces_nothing(database: Database, tenant: TenantId) -> None:
    with pytest.raises(RuntimeError, match="crash"), database.transaction(tenant) as session:
        outbox.announce(session, BellRang(tenant_id=tenant, times=1))
        raise RuntimeError("crash")
    assert _relay(database, tenant, Recorder()) == 0


def test_announcement_waits_while_the_bus_is_away(database: Database, tenant: TenantId) -> None:
    with database.transaction(tenant) as session:
        outbox.announce(session, BellRang(tenant_id=tenant, times=1))
    with pytest.raises(UnavailableError):
        _relay(database, tenant, Recorder(is_away=True))
    recorder = Recorder()
    assert _relay(database, tenant, recorder) == 1
    assert len(recorder.facts) == 1


def test_other_tenants_relay_sends_nothing_of_ours(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        outbox.announce(session, BellRang(tenant_id=tenant, times=1))
    assert _relay(database, other_tenant, Recorder()) == 0


def test_second_receipt_for_the_same_message_is_refused_and_the_first_answer_kept(
    database: Database, tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        assert outbox.leave_receipt(session, "parse", "v1", {"chunks": 7})
    with database.transaction(tenant) as session:
        assert not outbox.leave_receipt(session, "parse", "v1", {"chunks": 9})
        assert outbox.find_receipt(session, "parse", "v1") == {"chunks": 7}
        assert outbox.find_receipt(session, "embed", "v1") is None
        outbox.forget_receipts(session, "v1")
        assert outbox.find_receipt(session, "parse", "v1") is None


def _started(database: Database, tenant: TenantId, most: int) -> list[str]:
    recorder = Recorder()
    outbox.relay(database, tenant, bus=recorder, workflows=recorder, max_running=most)  # type: ignore[arg-type]
    return recorder.started


def test_no_more_workflows_run_than_may_and_the_rest_wait_by_priority(
    database: Database, tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        for priority in (3, 2, 1, 0, 0):
            name = f"{priority}-{session.connection.execute('SELECT random()').fetchone()}"
            outbox.request_workflow(session, name, {}, priority=priority)
    first = _started(database, tenant, 2)
    assert [name[0] for name in first] == ["0", "0"]
    assert _started(database, tenant, 2) == []
    with database.transaction(tenant) as session:
        outbox.end_workflow(session, first[0])
    assert [name[0] for name in _started(database, tenant, 2)] == ["1"]


def test_waiting_outweighs_priority_in_the_end(
    database: Database, tenant: TenantId, owner_url: str
) -> None:
    with database.transaction(tenant) as session:
        outbox.request_workflow(session, "bulk", {}, priority=2)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.outbox SET created_at = now() - interval '1 hour'")
    with database.transaction(tenant) as session:
        outbox.request_workflow(session, "fresh", {})
    assert _started(database, tenant, 1) == ["bulk"]


def test_a_second_tenant_gets_its_share_when_places_come_free(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        for number in range(6):
            outbox.request_workflow(session, f"a{number}", {}, priority=2)
    assert len(_started(database, tenant, 4)) == 4
    with database.transaction(other_tenant) as session:
        outbox.request_workflow(session, "b0", {})
    assert _started(database, other_tenant, 4) == [], "all places are taken"
    with database.transaction(tenant) as session:
        outbox.end_workflow(session, "a0")
    assert _started(database, tenant, 4) == [], "half the places are its share now"
    with database.system_transaction() as session:
        assert outbox.list_waiting_tenants(session) == [other_tenant, tenant]
    assert _started(database, other_tenant, 4) == ["b0"]


def test_facts_go_out_while_workflows_wait(database: Database, tenant: TenantId) -> None:
    recorder = Recorder()
    with database.transaction(tenant) as session:
        outbox.request_workflow(session, "first", {})
        outbox.request_workflow(session, "second", {})
        outbox.announce(session, BellRang(tenant_id=tenant, times=1))
    sent = outbox.relay(database, tenant, bus=recorder, workflows=recorder, max_running=1)  # type: ignore[arg-type]
    assert (sent, len(recorder.facts), recorder.started) == (2, 1, ["first"])
