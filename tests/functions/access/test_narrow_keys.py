"""Keys see with their holder's eyes, and over everything only where they are given that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.kernel.ids import new_id
from tests.functions.access.conftest import Firm

SCOPES = {"documents:read", "documents:write", "documents:share"}


@pytest.fixture
def firm(firm: Firm) -> Firm:
    """Amy's program may read, write and share; her other one oversees access as well."""
    amy = firm.people["amy"]
    for name, more in (("program", set()), ("overseer", {"access:manage"})):
        firm.people[name] = replace(
            amy, credential="key", session_id=new_id(), permissions=frozenset(SCOPES | more)
        )
    return firm


def test_an_administrators_key_sees_what_is_restricted_only_with_the_scope_for_it(
    firm: Firm,
) -> None:
    folder = firm.folder("ada", "plans")
    document = str(firm.put("ada", b"a", "plans"))
    everybodys = str(firm.put("ada", b"b"))
    path = f"/api/v1/folders/{folder}/access"
    grants = [{"subject": f"user:{firm.people['vic'].user_id}", "level": "view"}]
    assert firm.ask("ada", "PUT", path, body={"grants": grants}).status == 200
    assert firm.sight("amy") == firm.sight("overseer") == {document, everybodys}
    assert firm.sight("program") == {everybodys}
    shown = f"/api/v1/documents/{document}"
    assert firm.shelves("program", "GET", shown).status == 404
    assert firm.shelves("program", "PATCH", shown, body={"title": "x"}).status == 404
    assert firm.ask("program", "GET", path).status == 404
    assert firm.ask("program", "POST", "/api/v1/shares", body={"folder_id": folder}).status == 404
    assert firm.ask("overseer", "GET", path).status == 200
    more = {"subject": f"user:{firm.people['amy'].user_id}", "level": "view"}
    assert firm.ask("ada", "POST", path, body=more).status == 200
    assert firm.sight("program") == {document, everybodys}, "what was granted it sees"
    assert firm.shelves("program", "PATCH", shown, body={"title": "x"}).status == 403


def test_what_a_key_puts_in_and_changes_is_its_holders(firm: Firm) -> None:
    folder = firm.folder("program", "inbox")
    path = f"/api/v1/folders/{folder}/access"
    grants = [{"subject": f"user:{firm.people['vic'].user_id}", "level": "view"}]
    assert firm.ask("program", "PUT", path, body={"grants": grants}).status == 200
    document = str(firm.put("program", b"a", "inbox"))
    assert (firm.sight("program"), firm.sight("bob")) == ({document}, set())
    changed = firm.shelves("program", "PATCH", f"/api/v1/documents/{document}", body={"title": "x"})
    assert changed.status == 200
    with firm.app.database.transaction(firm.tenant) as session:
        rows = session.connection.execute(
            "SELECT DISTINCT actor_id FROM kontor.audit_events"
            " WHERE action ^@ 'folder.' OR action ^@ 'document.' OR action ^@ 'access.'"
        ).fetchall()
    assert rows == [(firm.people["amy"].user_id,)]


def test_a_key_without_a_scope_for_it_does_nothing_that_its_holder_may_do_as_such(
    firm: Firm,
) -> None:
    ada = firm.people["ada"]
    firm.people["searcher"] = replace(
        ada, credential="key", session_id=new_id(), permissions=frozenset({"search"})
    )
    folder = firm.folder("ada", "plans")
    share = firm.ask("ada", "POST", "/api/v1/shares", body={"folder_id": folder}).body["id"]
    group = firm.ask("amy", "POST", "/api/v1/groups", body={"name": "Legal"}).body["id"]
    members = f"/api/v1/groups/{group}/members"
    assert firm.ask("amy", "PUT", f"{members}/{ada.user_id}").status == 204
    wanted = [
        ("GET", f"/api/v1/users/{ada.user_id}/access"),
        ("GET", members),
        ("DELETE", f"/api/v1/shares/{share}"),
        ("DELETE", f"{members}/{ada.user_id}"),
    ]
    for who, statuses in (("searcher", {403}), ("ada", {200, 204})):
        assert {firm.ask(who, method, path).status for method, path in wanted} == statuses
