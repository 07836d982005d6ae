"""Sockets and streamed routes against everybody who must not come in; each needs an entry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from functions.edge.caller import context_of
from infra.local.serverless import load_service
from shared.identity import tokens
from shared.identity.keys import SigningKey, load_signing_key
from shared.identity.model import Principal
from shared.realtime import service as realtime
from shared.wiring import App
from tests.functions.doors import serving
from tests.security.gateway import ROOT, handler_of
from tests.security.scene import Scene, nobody_like, stage

ACTIONS: Mapping[str, dict[str, object]] = {
    "subscribe": {"topic": "uploads"},
    "unsubscribe": {"topic": "uploads"},
    "ping": {},
    "ask": {"question": "Wie lautet der Code?"},
    "stop": {"message_id": "00000000-0000-7000-8000-000000000000"},
    "$default": {},
}
"""Every action of the WebSocket API with a frame that is complete."""
PASSAGES = {"$connect": "documents:read", "$disconnect": None}
STREAMS: Mapping[str, tuple[str, object]] = {
    "chat_stream POST /": ("chat", {"question": "Wie lautet der Code?"}),
    "chat_stream POST /agents/runs": ("chat", {"task": "Wie viel sind 2 + 2?"}),
    "openai GET /v1/models": ("chat", None),
    "openai GET /v1/models/{model}": ("chat", None),
    "openai POST /v1/chat/completions": (
        "chat",
        {"model": "kontor", "messages": [{"role": "user", "content": "Code?"}], "stream": True},
    ),
    "openai POST /v1/embeddings": ("search", {"model": "kontor", "input": "Code"}),
}
"""Every route that verifies tokens itself: the permission it asks for, and a complete body."""


@dataclass
class Wire:
    """The connections' own end: keeps what was posted to whom, and who was closed."""

    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def post(self, connection_id: str, frame: Mapping[str, object]) -> bool:
        self.posted.append((connection_id, dict(frame)))
        return True

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)

    def statuses(self) -> list[int | None]:
        """Return the problems' statuses of what was posted since last asked."""
        found = [frame.get("problem", {}).get("status") for _, frame in self.posted]
        self.posted.clear()
        return found


@pytest.fixture
def scene(desk: App, owner_url: str) -> Scene:
    return stage(desk, owner_url)


@pytest.fixture
def wire(desk: App) -> Wire:
    made = Wire()
    desk.__dict__["sockets"] = made
    return made


@pytest.fixture(scope="module")
def owners() -> dict[str, str]:
    """Which function answers which WebSocket route."""
    model = load_service(ROOT)
    return {route.key: model.function(route.function).key for route in model.socket_routes}


def send(owners: Mapping[str, str], who: Principal, route: str, connection: str) -> int:
    kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
    context = {
        "routeKey": route,
        "eventType": kind,
        "connectionId": connection,
        "authorizer": context_of(who),
    }
    body = json.dumps({"action": route, **ACTIONS.get(route, {})}) if kind == "MESSAGE" else None
    event = {"requestContext": context, "headers": {}, "body": body}
    return int(handler_of(owners[route])(event, None)["statusCode"])


def test_every_action_and_every_streamed_route_has_an_entry(owners: dict[str, str]) -> None:
    assert set(owners) == set(ACTIONS) | set(PASSAGES)
    assert sorted(streamed()) == sorted(STREAMS)


def streamed() -> Iterator[str]:
    """List the routes of functions that have addresses of their own and verify tokens."""
    model = load_service(ROOT)
    for url in model.urls:
        if url.needs_signature:
            continue
        name = model.function(url.function).key
        application = handler_of(name)
        assert isinstance(application, FastAPI)
        for path, methods in application.openapi()["paths"].items():
            yield from (f"{name} {method.upper()} {path}" for method in methods)


@pytest.fixture
def patience(owner_url: str) -> Iterator[None]:
    """Let one address be refused more often than it could otherwise."""
    change = "UPDATE kontor.rate_limits SET burst = %s WHERE plan = 'public'"
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(change, (10_000,))
        yield
        owner.execute(change, (100,))


def test_sockets_open_only_for_people_who_may_read(
    scene: Scene, wire: Wire, owners: dict[str, str]
) -> None:
    ada = scene.acme.ada
    assert send(owners, nobody_like(ada), "$connect", "a") == 403
    assert send(owners, nobody_like(ada, "documents:read"), "$connect", "b") == 200
    assert send(owners, nobody_like(ada, "documents:read"), "ask", "b") == 200
    assert wire.statuses() == [403]
    assert handler_of("authorizer")({"headers": {}}, None)["isAuthorized"] is False


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_connection_of_another_tenant_is_no_connection(
    scene: Scene, wire: Wire, owners: dict[str, str], action: str
) -> None:
    send(owners, scene.acme.ada, "$connect", "theirs")
    assert send(owners, scene.globex.admin, action, "theirs") == 200
    assert (wire.statuses(), wire.closed) == ([401], ["theirs"])


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_sockets_of_a_suspended_tenant_close_and_stay_closed(
    scene: Scene, wire: Wire, owners: dict[str, str], owner_url: str, action: str
) -> None:
    ada = scene.acme.ada
    send(owners, ada, "$connect", "open")
    suspend = "UPDATE kontor.tenants SET is_active = %s, suspended_at = %s WHERE id = %s"
    with psycopg.connect(owner_url) as connection:
        connection.execute(suspend, (False, "2026-01-01", ada.tenant_id))
    assert send(owners, ada, action, "open") == 200
    assert (wire.statuses(), wire.closed) == ([403], ["open"])
    with psycopg.connect(owner_url) as connection:
        connection.execute(suspend, (True, None, ada.tenant_id))
        connection.execute("DELETE FROM kontor.connections WHERE tenant_id = %s", (ada.tenant_id,))
    assert send(owners, ada, action, "open") == 200
    assert (wire.statuses(), wire.closed) == ([401], ["open", "open"])


def test_topics_of_another_tenants_work_stay_silent(
    desk: App, scene: Scene, wire: Wire, owners: dict[str, str]
) -> None:
    send(owners, scene.globex.admin, "$connect", "spy")
    send(owners, scene.globex.admin, "subscribe", "spy")
    assert wire.statuses() == [None]
    with desk.database.transaction(scene.acme.tenant) as session:
        assert realtime.list_listeners(session, str(uuid4()), None) == []
    with desk.database.transaction(scene.globex.tenant) as session:
        assert realtime.list_listeners(session, str(uuid4()), None) == ["spy"]


@pytest.mark.usefixtures("patience")
def test_streamed_routes_refuse_whoever_may_not(desk: App, scene: Scene) -> None:
    with desk.database.system_transaction() as session:
        trusted = load_signing_key(session, desk.secrets, desk.settings.signing_secret)
    claims = tokens.Claims(
        tenant_id=UUID(int=1), user_id=UUID(int=2), email="a@b.example", role="admin", epoch=0,
        session_id=uuid4(),
    )  # fmt: skip
    made = scene.api.call(
        "POST /api/v1/keys", scene.acme.ada, body={"name": "reader", "scopes": ["documents:read"]}
    )
    weak = made.body["key"]
    shown = {
        "none": (None, 401),
        "nonsense": ("a.b.c", 401),
        "expired": (tokens.issue(claims, trusted, issuer="kontor", life_s=-60), 401),
        "forged": (tokens.issue(claims, SigningKey.make(), issuer="kontor", life_s=60), 401),
        "of nobody": (tokens.issue(claims, trusted, issuer="kontor", life_s=60), 401),
        "another scope": (weak, 403),
    }
    wrong = []
    for function in sorted({key.split()[0] for key in STREAMS}):
        with serving(handler_of(function)) as address, httpx.Client(timeout=30) as client:
            for key, (_, body) in STREAMS.items():
                name, method, path = key.split()
                if name != function:
                    continue
                for how, (token, status) in shown.items():
                    headers = {} if token is None else {"authorization": f"Bearer {token}"}
                    url = address + path.replace("{model}", "kontor")
                    answer = client.request(method, url, json=body, headers=headers)
                    if answer.status_code != status:
                        wrong.append((key, how, answer.status_code, answer.text[:200]))
    assert not wrong
