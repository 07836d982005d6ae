"""Keys through the whole handler, and what the authorizer makes of them afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from functions.edge.caller import context_of
from shared.audit import service as audit
from shared.identity import api_keys
from shared.identity.model import Principal
from shared.kernel.errors import RefusedError, UnauthenticatedError
from shared.kernel.ids import UserId, new_id
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD
from tests.functions.http_events import Answer, Handler, call, http_event

READING = ["documents:read", "search"]


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.auth.handler import handler

    return handler


@pytest.fixture
def viewer(handler: Handler, admin: Principal) -> Principal:
    """A person of the tenant who may only read."""
    body = {"email": "vic@acme.example", "display_name": "Vic", "password": PASSWORD}
    added = call(handler, "POST", "/api/v1/users", body=body, principal=admin)
    return Principal(admin.tenant_id, UserId(UUID(added.body["id"])), "vic@acme.example", "viewer")


Make = Callable[..., Answer]


@pytest.fixture
def make(handler: Handler) -> Make:
    def make(principal: Principal, **body: object) -> Answer:
        given = {"name": "nightly", "scopes": READING, **body}
        return call(handler, "POST", "/api/v1/keys", body=given, principal=principal)

    return make


def refused(served: App, text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        served.verifier.verify(text)


def test_personal_key_acts_as_its_holder_within_its_scopes(
    served: App, admin: Principal, make: Make
) -> None:
    made = make(admin)
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.body["key"].startswith("kontor_pat_")
    assert made.body["hint"] == f"{made.body['key'][:15]}…{made.body['key'][-4:]}"
    caller = served.verifier.verify(made.body["key"])
    assert (caller.user_id, caller.tenant_id) == (admin.user_id, admin.tenant_id)
    assert (caller.credential, str(caller.session_id)) == ("key", made.body["id"])
    assert caller.permissions == {"documents:read", "search"}
    with pytest.raises(RefusedError):
        caller.require("documents:write")


def test_key_reaches_what_the_authorizer_guards(served: App, admin: Principal, make: Make) -> None:
    from functions.authorizer.handler import handler as authorize

    secret = make(admin).body["key"]
    event = http_event("GET", "/x", headers={"authorization": f"Bearer {secret}"})
    answer = authorize(event, None)
    assert answer["isAuthorized"] is True
    assert answer["context"] == context_of(served.verifier.verify(secret))
    event["headers"]["authorization"] = f"Bearer {secret[:-1]}"
    assert authorize(event, None)["isAuthorized"] is False


def test_secret_is_shown_once_and_kept_nowhere(
    handler: Handler, admin: Principal, make: Make, owner_url: str
) -> None:
    made = make(admin).body
    shown = call(handler, "GET", f"/api/v1/keys/{made['id']}", principal=admin)
    listed = call(handler, "GET", "/api/v1/keys", principal=admin)
    assert shown.body == listed.body["items"][0]
    assert "key" not in shown.body
    secret = made["key"].removeprefix("kontor_pat_")
    with psycopg.connect(owner_url) as connection:
        for table in ("api_keys", "key_secrets", "audit_events"):
            rows = connection.execute(f"SELECT t::text FROM kontor.{table} AS t").fetchall()
            assert rows
            assert secret not in str(rows)


def test_wildcard_means_what_the_maker_may_do_today(
    served: App, viewer: Principal, make: Make, owner_url: str
) -> None:
    made = make(viewer, scopes=["*"])
    assert made.body["scopes"] == ["chat", "documents:read", "search"]
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET role = 'admin'")
    assert served.verifier.verify(made.body["key"]).permissions == set(made.body["scopes"])


def test_role_taken_away_narrows_the_key_at_once(
    served: App, admin: Principal, make: Make, owner_url: str
) -> None:
    secret = make(admin, scopes=["documents:*", "users:manage"]).body["key"]
    assert served.verifier.verify(secret).may("users:manage")
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET role = 'viewer'")
    assert served.verifier.verify(secret).permissions == {"documents:read"}


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (["documents:write"], 403),
        (["users:*"], 403),
        (["documents:read", "users:manage"], 403),
        (["documents:burn"], 422),
        (["nonsense"], 422),
        ([], 422),
        ([""], 422),
    ],
)
def test_scopes_beyond_the_maker_or_reason_are_refused(
    viewer: Principal, make: Make, scopes: list[str], status: int
) -> None:
    assert make(viewer, scopes=scopes).status == status


@pytest.mark.parametrize(
    "body",
    [
        {"name": " "},
        {"name": "a\nb"},
        {"name": "x" * 101},
        {"expires_in_days": 0},
        {"expires_in_days": 366},
        {"expires_in_days": True},
        {"kind": "root"},
    ],
)
def test_malformed_key_is_invalid(admin: Principal, make: Make, body: dict[str, object]) -> None:
    answer = make(admin, **body)
    assert (answer.status, list(answer.body["fields"])) == (422, list(body))


def test_service_key_acts_as_an_account_that_cannot_sign_in(
    handler: Handler, served: App, admin: Principal, make: Make
) -> None:
    made = make(admin, kind="service", role="editor", scopes=["documents:*"])
    assert made.body["key"].startswith("kontor_sk_")
    caller = served.verifier.verify(made.body["key"])
    assert (str(caller.user_id), caller.role) == (made.body["account_id"], "editor")
    assert caller.user_id != admin.user_id
    assert caller.permissions == {"documents:read", "documents:write"}
    for password in ("!", ""):
        body = {"email": made.body["account"], "password": password}
        assert call(handler, "POST", "/auth/login", body=body).status in {401, 422}
    more = make(admin, kind="service", account_id=made.body["account_id"])
    assert more.body["account_id"] == made.body["account_id"]
    for other in (str(admin.user_id), str(new_id())):
        assert make(admin, kind="service", account_id=other).status == 404


def test_only_who_manages_users_makes_service_keys(viewer: Principal, make: Make) -> None:
    assert make(viewer, kind="service").status == 403


def test_role_mightier_than_the_maker_is_refused(admin: Principal, make: Make) -> None:
    limited = replace(admin, permissions=frozenset({"users:manage", *READING}))
    assert make(limited, kind="service", role="admin").status == 403
    assert make(limited, kind="service", role="nobody").status == 422


def test_rotated_key_has_a_new_secret_and_the_old_one_for_a_while(
    handler: Handler, served: App, admin: Principal, make: Make, owner_url: str
) -> None:
    made = make(admin).body
    path = f"/api/v1/keys/{made['id']}/rotate"
    first = call(handler, "POST", path, body={"grace_s": 60}, principal=admin).body
    assert first["id"] == made["id"]
    assert first["key"] != made["key"]
    assert served.verifier.verify(made["key"]) == served.verifier.verify(first["key"])
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.key_secrets SET ends_at = ends_at - interval '1 min'")
    refused(served, made["key"])
    second = call(handler, "POST", path, body={"grace_s": 0}, principal=admin).body
    refused(served, first["key"])
    assert served.verifier.verify(second["key"])
    with psycopg.connect(owner_url) as connection:
        kept = connection.execute("SELECT count(*) FROM kontor.key_secrets").fetchone()
    assert kept == (1,)


def test_revoked_key_is_refused_at_once_and_stays_so(
    handler: Handler, served: App, admin: Principal, make: Make
) -> None:
    made = make(admin).body
    path = f"/api/v1/keys/{made['id']}"
    assert served.verifier.verify(made["key"])
    assert call(handler, "DELETE", path, principal=admin).status == 204
    refused(served, made["key"])
    assert call(handler, "GET", path, principal=admin).body["state"] == "revoked"
    assert call(handler, "POST", f"{path}/rotate", body={}, principal=admin).status == 409
    assert call(handler, "PATCH", path, body={"name": "x"}, principal=admin).status == 409
    assert call(handler, "DELETE", path, principal=admin).status == 204


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kontor.api_keys SET expires_at = now()",
        "UPDATE kontor.users SET is_active = false",
        "UPDATE kontor.tenants SET is_active = false",
        "UPDATE kontor.key_secrets SET ends_at = now()",
        "DELETE FROM kontor.api_keys",
    ],
)
def test_key_ends_with_its_life_its_holder_and_its_tenant(
    served: App, admin: Principal, make: Make, owner_url: str, change: str
) -> None:
    secret = make(admin).body["key"]
    with psycopg.connect(owner_url) as connection:
        connection.execute(change)
    refused(served, secret)


def test_mistyped_key_is_refused_without_asking_the_database(served: App, admin: Principal) -> None:
    served.database.close()
    for text in ("kontor_pat_", "kontor_sk_" + "0" * 49, "kontor_pat_" + "é" * 49):
        refused(served, text)
    secret = api_keys.new_secret("person")
    for place in range(len(secret)):
        changed = "1" if secret[place] != "1" else "2"
        refused(served, secret[:place] + changed + secret[place + 1 :])
    refused(served, secret + "\n")
    assert served.database._connection is None


def test_keys_of_others_are_not_there(
    handler: Handler, admin: Principal, viewer: Principal, make: Make
) -> None:
    path = f"/api/v1/keys/{make(admin).body['id']}"
    missing = f"/api/v1/keys/{new_id()}"
    for method, suffix, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("POST", "/rotate", {}),
        ("DELETE", "", None),
    ):
        answer = call(handler, method, path + suffix, body=body, principal=viewer)
        none = call(handler, method, missing + suffix, body=body, principal=viewer)
        assert (answer.status, none.status) == (404, 404)
        assert answer.body["detail"] == none.body["detail"]
    assert call(handler, "GET", "/api/v1/keys", principal=viewer).body["items"] == []
    everyone = {"everyone": "true"}
    assert call(handler, "GET", "/api/v1/keys", query=everyone, principal=viewer).status == 403


def test_administrator_sees_and_revokes_but_never_holds_a_personal_key(
    handler: Handler, served: App, admin: Principal, viewer: Principal, make: Make
) -> None:
    made = make(viewer).body
    path = f"/api/v1/keys/{made['id']}"
    listed = call(handler, "GET", "/api/v1/keys", query={"everyone": "true"}, principal=admin)
    assert [key["account"] for key in listed.body["items"]] == ["vic@acme.example"]
    assert call(handler, "POST", f"{path}/rotate", body={}, principal=admin).status == 403
    assert call(handler, "PATCH", path, body={"scopes": ["chat"]}, principal=admin).status == 403
    assert call(handler, "DELETE", path, principal=admin).status == 204
    refused(served, made["key"])


def test_a_key_cannot_manage_keys(handler: Handler, admin: Principal, make: Make) -> None:
    made = make(admin, scopes=["*"]).body
    program = replace(admin, credential="key", session_id=UUID(made["id"]))
    assert make(program).status == 403
    for method, suffix, body in (
        ("PATCH", "", {"name": "x"}),
        ("POST", "/rotate", {}),
        ("DELETE", "", None),
    ):
        path = f"/api/v1/keys/{made['id']}{suffix}"
        assert call(handler, method, path, body=body, principal=program).status == 403
    assert call(handler, "GET", "/api/v1/keys", principal=program).status == 200


def test_key_is_changed_and_listed_in_pages(
    handler: Handler, served: App, admin: Principal, make: Make
) -> None:
    ids = [make(admin, name=name).body["id"] for name in ("one", "two", "three")]
    first = call(handler, "GET", "/api/v1/keys", query={"limit": "2"}, principal=admin).body
    cursor = {"cursor": first["next_cursor"], "limit": "2"}
    rest = call(handler, "GET", "/api/v1/keys", query=cursor, principal=admin).body
    assert [key["id"] for key in (*first["items"], *rest["items"])] == ids[::-1]
    assert rest["next_cursor"] is None
    change = {"name": "other", "scopes": ["chat"], "expires_in_days": 1}
    path = f"/api/v1/keys/{ids[0]}"
    changed = call(handler, "PATCH", path, body=change, principal=admin).body
    assert (changed["name"], changed["scopes"]) == ("other", ["chat"])
    assert changed["expires_at"] < first["items"][0]["expires_at"]
    again = call(handler, "PATCH", path, body={"name": "third"}, principal=admin).body
    assert (again["scopes"], again["expires_at"]) == (["chat"], changed["expires_at"])


def test_use_is_noted_coarsely(
    handler: Handler, served: App, admin: Principal, make: Make, owner_url: str
) -> None:
    made = make(admin).body
    path = f"/api/v1/keys/{made['id']}"
    assert made["last_used_at"] is None
    served.verifier.verify(made["key"])
    used = call(handler, "GET", path, principal=admin).body["last_used_at"]
    assert used
    served.verifier.verify(made["key"])
    assert call(handler, "GET", path, principal=admin).body["last_used_at"] == used
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.api_keys SET last_used_at = now() - interval '11 min'")
    served.verifier.verify(made["key"])
    assert call(handler, "GET", path, principal=admin).body["last_used_at"] > used


def test_every_act_is_in_the_trail(
    handler: Handler, served: App, admin: Principal, make: Make
) -> None:
    made = make(admin).body
    path = f"/api/v1/keys/{made['id']}"
    call(handler, "PATCH", path, body={"name": "x"}, principal=admin)
    rotated = call(handler, "POST", f"{path}/rotate", body={}, principal=admin).body
    call(handler, "DELETE", path, principal=admin)
    with served.database.transaction(admin.tenant_id) as session:
        trail = audit.list_events(session).items
    actions = [entry.action for entry in trail]
    assert actions == ["key.revoked", "key.rotated", "key.changed", "key.made"]
    assert {entry.subject for entry in trail} == {f"key:{made['id']}"}
    assert made["key"] not in str(trail)
    assert rotated["key"] not in str(trail)
