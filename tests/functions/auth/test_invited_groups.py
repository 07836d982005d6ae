"""Invitations into groups, and what is left of one whose sender may no longer give it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from infra.cli.main import main
from shared.access import groups
from shared.access.model import Group
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD, Postman, SignIn
from tests.functions.http_events import Answer, Handler, call

NEW = "mein Hund heißt anders als dieser"


@pytest.fixture
def law(served: App, admin: Principal) -> Group:
    return make_group(served, admin, "Law")


def make_group(served: App, by: Principal, name: str) -> Group:
    with served.database.transaction(by.tenant_id) as session:
        return groups.add_group(session, by, name=name, description="")


def invite(handler: Handler, by: Principal, *named: str, **changes: str) -> Answer:
    body = {"email": "bea@acme.example", "role": "editor", "groups": list(named), **changes}
    return call(handler, "POST", "/api/v1/invitations", body=body, principal=by)


def accept(handler: Handler, token: str) -> Answer:
    body = {"token": token, "display_name": "Bea", "password": NEW}
    return call(handler, "POST", "/auth/invitations/accept", body=body)


def colleague(handler: Handler, admin: Principal, role: str = "admin") -> Principal:
    """Another account of the tenant, with its role's permissions."""
    body = {"email": "cem@acme.example", "display_name": "C", "password": PASSWORD, "role": role}
    made = call(handler, "POST", "/api/v1/users", body=body, principal=admin).body
    return replace(admin, user_id=UserId(made["id"]), email=made["email"], role=role)


def members(owner_url: str) -> set[tuple[str, str]]:
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT g.name, u.email FROM kontor.group_members AS m"
            " JOIN kontor.groups AS g ON g.id = m.group_id"
            " JOIN kontor.users AS u ON u.id = m.user_id"
        )
        return {(str(name), str(email)) for name, email in rows}


def listed(handler: Handler, by: Principal) -> list[dict[str, object]]:
    return list(call(handler, "GET", "/api/v1/invitations", principal=by).body["items"])


# -- into groups -------------------------------------------------------------------------------


def test_who_accepts_is_in_the_groups_at_once(
    handler: Handler,
    postman: Postman,
    admin: Principal,
    served: App,
    law: Group,
    owner_url: str,
    actions: Callable[[TenantId], list[str]],
) -> None:
    tax = make_group(served, admin, "Tax")
    make_group(served, admin, "Other")
    made = invite(handler, admin, "law", str(tax.id), "LAW")
    wanted = [{"id": str(law.id), "name": "Law"}, {"id": str(tax.id), "name": "Tax"}]
    assert (made.status, made.body["groups"]) == (201, wanted)
    assert [(one["groups"], one["is_valid"]) for one in listed(handler, admin)] == [(wanted, True)]
    (mail,) = postman.deliver()
    assert accept(handler, mail.token).status == 201
    assert members(owner_url) == {("Law", "bea@acme.example"), ("Tax", "bea@acme.example")}
    assert actions(admin.tenant_id).count("group.joined") == 2


def test_inviting_again_names_the_groups_anew(
    handler: Handler, postman: Postman, admin: Principal, law: Group, owner_url: str
) -> None:
    invite(handler, admin, "Law")
    assert invite(handler, admin).body["groups"] == []
    assert accept(handler, postman.deliver()[-1].token).status == 201
    assert members(owner_url) == set()


def test_group_that_was_removed_meanwhile_is_left_out(
    handler: Handler,
    postman: Postman,
    admin: Principal,
    served: App,
    law: Group,
    owner_url: str,
) -> None:
    make_group(served, admin, "Tax")
    invite(handler, admin, "Law", "Tax")
    with served.database.transaction(admin.tenant_id) as session:
        groups.remove_group(session, admin, law.id)
    assert [[each["name"] for each in one["groups"]] for one in listed(handler, admin)] == [["Tax"]]  # type: ignore[attr-defined]
    (mail,) = postman.deliver()
    assert accept(handler, mail.token).status == 201
    assert members(owner_url) == {("Tax", "bea@acme.example")}


def test_only_groups_that_are_there_are_named(
    handler: Handler, postman: Postman, admin: Principal, other_tenant: TenantId, served: App
) -> None:
    stranger = replace(admin, tenant_id=other_tenant, user_id=UserId(new_id()))
    theirs = make_group(served, stranger, "Theirs")
    for named in (["Nothing"], [str(theirs.id)], ["Theirs"], [""], ["x"] * 51, ["a\0b"]):
        answer = invite(handler, admin, *named)
        assert answer.status == 422, named
        assert "groups" in str(answer.body["fields"])
    assert postman.deliver() == []


def test_nobody_invites_into_groups_they_may_put_nobody_into(
    handler: Handler, postman: Postman, admin: Principal, law: Group, served: App
) -> None:
    held = frozenset({"users:manage", "documents:*", "search", "chat"})
    limited = replace(admin, user_id=UserId(new_id()), permissions=held)
    refused = invite(handler, limited, "Law")
    assert (refused.status, "groups:manage" in refused.body["detail"]) == (403, True)
    keeper = replace(limited, permissions=held | {"groups:manage"})
    refused = invite(handler, keeper, "Law")
    assert (refused.status, "nor are you in it" in refused.body["detail"]) == (403, True)
    make_group(served, keeper, "Mine")
    assert invite(handler, keeper, "Mine").status == 201
    assert len(postman.deliver()) == 1


# -- what the sender may give at last ------------------------------------------------------------

CHANGES = {
    "switched off": "UPDATE kontor.users SET is_active = false WHERE email LIKE 'cem%'",
    "removed": "DELETE FROM kontor.users WHERE email LIKE 'cem%'",
    "may bring nobody in": "UPDATE kontor.users SET role = 'editor' WHERE email LIKE 'cem%'",
    "role grew": "UPDATE kontor.roles SET permissions = '{tenant:manage}' WHERE name = 'editor'",
    "role is gone": "UPDATE kontor.invitations SET role = 'gone'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_invitation_counts_no_more_when_its_sender_may_not_give_it(
    handler: Handler,
    postman: Postman,
    admin: Principal,
    sign_in: SignIn,
    owner_url: str,
    change: str,
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.roles (tenant_id, name, title, permissions)"
            " SELECT id, 'host', 'H', '{users:*,documents:*,search,chat}' FROM kontor.tenants"
        )
    cem = colleague(handler, admin, "host")
    cem = replace(cem, permissions=frozenset({"users:*", "documents:*", "search", "chat"}))
    assert invite(handler, cem).status == 201
    (mail,) = postman.deliver()
    with psycopg.connect(owner_url) as connection:
        connection.execute(CHANGES[change])
    assert [one["is_valid"] for one in listed(handler, admin)] == [False]
    page = call(handler, "GET", "/auth/invitations/accept", query={"token": mail.token})
    assert page.status == 410
    refused = accept(handler, mail.token)
    assert (refused.status, "Whoever invited you" in refused.body["detail"]) == (422, True)
    assert sign_in("bea@acme.example", NEW).status == 401
    # Somebody who may sends it again, and it counts.
    if change not in {"role grew", "role is gone"}:
        assert invite(handler, admin).status == 201
        assert accept(handler, postman.deliver()[-1].token).status == 201


def test_groups_the_sender_has_no_say_in_any_more_are_left_out(
    handler: Handler, postman: Postman, admin: Principal, law: Group, owner_url: str
) -> None:
    cem = colleague(handler, admin)
    assert invite(handler, cem, "Law").status == 201
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.roles (tenant_id, name, title, permissions) SELECT id, 'host', 'H',"
            " '{users:*,groups:*,documents:*,search,chat}' FROM kontor.tenants"
        )
        connection.execute("UPDATE kontor.users SET role = 'host' WHERE email LIKE 'cem%'")
    (mail,) = postman.deliver()
    assert accept(handler, mail.token).status == 201
    assert members(owner_url) == set()


# -- from a terminal ---------------------------------------------------------------------------


def test_terminal_invites_into_groups(
    gate: str,
    postman: Postman,
    law: Group,
    sign_in: SignIn,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    owner_url: str,
) -> None:
    token = sign_in().body["access_token"]
    here = ["--api", gate, "--token", token, "--data", str(tmp_path)]
    main_of = ["invite", "bea@acme.example", "--role", "editor", "--group", "law", *here]
    assert run(main_of) == 0
    assert run(["invitations", "list", *here]) == 0
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.invitations SET expires_at = now()")
    assert run(["invitations", "list", *here]) == 0
    said = capfd.readouterr().out
    assert "Invited bea@acme.example as editor into Law, good until" in said
    assert "bea@acme.example  editor  Law  until" in said
    assert "bea@acme.example  editor  Law  no longer good" in said
    assert run([*main_of, "--group", "Nothing"]) == 65
    assert "There is no such group." in capfd.readouterr().err


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)
