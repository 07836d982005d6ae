"""Who gets an export, and what of it: no more than they may see, with what they called with."""

# ruff: noqa: F811 - fixtures of the neighbour
from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.tenants.handler import handler
from shared.identity.model import Principal
from shared.kernel.errors import ConflictError
from shared.kernel.ids import TenantId, UserId, new_id
from shared.tenancy import service as tenancy
from shared.wiring import App
from tests.functions.http_events import call
from tests.functions.tenants.test_tenants import (  # noqa: F401 - fixtures
    lines,
    people,
    shop,
    unpacked,
    work_off,
)


@pytest.fixture
def wim(tenant: TenantId, people: UserId) -> Principal:
    return Principal(tenant, people, "wim@acme.example", "editor", session_id=uuid4())


def finished(app: App, admin: Principal) -> str:
    """Make a whole export, as an administrator, and return its job."""
    asked = call(handler, "POST", "/api/v1/tenant/exports", principal=admin).body
    work_off(app, admin.tenant_id)
    return str(asked["id"])


def status(principal: Principal, method: str, path: str) -> int:
    return call(handler, method, path, principal=principal).status


def test_a_key_takes_nothing_of_its_holder_away(shop: App, wim: Principal) -> None:
    key = replace(wim, credential="key", permissions=frozenset({"search"}))
    path = f"/api/v1/users/{wim.user_id}/export"
    assert status(key, "POST", path) == 403
    asked = call(handler, "POST", path, principal=wim).body
    work_off(shop, wim.tenant_id)
    task = f"/api/v1/tenant/tasks/{asked['id']}"
    assert status(wim, "GET", task) == 200
    assert status(key, "GET", task) == 404
    assert call(handler, "GET", "/api/v1/tenant/tasks", principal=key).body["items"] == []


def test_who_is_no_longer_an_administrator_does_not_get_the_export_they_asked_for(
    shop: App,
    admin: Principal,
    people: UserId,
) -> None:
    task = f"/api/v1/tenant/tasks/{finished(shop, admin)}"
    assert status(admin, "GET", task) == 200
    assert status(replace(admin, role="editor", permissions=None), "GET", task) == 404


def test_who_may_not_see_everything_takes_not_everything_away(
    shop: App,
    admin: Principal,
    wim: Principal,
    people: UserId,
) -> None:
    clerk = replace(wim, permissions=frozenset({"tenant:manage"}))
    assert status(clerk, "POST", "/api/v1/tenant/exports") == 403
    assert status(clerk, "POST", f"/api/v1/users/{admin.user_id}/export") == 403
    assert status(clerk, "GET", f"/api/v1/tenant/tasks/{finished(shop, admin)}") == 404


def test_a_persons_copy_keeps_back_what_is_hidden_from_them_by_now(
    shop: App,
    wim: Principal,
    admin: Principal,
) -> None:
    conversation, message, document = new_id(), new_id(), new_id()
    with shop.database.transaction(wim.tenant_id) as session:
        run = session.connection.execute
        run(
            "INSERT INTO kontor.documents (tenant_id, id, title, media_type, created_by)"
            " VALUES (%s, %s, 'Gehälter', 'text/plain', %s)",
            (wim.tenant_id, document, admin.user_id),
        )
        run(
            "INSERT INTO kontor.conversations (tenant_id, id, user_id, title)"
            " VALUES (%s, %s, %s, 'x')",
            (wim.tenant_id, conversation, wim.user_id),
        )
        run(
            "INSERT INTO kontor.messages (tenant_id, id, conversation_id, role, content, state)"
            " VALUES (%s, %s, %s, 'assistant', 'Sie verdient 9.000 Euro.', 'answer')",
            (wim.tenant_id, message, conversation),
        )
        run(
            "INSERT INTO kontor.message_sources (tenant_id, message_id, document_id)"
            " VALUES (%s, %s, %s)",
            (wim.tenant_id, message, document),
        )

    def copy() -> dict[str, bytes]:
        with shop.database.transaction(wim.tenant_id) as session:
            task = tenancy.request_person_export(session, wim, wim.user_id)
        work_off(shop, wim.tenant_id)
        return unpacked(shop, wim.tenant_id, str(task.id))

    assert b"9.000" in b"".join(copy().values())
    with shop.database.transaction(wim.tenant_id) as session:
        session.connection.execute(
            "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject,"
            " level, granted_by) VALUES (%s, 'document', %s, %s, 'view', %s)",
            (wim.tenant_id, document, f"user:{admin.user_id}", admin.user_id),
        )
    entries = copy()
    assert b"9.000" not in b"".join(entries.values())
    rows = [row for row in lines(entries, "conversations") if row.get("table") == "messages"]
    assert [(UUID(row["id"]), row["is_withheld"]) for row in rows] == [(message, True)]
    assert json.loads(entries["manifest.json"])["person_id"] == str(wim.user_id)


def test_nobody_erases_who_may_do_more_than_they_may(
    shop: App, admin: Principal, wim: Principal, people: UserId
) -> None:
    clerk = replace(wim, permissions=frozenset({"tenant:manage", "access:manage"}))
    path, body = f"/api/v1/users/{admin.user_id}/erasure", {"confirm": admin.email}
    assert call(handler, "POST", path, body=body, principal=clerk).status == 403


def test_of_two_administrators_who_erase_each_other_one_stays(
    shop: App, admin: Principal, people: UserId, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.users SET role = 'admin'")
    other = replace(admin, user_id=people, email="wim@acme.example")
    for who, whom in ((admin, other), (other, admin)):
        path, body = f"/api/v1/users/{whom.user_id}/erasure", {"confirm": whom.email}
        assert call(handler, "POST", path, body=body, principal=who).status == 202
    with pytest.raises(ConflictError, match="Nobody would be left"):
        work_off(shop, admin.tenant_id)
    with shop.database.transaction(admin.tenant_id) as session:
        row = session.connection.execute(
            "SELECT count(*) FILTER (WHERE is_active), count(*) FROM kontor.users"
        ).fetchone()
        states = {task.state: task.detail for task in tenancy.list_tasks(session, admin)}
    assert row == (1, 2)
    assert states["done"] == ""
    assert "administer" in states["failed"]
