"""The auth function as API Gateway calls it, over a real database and the emulator's secrets."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from infra.cli.migrate import make_signing_key
from shared.adapters.database import Database
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.identity.service import create_tenant
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD
from tests.functions.http_events import Answer, Handler, call


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.auth.handler import handler

    return handler


def sign_in(handler: Handler, **changes: str) -> Answer:
    body = {"email": "ada@acme.example", "password": PASSWORD, **changes}
    return call(handler, "POST", "/auth/login", body=body)


def test_login_gives_a_token_that_the_authorizer_accepts(
    handler: Handler, served: App, admin: Principal
) -> None:
    answer = sign_in(handler)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["expires_in"] == 900
    assert answer.body["user"] == {
        "id": str(admin.user_id),
        "email": "ada@acme.example",
        "display_name": "ada",
        "role": "admin",
        "tenant_id": str(admin.tenant_id),
        "tenant": "acme",
    }
    verified = served.verifier.verify(answer.body["access_token"])
    assert verified == replace(admin, session_id=UUID(answer.body["session_id"]))


def test_wrong_login_is_a_problem_that_does_not_repeat_the_password(
    handler: Handler, admin: Principal
) -> None:
    answer = sign_in(handler, password="my secret guess")
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == "urn:kontor:problem:unauthenticated"
    assert "my secret guess" not in str(answer.body)


@pytest.mark.parametrize(
    "changes", [{"email": ""}, {"password": ""}, {"password": "x" * 2000}, {"tenant": "t" * 99}]
)
def test_malformed_login_is_invalid(
    handler: Handler, admin: Principal, changes: dict[str, str]
) -> None:
    answer = sign_in(handler, **changes)
    assert answer.status == 422
    assert set(answer.body["fields"]) == set(changes)
    assert "x" * 2000 not in str(answer.body)


def test_nul_in_the_address_is_invalid(handler: Handler, admin: Principal) -> None:
    assert sign_in(handler, email="ada\0@acme.example").status in {401, 422}


def test_login_known_in_two_tenants_asks_which(
    handler: Handler, owner: Database, admin: Principal
) -> None:
    with owner.system_transaction() as session:
        create_tenant(
            session,
            slug="globex",
            name="Globex",
            admin_email="ada@acme.example",
            admin_password=PASSWORD,
        )
    assert sign_in(handler).status == 409
    assert sign_in(handler, tenant="globex").body["user"]["tenant"] == "globex"


def test_missing_signing_key_is_temporary(handler: Handler, served: App, admin: Principal) -> None:
    served.__dict__["settings"] = served.settings.model_copy(update={"signing_secret": "nowhere"})
    answer = sign_in(handler)
    assert answer.status == 503
    assert "kontor migrate" in answer.body["hint"]


def test_operator_makes_the_key_of_a_deployment(
    handler: Handler, served: App, owner: Database, owner_url: str
) -> None:
    with owner.system_transaction() as session:
        create_tenant(
            session, slug="a", name="A", admin_email="ada@acme.example", admin_password=PASSWORD
        )
    assert sign_in(handler).status == 503
    make_signing_key(owner_url, served.settings.signing_secret)
    assert sign_in(handler).status == 200


def test_me_answers_the_caller(handler: Handler, admin: Principal) -> None:
    answer = call(handler, "GET", "/auth/me", principal=admin)
    assert (answer.status, answer.body["email"]) == (200, "ada@acme.example")


def test_me_without_a_principal_is_unauthenticated(handler: Handler, admin: Principal) -> None:
    assert call(handler, "GET", "/auth/me").status == 401


def test_logout_voids_the_token_and_leaves_a_trail(
    handler: Handler, served: App, admin: Principal
) -> None:
    token = sign_in(handler).body["access_token"]
    headers = {"x-correlation-id": "corr-7"}
    answer = call(handler, "POST", "/auth/logout", principal=admin, headers=headers)
    assert (answer.status, answer.body) == (204, None)
    assert answer.headers["x-correlation-id"] == "corr-7"
    with pytest.raises(UnauthenticatedError):
        served.verifier.verify(token)
    with served.database.transaction(admin.tenant_id) as session:
        trail = audit.list_events(session).items
    assert [entry.action for entry in trail] == ["user.signed_out", "user.signed_in"]
    assert trail[0].correlation_id == "corr-7"
    assert trail[0].actor_id == admin.user_id


def test_published_keys_name_the_key_of_a_token(handler: Handler, admin: Principal) -> None:
    import jwt

    token = sign_in(handler).body["access_token"]
    answer = call(handler, "GET", "/.well-known/jwks.json")
    assert [key["kid"] for key in answer.body["keys"]] == [jwt.get_unverified_header(token)["kid"]]
    assert all("d" not in key for key in answer.body["keys"])


def test_administrator_adds_and_lists_people(handler: Handler, admin: Principal) -> None:
    body = {"email": "Bea@acme.example", "display_name": "Bea", "password": PASSWORD}
    added = call(handler, "POST", "/api/v1/users", body=body, principal=admin)
    assert (added.status, added.body["role"]) == (201, "viewer")
    assert "password" not in str(added.body)
    again = call(handler, "POST", "/api/v1/users", body=body, principal=admin)
    assert again.status == 409
    first = call(handler, "GET", "/api/v1/users", principal=admin, query={"limit": "1"})
    cursor = first.body["next_cursor"]
    rest = call(handler, "GET", "/api/v1/users", principal=admin, query={"cursor": cursor})
    emails = [one["email"] for one in (*first.body["items"], *rest.body["items"])]
    assert emails == ["ada@acme.example", "bea@acme.example"]
    assert sign_in(handler, email="bea@acme.example").status == 200


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_others_neither_add_nor_list_people(handler: Handler, admin: Principal, role: str) -> None:
    person = replace(admin, role=role)
    body = {"email": "b@acme.example", "display_name": "B", "password": PASSWORD}
    assert call(handler, "POST", "/api/v1/users", body=body, principal=person).status == 403
    assert call(handler, "GET", "/api/v1/users", principal=person).status == 403


def test_unknown_role_is_invalid(handler: Handler, admin: Principal) -> None:
    body = {"email": "b@a.example", "display_name": "B", "password": PASSWORD, "role": "root"}
    answer = call(handler, "POST", "/api/v1/users", body=body, principal=admin)
    assert (answer.status, list(answer.body["fields"])) == (422, ["role"])
