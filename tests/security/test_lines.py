"""Streams and connections against everybody who must not come in, or not any more.

A new streamed route or action of a connection without an entry breaks the build.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.adapters.database import Database
from shared.adapters.sockets import Sockets
from shared.identity.model import PERMISSIONS, Principal
from shared.kernel.ids import new_id
from shared.tenancy import service as tenancy
from shared.wiring import App
from tests.functions.callbacks import Callbacks, listening
from tests.security import lines
from tests.security.gateway import handler_of
from tests.security.scene import Scene, fill, nobody_like, stage
from tests.security.shown import false_tokens

QUESTION = "Wie lautet der Code?"
NEEDS = {
    "chat_stream POST /": "chat",
    "chat_stream POST /agents/runs": "chat",
    "openai GET /v1/models": "chat",
    "openai GET /v1/models/{model}": "chat",
    "openai POST /v1/chat/completions": "chat",
    "openai POST /v1/embeddings": "search",
}
"""The permission each streamed route asks for."""
ACTIONS = {
    "$connect": "documents:read",
    "ask": "chat",
    "stop": "chat",
    "subscribe": None,
    "unsubscribe": None,
    "ping": None,
    "$default": None,
}
"""The permission each action asks for; the others need an open connection."""


@pytest.fixture
def callbacks() -> Iterator[Callbacks]:
    with listening() as made:
        yield made


@pytest.fixture
def scene(desk: App, owner_url: str, callbacks: Callbacks) -> Scene:
    desk.__dict__["sockets"] = Sockets(callbacks.url, region="eu-central-1")
    made = stage(desk, owner_url)
    fill(made.api, made.acme)
    return made


def test_every_streamed_route_and_action_has_one_entry() -> None:
    assert set(NEEDS) == set(lines.BODIES) == lines.streamed_routes()
    assert set(ACTIONS) - {"$connect"} == set(lines.FRAMES) == set(lines.actions())


def test_without_a_valid_token_nobody_is_streamed_to(scene: Scene, desk: App) -> None:
    passed = [
        (key, name)
        for key in sorted(NEEDS)
        for place, (name, token) in enumerate(false_tokens(desk).items())
        if lines.call_streamed(
            key, token, lines.BODIES[key](QUESTION, {}), address=f"192.0.2.{place}"
        )[0]
        != 401
    ]
    assert not passed


def test_without_a_valid_token_nobody_opens_a_connection(scene: Scene, desk: App) -> None:
    allowed = []
    for name, token in false_tokens(desk).items():
        offered = {} if token is None else {"Sec-WebSocket-Protocol": f"kontor.v1, bearer.{token}"}
        event = {"methodArn": "arn:aws:execute-api:connect", "headers": offered}
        policy = handler_of("authorizer")(event, None)["policyDocument"]
        if policy["Statement"][0]["Effect"] != "Deny":
            allowed.append(name)
    assert not allowed


def test_without_its_permission_every_streamed_route_refuses(scene: Scene) -> None:
    wrong = []
    for key, needed in NEEDS.items():
        for scope, is_allowed in ((needed, True), ("documents:read", False)):
            status, said = lines.call_streamed(
                key, _key(scene, scope), lines.BODIES[key](QUESTION, {})
            )
            if (status == 403) is is_allowed or (is_allowed and status >= 500):
                wrong.append((key, scope, status, said[:200]))
    assert not wrong


def test_without_its_permission_every_action_refuses(scene: Scene, callbacks: Callbacks) -> None:
    wrong = []
    for action, needed in ACTIONS.items():
        if needed is None:
            continue
        lacking = nobody_like(scene.acme.ada, *(PERMISSIONS - {needed}))
        body = lines.FRAMES[action](QUESTION, {}) if action in lines.FRAMES else {}
        status = lines.call_action(action, lacking, body, connection="c-1")["statusCode"]
        told = [frame.get("problem", {}).get("status") for _, frame in callbacks.drain()]
        if 403 not in {status, *told}:
            wrong.append((action, status, told))
    assert not wrong


def test_anothers_conversation_is_as_if_it_were_not_there(
    scene: Scene, callbacks: Callbacks
) -> None:
    lines_of = lines.Lines(scene.acme.pipeline.app, scene, callbacks)
    for stranger in (scene.globex.admin, scene.acme.ben):
        token = lines_of.token(stranger)
        answers, frames = [], []
        for conversation in (scene.acme.things["conversation_id"], str(uuid4())):
            body = {"question": QUESTION, "conversation_id": conversation}
            status, said = lines.call_streamed("chat_stream POST /", token, body)
            answers.append((status, "no such conversation" in said.lower()))
            lines.call_action("ask", stranger, body, connection="c-1")
            frames.append([frame["problem"]["status"] for _, frame in callbacks.drain()])
        assert answers[0] == answers[1]
        assert frames == [[404], [404]]


@pytest.mark.parametrize("over", ["session", "tenant"])
def test_every_action_ends_a_connection_whose_right_has_ended(
    scene: Scene, callbacks: Callbacks, owner_url: str, over: str
) -> None:
    who: Principal = replace(scene.acme.ada, session_id=new_id())
    if over == "tenant":
        who = scene.acme.ada
        owner = Database(owner_url)
        with owner.transaction(who.tenant_id) as session:
            tenancy.suspend(session, because="unpaid")
        owner.close()
    kept = []
    for action, frame in lines.FRAMES.items():
        callbacks.closed.clear()
        lines.call_action(action, who, frame(QUESTION, {}), connection="c-1")
        told = [each.get("problem", {}).get("status") for _, each in callbacks.drain()]
        if callbacks.closed != ["/@connections/c-1"] or told != [401 if over == "session" else 403]:
            kept.append((action, told))
    assert not kept


def _key(scene: Scene, scope: str) -> str:
    body = {"name": scope, "scopes": [scope]}
    made = scene.api.call("POST /api/v1/keys", scene.acme.ada, body=body)
    return str(made.body["key"])  # type: ignore[index]
