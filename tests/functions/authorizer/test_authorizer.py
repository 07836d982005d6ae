"""The authorizer's two answers: simple for the HTTP API, a policy for the WebSocket API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from functions.edge.caller import context_of, principal_of
from shared.adapters.database import Database
from shared.identity import service, store
from shared.identity.keys import SigningKey
from shared.identity.model import Principal
from shared.identity.service import TokenRules
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId, UserId
from shared.wiring import App
from tests.entering import welcome
from tests.functions.http_events import Handler, http_event

METHOD_ARN = "arn:aws:execute-api:eu-central-1:123456789012:api/local/$connect"
PASSWORD = "correct horse battery"


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.authorizer.handler import handler

    return handler


@pytest.fixture
def owner(owner_url: str) -> Iterator[Database]:
    opened = Database(owner_url)
    yield opened
    opened.close()


@pytest.fixture
def bearer(served: App, owner: Database) -> tuple[Principal, str]:
    """A signed-in administrator and the token."""
    key = SigningKey.make()
    with owner.system_transaction() as session:
        store.record_signing_key(session, kid=key.id, public_key=key.public_bytes)
        service.create_tenant(
            session,
            slug="acme",
            name="Acme",
            admin_email="ada@acme.example",
            admin_password=PASSWORD,
        )
    account = service.recognise(served.database, email="ada@acme.example", password=PASSWORD)
    with served.database.transaction(account.tenant_id) as session:
        rules = TokenRules(key, "kontor", 900)
        given = welcome(session, account, password=PASSWORD, rules=rules)
    return served.verifier.verify(given.access_token), given.access_token


def http(**headers: str) -> dict[str, Any]:
    event = http_event("GET", "/api/v1/documents", headers=headers)
    return {**event, "type": "REQUEST", "routeArn": "arn:aws:execute-api:x"}


def socket(**headers: str) -> dict[str, Any]:
    context = {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c="}
    return {
        "type": "REQUEST",
        "methodArn": METHOD_ARN,
        "headers": {key.replace("_", "-"): value for key, value in headers.items()},
        "requestContext": context,
    }


@pytest.mark.parametrize("header", ["authorization", "Authorization"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_http_request_with_a_token_is_authorized(
    handler: Handler, bearer: tuple[Principal, str], header: str, scheme: str
) -> None:
    principal, token = bearer
    answer = handler(http(**{header: f"{scheme} {token}"}), None)
    assert answer == {"isAuthorized": True, "context": context_of(principal)}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer a.b.c", "Basic YTpi", "x"])
def test_http_request_without_a_good_token_is_refused(
    handler: Handler, bearer: tuple[Principal, str], header: str
) -> None:
    answer = handler(http(authorization=header), None)
    assert answer == {"isAuthorized": False, "context": {}}


def test_http_request_ignores_a_token_in_the_subprotocol(
    handler: Handler, bearer: tuple[Principal, str]
) -> None:
    event = http(**{"sec-websocket-protocol": f"bearer.{bearer[1]}"})
    assert handler(event, None)["isAuthorized"] is False


@pytest.mark.parametrize("offer", ["kontor.v1, bearer.{}", "bearer.{},kontor.v1"])
def test_socket_takes_the_token_from_the_subprotocol(
    handler: Handler, bearer: tuple[Principal, str], offer: str
) -> None:
    principal, token = bearer
    answer = handler(socket(Sec_WebSocket_Protocol=offer.format(token)), None)
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", METHOD_ARN)
    assert answer["principalId"] == str(principal.user_id)
    assert answer["context"] == context_of(principal)


def test_socket_takes_the_token_from_the_authorization_header(
    handler: Handler, bearer: tuple[Principal, str]
) -> None:
    answer = handler(socket(Authorization=f"Bearer {bearer[1]}"), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


@pytest.mark.parametrize(
    "offer", ["", "kontor.v1", "kontor.v1, bearer.", "kontor.v1, bearer.x.y.z"]
)
def test_socket_without_a_good_token_is_denied(
    handler: Handler, bearer: tuple[Principal, str], offer: str
) -> None:
    answer = handler(socket(Sec_WebSocket_Protocol=offer), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert answer["context"] == {}


def test_signed_out_token_is_refused_by_both(
    handler: Handler, served: App, bearer: tuple[Principal, str]
) -> None:
    principal, token = bearer
    with served.database.transaction(principal.tenant_id) as session:
        service.sign_out(session, principal)
    assert handler(http(authorization=f"Bearer {token}"), None)["isAuthorized"] is False
    answer = handler(socket(Authorization=f"Bearer {token}"), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_missing_database_is_an_error_not_a_refusal(
    handler: Handler, served: App, bearer: tuple[Principal, str]
) -> None:
    served.database.close()
    gone = Database("postgresql://kontor_app@127.0.0.1:1/none?connect_timeout=2")
    served.__dict__["verifier"] = service.Verifier(gone, issuer="kontor")
    with pytest.raises(UnavailableError):
        handler(http(authorization=f"Bearer {bearer[1]}"), None)


def test_a_caller_survives_the_way_through_the_authorizer() -> None:
    session_id = uuid4()
    plain = Principal(TenantId(uuid4()), UserId(uuid4()), "ada@acme.example", "viewer")
    narrowed = replace(
        plain, permissions=frozenset({"search"}), credential="key", session_id=session_id
    )
    for caller in (plain, narrowed, replace(plain, permissions=frozenset())):
        assert principal_of(context_of(caller)) == caller
