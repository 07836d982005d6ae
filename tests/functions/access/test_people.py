"""Roles, accounts and groups over HTTP: nobody gives more than they have, somebody stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.identity import sessions
from shared.identity.keys import SigningKey
from shared.identity.model import Device, Principal
from shared.identity.service import TokenRules
from shared.realtime import service as realtime
from tests.functions.access.conftest import Firm


def moderator(firm: Firm) -> Principal:
    """Bob, with a role that manages accounts and groups, but not everything."""
    held = ["documents:*", "users:*", "groups:manage", "roles:manage", "search", "chat"]
    body = {"name": "moderator", "permissions": held}
    assert firm.ask("amy", "POST", "/api/v1/roles", body=body).status == 201
    bob = firm.people["bob"]
    path = f"/api/v1/users/{bob.user_id}"
    assert firm.ask("amy", "PATCH", path, body={"role": "moderator"}).status == 200
    made = replace(bob, role="moderator", permissions=frozenset(held))
    firm.people["bob"] = made
    return made


def test_roles_are_made_changed_and_removed(firm: Firm) -> None:
    listed = firm.ask("amy", "GET", "/api/v1/roles").body["items"]
    assert {role["name"]: role["is_builtin"] for role in listed} == {
        "admin": True,
        "editor": True,
        "viewer": True,
    }
    body = {"name": "archivist", "title": "Archivist", "permissions": ["documents:*", "search"]}
    made = firm.ask("amy", "POST", "/api/v1/roles", body=body)
    assert (made.status, made.body["permissions"]) == (201, ["documents:*", "search"])
    assert firm.ask("amy", "POST", "/api/v1/roles", body=body).status == 409
    path = "/api/v1/roles/archivist"
    changed = firm.ask("amy", "PATCH", path, body={"permissions": ["search"]})
    assert changed.body["permissions"] == ["search"]
    assert firm.ask("amy", "DELETE", path).status == 204
    assert firm.ask("amy", "DELETE", path).status == 404
    assert firm.ask("amy", "DELETE", "/api/v1/roles/viewer").status == 409


@pytest.mark.parametrize("permission", ["documents:burn", "document:*", "*:*", "", "everything"])
def test_permissions_that_do_not_exist_are_refused(firm: Firm, permission: str) -> None:
    body = {"name": "odd", "permissions": [permission]}
    assert firm.ask("amy", "POST", "/api/v1/roles", body=body).status == 422


def test_nobody_makes_or_gives_a_role_beyond_their_own(firm: Firm) -> None:
    moderator(firm)
    for wanted in (["*"], ["access:manage"], ["system:*"]):
        body = {"name": "mine", "permissions": wanted}
        assert firm.ask("bob", "POST", "/api/v1/roles", body=body).status == 403
    inside = {"name": "mine", "permissions": ["documents:erase", "users:read"]}
    assert firm.ask("bob", "POST", "/api/v1/roles", body=inside).status == 201
    own = {"permissions": ["*"]}
    assert firm.ask("bob", "PATCH", "/api/v1/roles/moderator", body=own).status == 403
    assert firm.ask("bob", "PATCH", "/api/v1/roles/admin", body={"permissions": []}).status == 403
    vic, amy = (firm.people[name].user_id for name in ("vic", "amy"))
    assert firm.ask("bob", "PATCH", f"/api/v1/users/{vic}", body={"role": "admin"}).status == 403
    assert firm.ask("bob", "PATCH", f"/api/v1/users/{vic}", body={"role": "mine"}).status == 200
    for change in ({"role": "mine"}, {"is_active": False}):
        assert firm.ask("bob", "PATCH", f"/api/v1/users/{amy}", body=change).status == 403
    assert firm.ask("bob", "DELETE", f"/api/v1/users/{amy}").status == 403
    assert firm.ask("ada", "PATCH", f"/api/v1/users/{vic}", body={"role": "mine"}).status == 403


def test_the_last_administrator_stays(firm: Firm) -> None:
    amy, ada = (firm.people[name].user_id for name in ("amy", "ada"))
    for change in ({"role": "editor"}, {"is_active": False}):
        answer = firm.ask("amy", "PATCH", f"/api/v1/users/{amy}", body=change)
        assert (answer.status, answer.body["hint"]) == (
            409,
            "Make somebody else an administrator first.",
        )
    assert firm.ask("amy", "DELETE", f"/api/v1/users/{amy}").status == 409
    body = {"permissions": ["documents:*"]}
    assert firm.ask("amy", "PATCH", "/api/v1/roles/admin", body=body).status == 409
    assert firm.ask("amy", "PATCH", f"/api/v1/users/{ada}", body={"role": "admin"}).status == 200
    assert firm.ask("amy", "PATCH", f"/api/v1/users/{amy}", body={"role": "editor"}).status == 200


def test_an_account_that_is_switched_off_is_out_at_once(firm: Firm) -> None:
    vic = firm.people["vic"]
    key = SigningKey.make()
    with firm.app.database.transaction(firm.tenant) as session:
        rules = TokenRules(key, "kontor", 900)
        given = sessions.open_session(
            session, vic.user_id, methods=["password"], device=Device(), rules=rules
        )
        realtime.connect(
            session, connection_id="c1", user_id=vic.user_id, session_id=given.session_id
        )
        realtime.subscribe(session, "c1", "uploads")
    path = f"/api/v1/users/{vic.user_id}"
    off = firm.ask("amy", "PATCH", path, body={"is_active": False})
    assert (off.status, off.body["is_active"]) == (200, False)
    with firm.app.database.transaction(firm.tenant) as session:
        rows = session.connection.execute(
            "SELECT revoked_at IS NOT NULL, (SELECT count(*) FROM kontor.connections)"
            " FROM kontor.sessions"
        ).fetchall()
    assert rows == [(True, 0)]
    assert firm.ask("amy", "PATCH", path, body={"is_active": True}).body["is_active"] is True


def test_an_account_that_is_removed_leaves_its_documents_closed(firm: Firm) -> None:
    folder = firm.folder("ada", "plans")
    document = firm.put("ada", b"a", "plans")
    firm.ask(
        "ada", "PUT", f"/api/v1/folders/{folder}/access",
        body={"grants": [{"subject": "ada@acme.example", "level": "manage"}]},
    )  # fmt: skip
    ada = firm.people["ada"].user_id
    assert firm.ask("amy", "DELETE", f"/api/v1/users/{ada}").status == 204
    assert firm.ask("amy", "DELETE", f"/api/v1/users/{ada}").status == 404
    assert firm.sight("bob") == set()
    assert firm.sight("amy") == {str(document)}
    body = firm.ask("amy", "GET", f"/api/v1/folders/{folder}/access").body
    assert [grant["name"] for grant in body["grants"]] == [""]


def test_groups_carry_grants(firm: Firm) -> None:
    folder = firm.folder("ada", "plans")
    document = firm.put("ada", b"a", "plans")
    made = firm.ask("amy", "POST", "/api/v1/groups", body={"name": "Legal"})
    assert made.status == 201
    assert firm.ask("amy", "POST", "/api/v1/groups", body={"name": "legal"}).status == 409
    group = made.body["id"]
    firm.ask(
        "ada", "PUT", f"/api/v1/folders/{folder}/access",
        body={"grants": [{"subject": "group:Legal", "level": "view"}]},
    )  # fmt: skip
    bob = firm.people["bob"].user_id
    member = f"/api/v1/groups/{group}/members/{bob}"
    assert firm.sight("bob") == set()
    assert firm.ask("amy", "PUT", member).status == 204
    assert firm.ask("amy", "PUT", member).status == 204
    assert firm.sight("bob") == {str(document)}
    people = firm.ask("bob", "GET", f"/api/v1/groups/{group}/members").body["items"]
    assert [one["email"] for one in people] == ["bob@acme.example"]
    assert firm.ask("vic", "GET", f"/api/v1/groups/{group}/members").status == 403
    assert firm.ask("bob", "DELETE", member).status == 204, "anybody may leave"
    assert firm.sight("bob") == set()
    assert firm.ask("amy", "DELETE", f"/api/v1/groups/{group}").status == 204
    assert firm.sight("bob") == set(), "nothing opens because a group went"


def test_who_manages_groups_joins_none_that_is_not_theirs(firm: Firm) -> None:
    moderator(firm)
    group = firm.ask("amy", "POST", "/api/v1/groups", body={"name": "Board"}).body["id"]
    bob = firm.people["bob"].user_id
    member = f"/api/v1/groups/{group}/members/{bob}"
    assert firm.ask("bob", "PUT", member).status == 403
    assert firm.ask("bob", "DELETE", f"/api/v1/groups/{group}").status == 403
    own = firm.ask("bob", "POST", "/api/v1/groups", body={"name": "Readers"}).body["id"]
    assert firm.ask("bob", "PUT", f"/api/v1/groups/{own}/members/{bob}").status == 204
    assert firm.ask("ada", "POST", "/api/v1/groups", body={"name": "Mine"}).status == 403


def test_nobody_escapes_a_deny_by_leaving_the_group_it_is_said_of(firm: Firm) -> None:
    moderator(firm)
    folder = firm.folder("ada", "plans")
    firm.put("ada", b"a", "plans")
    group = firm.ask("bob", "POST", "/api/v1/groups", body={"name": "Interns"}).body["id"]
    path = f"/api/v1/groups/{group}"
    for name in ("bob", "vic"):
        member = f"{path}/members/{firm.people[name].user_id}"
        assert firm.ask("bob", "PUT", member).status == 204
    grants = [{"subject": "group:Interns", "level": "deny"}]
    said = firm.ask("ada", "PUT", f"/api/v1/folders/{folder}/access", body={"grants": grants})
    assert (said.status, firm.sight("vic"), firm.sight("bob")) == (200, set(), set())
    for who, name in (("vic", "vic"), ("bob", "bob"), ("bob", "vic")):
        member = f"{path}/members/{firm.people[name].user_id}"
        assert firm.ask(who, "DELETE", member).status == 403
    assert firm.ask("bob", "DELETE", path).status == 403
    assert (firm.sight("vic"), firm.sight("bob")) == (set(), set())
    assert firm.ask("amy", "DELETE", f"{path}/members/{firm.people['vic'].user_id}").status == 204
    assert len(firm.sight("vic")) == 1


def test_somebody_of_another_tenant_is_nobody(firm: Firm) -> None:
    group = firm.ask("amy", "POST", "/api/v1/groups", body={"name": "Board"}).body["id"]
    stranger = "01890000-0000-7000-8000-000000000000"
    assert firm.ask("amy", "PUT", f"/api/v1/groups/{group}/members/{stranger}").status == 404
    assert firm.ask("amy", "PATCH", f"/api/v1/users/{stranger}", body={}).status == 404
