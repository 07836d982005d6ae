"""Tickets for sockets: asked for over HTTP, shown to the authorizer, good for one time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from functions.edge.caller import context_of
from shared.adapters.database import Database
from shared.adapters.sockets import Sockets
from shared.identity import opaque
from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, new_id
from shared.realtime import service as realtime
from shared.tickets import service as tickets
from shared.wiring import App
from tests.functions.auth.conftest import PASSWORD
from tests.functions.callbacks import listening
from tests.functions.http_events import Handler, call, http_event

Shown = Callable[[str], dict[str, Any]]


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.auth.handler import handler

    return handler


@pytest.fixture
def caller(handler: Handler, served: App, admin: Principal) -> Principal:
    """The administrator, signed in."""
    body = {"email": admin.email, "password": PASSWORD}
    answer = call(handler, "POST", "/auth/login", body=body)
    return served.verifier.verify(answer.body["access_token"])


@pytest.fixture
def ticket(handler: Handler, caller: Principal) -> str:
    answer = call(handler, "POST", "/auth/tickets", principal=caller)
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body["protocol"] == f"bearer.{answer.body['ticket']}"
    return str(answer.body["ticket"])


def shown(ticket: str) -> dict[str, Any]:
    """Show a ticket to the authorizer as a browser would."""
    from functions.authorizer.handler import handler as authorize

    event = {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:api/local/$connect",
        "headers": {"Sec-WebSocket-Protocol": f"kontor.v1, bearer.{ticket}"},
        "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c="},
    }
    return authorize(event, None)


def effect(answer: dict[str, Any]) -> str:
    (statement,) = answer["policyDocument"]["Statement"]
    return str(statement["Effect"])


def test_ticket_opens_one_socket(caller: Principal, ticket: str) -> None:
    first = shown(ticket)
    assert (effect(first), first["context"]) == ("Allow", context_of(caller))
    assert effect(shown(ticket)) == "Deny"


def test_of_many_that_show_one_ticket_one_gets_in(
    served: App, ticket: str, database_url: str
) -> None:
    def enter(_: int) -> bool:
        database = Database(database_url)
        try:
            tickets.verify(database, ticket)
        except UnauthenticatedError:
            return False
        finally:
            database.close()
        return True

    with ThreadPoolExecutor(8) as together:
        assert sum(together.map(enter, range(16))) == 1


def test_ticket_opens_nothing_else(served: App, caller: Principal, ticket: str) -> None:
    from functions.authorizer.handler import handler as authorize

    event = http_event("GET", "/x", headers={"authorization": f"Bearer {ticket}"})
    assert authorize(event, None)["isAuthorized"] is False
    with (
        pytest.raises(UnauthenticatedError),
        served.database.transaction(caller.tenant_id) as session,
    ):
        presented = opaque.present("ticket", ticket)
        assert presented is not None
        tickets.take(session, presented, "sign_in")
    assert effect(shown(ticket)) == "Allow"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kontor.tickets SET expires_at = now()",
        "UPDATE kontor.sessions SET revoked_at = now()",
        "UPDATE kontor.users SET is_active = false",
        "UPDATE kontor.users SET token_epoch = token_epoch + 1",
        "UPDATE kontor.tenants SET is_active = false",
    ],
)
def test_ticket_ends_with_its_minute_its_session_and_its_account(
    ticket: str, owner_url: str, change: str
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(change)
    assert effect(shown(ticket)) == "Deny"


def test_ticket_pointed_at_another_tenant_is_refused(ticket: str, other_tenant: TenantId) -> None:
    foreign = opaque.make("ticket", other_tenant)
    mixed = foreign[:32] + ticket[32:]
    for text in (foreign, mixed, ticket[:-1], ticket + "x", "kontor_ws_", "kontor_ws_" + "ä" * 64):
        assert effect(shown(text)) == "Deny"
    assert effect(shown(ticket)) == "Allow"


def test_ticket_asked_for_with_a_key_has_the_keys_rights(
    handler: Handler, served: App, caller: Principal
) -> None:
    made = call(
        handler,
        "POST",
        "/api/v1/keys",
        body={"name": "bot", "scopes": ["documents:read"]},
        principal=caller,
    ).body
    program = served.verifier.verify(made["key"])
    first, second = (
        call(handler, "POST", "/auth/tickets", principal=program).body["ticket"] for _ in range(2)
    )
    assert tickets.verify(served.database, first) == program
    call(handler, "DELETE", f"/api/v1/keys/{made['id']}", principal=caller)
    assert effect(shown(second)) == "Deny"


def test_socket_of_a_revoked_key_is_forgotten(
    handler: Handler, served: App, caller: Principal, owner_url: str
) -> None:
    from shared.identity import sessions
    from shared.realtime import service as realtime

    body = {"name": "bot", "scopes": ["documents:read"]}
    made = call(handler, "POST", "/api/v1/keys", body=body, principal=caller).body
    program = served.verifier.verify(made["key"])
    with served.database.transaction(caller.tenant_id) as session:
        realtime.connect(
            session,
            connection_id="c=",
            user_id=program.user_id,
            session_id=program.session_id,
        )
        sessions.check_alive(session, program)
    call(handler, "DELETE", f"/api/v1/keys/{made['id']}", principal=caller)
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT 1 FROM kontor.connections").fetchall() == []
    with (
        pytest.raises(UnauthenticatedError),
        served.database.transaction(caller.tenant_id) as session,
    ):
        sessions.check_alive(session, program)


def test_ticket_without_a_session_is_refused(handler: Handler, admin: Principal) -> None:
    assert call(handler, "POST", "/auth/tickets", principal=admin).status == 401


def test_old_tickets_are_swept_by_the_next_one(
    handler: Handler, caller: Principal, ticket: str, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.tickets SET expires_at = now() - interval '1 s'")
    call(handler, "POST", "/auth/tickets", principal=caller)
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT ticket_hash FROM kontor.tickets").fetchall()
    assert len(rows) == 1
    assert bytes(rows[0][0]) != opaque.hash_of(ticket)


def test_only_hashes_are_kept(ticket: str, owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT t::text FROM kontor.tickets AS t").fetchall()
    assert ticket.removeprefix("kontor_ws_") not in str(rows)


@pytest.mark.parametrize("credential", ["session", "key"])
def test_a_connection_may_do_what_its_person_may_today(
    served: App, handler: Handler, caller: Principal, owner_url: str, credential: str
) -> None:
    from functions.chat_socket import handler as module

    if credential == "key":
        wish = {"name": "bot", "scopes": ["chat", "documents:read"]}
        made = call(handler, "POST", "/api/v1/keys", body=wish, principal=caller)
        opened = served.verifier.verify(made.body["key"])
    else:
        opened = caller
    with served.database.transaction(caller.tenant_id) as session:
        realtime.connect(
            session,
            connection_id="c=",
            user_id=opened.user_id,
            session_id=opened.session_id,
        )
    context = {"routeKey": "stop", "eventType": "MESSAGE", "connectionId": "c="}
    body = json.dumps({"action": "stop", "message_id": str(new_id())})
    event = {"requestContext": {**context, "authorizer": context_of(opened)}, "body": body}
    with listening() as gateway:
        served.__dict__["sockets"] = Sockets(gateway.url, region="eu-central-1")
        module.handler(event, None)
        with psycopg.connect(owner_url) as owner:
            owner.execute(
                "UPDATE kontor.roles SET permissions = '{documents:read}' WHERE name = 'viewer'"
            )
            owner.execute("UPDATE kontor.users SET role = 'viewer'")
        module.handler(event, None)
        assert [frame["problem"]["status"] for frame in gateway.frames] == [404, 403]
