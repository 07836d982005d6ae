"""The audit trail: commits with its change, carries the correlation id, cannot be rewritten."""

from __future__ import annotations

import psycopg
import pytest

from shared.adapters.database import Database, UnexpectedDatabaseError
from shared.audit import service
from shared.kernel.context import working_on
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId, UserId, new_id
from shared.kernel.paging import encode_cursor


def test_entry_carries_correlation_id_and_details(database: Database, tenant: TenantId) -> None:
    actor = UserId(new_id())
    with working_on(correlation="c-1"), database.transaction(tenant) as session:
        service.record(
            session, actor_id=actor, action="user.added", subject="user:7", details={"role": "x"}
        )
    with database.transaction(tenant) as session:
        (entry,) = service.list_events(session).items
    assert (entry.actor_id, entry.action, entry.subject) == (actor, "user.added", "user:7")
    assert (entry.correlation_id, entry.details) == ("c-1", {"role": "x"})


def test_entry_falls_with_its_transaction(database: Database, tenant: TenantId) -> None:
    def refused_change() -> None:
        with database.transaction(tenant) as session:
            service.record(session, actor_id=None, action="user.added", subject="user:7")
            raise InvalidError("the change was refused")

    with pytest.raises(InvalidError):
        refused_change()
    with database.transaction(tenant) as session:
        assert not service.list_events(session).items


def test_pages_run_newest_first_without_gaps(database: Database, tenant: TenantId) -> None:
    with database.transaction(tenant) as session:
        for number in range(5):
            service.record(session, actor_id=None, action="thing.done", subject=f"thing:{number}")
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = service.list_events(session, cursor=cursor, limit=2)
            seen += [entry.subject for entry in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        chosen = service.list_events(session, subject="thing:3", action="thing.done").items
    assert sorted(seen) == [f"thing:{number}" for number in range(5)]
    assert [entry.subject for entry in chosen] == ["thing:3"]


def test_other_tenant_sees_nothing(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        service.record(session, actor_id=None, action="thing.done", subject="thing:1")
    with database.transaction(other_tenant) as session:
        assert not service.list_events(session).items


@pytest.mark.parametrize(
    "statement",
    ["UPDATE kontor.audit_events SET action = 'x.y'", "DELETE FROM kontor.audit_events"],
)
def test_functions_cannot_rewrite_the_trail(
    database: Database, tenant: TenantId, statement: str
) -> None:
    with (
        pytest.raises(UnexpectedDatabaseError) as refused,
        database.transaction(tenant) as session,
    ):
        session.connection.execute(statement.encode())
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("action", ["", "added", "User.Added", "user.added!", "a.b.c"])
def test_action_not_in_the_past_tense_form_is_a_bug(
    database: Database, tenant: TenantId, action: str
) -> None:
    with pytest.raises(ValueError, match="audit action"), database.transaction(tenant) as session:
        service.record(session, actor_id=None, action=action, subject="user:1")


@pytest.mark.parametrize(
    "cursor", ["rubbish", encode_cursor("not-a-uuid"), encode_cursor("a", "b")]
)
def test_foreign_cursor_is_refused(database: Database, tenant: TenantId, cursor: str) -> None:
    with pytest.raises(InvalidError), database.transaction(tenant) as session:
        service.list_events(session, cursor=cursor)
