"""The doors that stay open while they answer: streams, OpenAI's API, WebSocket connections.

They are called as the gateway calls them, with a token that each person signed in for.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from functions.edge.caller import context_of
from infra.local.serverless import load_service
from shared.identity.model import Principal
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.callbacks import Callbacks
from tests.security.gateway import ROOT, handler_of
from tests.security.scene import PASSWORD, Scene

BODIES: Mapping[str, Callable[[str, Mapping[str, str]], dict[str, Any]]] = {
    "chat_stream POST /": lambda question, things: {
        "question": question,
        "conversation_id": things.get("conversation_id"),
        "filters": {"document_ids": [things["document_id"]]} if "document_id" in things else None,
    },
    "chat_stream POST /agents/runs": lambda question, _: {"task": question},
    "openai GET /v1/models": lambda *_: {},
    "openai GET /v1/models/{model}": lambda *_: {},
    "openai POST /v1/chat/completions": lambda question, _: {
        "model": "kontor", "stream": True, "messages": [{"role": "user", "content": question}],
    },
    "openai POST /v1/embeddings": lambda question, _: {
        "model": "text-embedding-3-small", "input": question, "encoding_format": "base64",
    },
}  # fmt: skip
"""What is sent to each route of the functions that verify tokens themselves."""
FRAMES: Mapping[str, Callable[[str, Mapping[str, str]], dict[str, Any]]] = {
    "ask": lambda question, things: {
        "question": question, "conversation_id": things.get("conversation_id"),
    },
    "stop": lambda _, things: {"message_id": things.get("message_id")},
    "subscribe": lambda _, things: {"topic": _topic(things)},
    "unsubscribe": lambda _, things: {"topic": _topic(things)},
    "ping": lambda *_: {},
    "$default": lambda *_: {"action": "nonsense"},
}  # fmt: skip
"""What is sent for each action of a connection."""


def _topic(things: Mapping[str, str]) -> str:
    for kind in ("document", "job"):
        if f"{kind}_id" in things:
            return f"{kind}:{things[f'{kind}_id']}"
    return "uploads"


@cache
def streamed_routes() -> frozenset[str]:
    """List what is served by functions that verify tokens themselves: function, method, path."""
    model = load_service(ROOT)
    names = {model.function(url.function).key for url in model.urls if not url.needs_signature}
    return frozenset(
        f"{name} {method.upper()} {path}"
        for name in names
        for path, methods in _application(name).openapi()["paths"].items()
        for method in methods
    )


@cache
def actions() -> Mapping[str, str]:
    """List the actions of a connection and the functions that answer them."""
    model = load_service(ROOT)
    return {
        route.key: model.function(route.function).key
        for route in model.socket_routes
        if route.key not in {"$connect", "$disconnect"}
    }


def _application(function: str) -> Any:
    return importlib.import_module(f"functions.{function}.handler").app


def call_streamed(
    key: str, token: str | None, body: Mapping[str, Any], *, address: str = "127.0.0.1"
) -> tuple[int, str]:
    """Send a request to a function that verifies tokens itself; returns all it streamed."""
    function, method, path = key.split(" ", 2)
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    sent = {name: value for name, value in body.items() if value is not None}

    async def send() -> tuple[int, str]:
        transport = httpx.ASGITransport(_application(function), client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            content = None if method == "GET" else json.dumps(sent)
            headers["content-type"] = "application/json"
            url = path.replace("{model}", "kontor")
            answer = await client.request(method, url, content=content, headers=headers)
            return answer.status_code, f"{answer.text}{dict(answer.headers)}"

    return asyncio.run(send())


def call_action(
    action: str, principal: Principal | None, body: Mapping[str, object], *, connection: str
) -> dict[str, Any]:
    """Send a frame of a connection, or open and close it with ``$connect``, ``$disconnect``."""
    kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(action, "MESSAGE")
    event = {
        "requestContext": {
            "routeKey": action,
            "eventType": kind,
            "connectionId": connection,
            "authorizer": {} if principal is None else context_of(principal),
        },
        "body": json.dumps({"action": action, **body}) if kind == "MESSAGE" else "",
    }
    answer: dict[str, Any] = handler_of(actions().get(action, "socket"))(event, None)
    return answer


def sign_in(scene: Scene, email: str) -> str:
    """Return an access token of somebody."""
    body = {"email": email, "password": PASSWORD}
    answer = scene.api.call("POST /auth/login", None, body=body)
    assert answer.status == 200, answer.body
    return str(answer.body["access_token"])


@dataclass
class Lines:
    """Connections and tokens of people, and the facts that are pushed to who listens."""

    app: App
    scene: Scene
    callbacks: Callbacks
    tokens: dict[str, str] = field(default_factory=dict)
    announced: set[str] = field(default_factory=set)

    def connect(self, principal: Principal) -> str:
        """Open a connection that hears of every upload; returns its id."""
        connection = f"c-{principal.user_id}"
        assert call_action("$connect", principal, {}, connection=connection)["statusCode"] == 200
        call_action("subscribe", principal, {"topic": "uploads"}, connection=connection)
        self.callbacks.drain()
        return connection

    def token(self, principal: Principal) -> str:
        """Return the token somebody signed in for, once."""
        if principal.email not in self.tokens:
            self.tokens[principal.email] = sign_in(self.scene, principal.email)
        return self.tokens[principal.email]

    def announce(self, tenant: TenantId) -> int:
        """Push what happened in a tenant to who listens, as the bus would; returns to how many."""
        with self.app.database.transaction(tenant) as session:
            rows = session.connection.execute(
                "SELECT id::text, payload FROM kontor.outbox WHERE tenant_id = %s"
                " AND destination = 'bus' AND name = 'StageReached'",
                (tenant,),
            ).fetchall()
        heard = 0
        for row_id, payload in rows:
            if row_id not in self.announced:
                self.announced.add(row_id)
                heard += handler_of("announce")({"detail": payload}, None)["heard"]
        return heard
