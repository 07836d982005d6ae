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
    return stage(desk, owner_url)


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """The scene with documents and a conversation in it, where answers depend on them."""
    fill(scene.api, scene.acme)
    return scene


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


def test_without_its_permission_every_streamed_route_refuses(filled: Scene) -> None:
    wrong = []
    for key, needed in NEEDS.items():
        for scope, is_allowed in ((needed, True), ("documents:read", False)):
            status, said = lines.call_streamed(
                key, _key(filled, scope), lines.BODIES[key](QUESTION, {})
            )
            if (status == 403) is is_allowed or (is_allowed and status >= 500):
                wrong.append((key, scope, status, said[:200]))
    assert not wrong


def test_without_its_permission_every_action_refuses(scene: Scene, callbacks: Callbacks) -> None:
    lines.call_action("$connect", scene.acme.ada, {}, connection="c-1")
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
    filled: Scene, callbacks: Callbacks
) -> None:
    lines_of = lines.Lines(filled.acme.pipeline.app, filled, callbacks)
    for stranger in (filled.globex.admin, filled.acme.ben):
        token = lines_of.token(stranger)
        connection = lines_of.connect(stranger)
        answers, frames = [], []
        for conversation in (filled.acme.things["conversation_id"], str(uuid4())):
            body = {"question": QUESTION, "conversation_id": conversation}
            status, said = lines.call_streamed("chat_stream POST /", token, body)
            answers.append((status, "no such conversation" in said.lower()))
            lines.call_action("ask", stranger, body, connection=connection)
            frames.append([frame["problem"]["status"] for _, frame in callbacks.drain()])
        assert answers[0] == answers[1]
        assert frames == [[404], [404]]


def test_every_action_ends_a_connection_whose_session_has_ended(
    scene: Scene, callbacks: Callbacks
) -> None:
    lines.call_action("$connect", scene.acme.ada, {}, connection="c-1")
    over = replace(scene.acme.ada, session_id=new_id())
    assert _answers(callbacks, over) == dict.fromkeys(lines.FRAMES, ([401], True))


def test_every_action_ends_a_connection_that_is_another_tenants(
    scene: Scene, callbacks: Callbacks
) -> None:
    lines.call_action("$connect", scene.acme.ada, {}, connection="c-1")
    assert _answers(callbacks, scene.globex.admin) == dict.fromkeys(lines.FRAMES, ([401], True))


def test_suspended_tenants_connections_end_and_do_not_come_back(
    scene: Scene, callbacks: Callbacks, owner_url: str
) -> None:
    ada = scene.acme.ada
    lines.call_action("$connect", ada, {}, connection="c-1")
    owner = Database(owner_url)
    with owner.transaction(ada.tenant_id) as session:
        tenancy.suspend(session, because="unpaid")
    assert _answers(callbacks, ada) == dict.fromkeys(lines.FRAMES, ([403], True))
    with owner.transaction(ada.tenant_id) as session:
        tenancy.resume(session)
    owner.close()
    assert _answers(callbacks, ada) == dict.fromkeys(lines.FRAMES, ([401], True))


def _answers(callbacks: Callbacks, who: Principal) -> dict[str, tuple[list[object], bool]]:
    """Send each action over the connection; returns what it was told and whether that ended it."""
    answers = {}
    for action, frame in lines.FRAMES.items():
        callbacks.drain()
        callbacks.closed.clear()
        lines.call_action(action, who, frame(QUESTION, {}), connection="c-1")
        told = [each.get("problem", {}).get("status") for _, each in callbacks.drain()]
        answers[action] = (told, callbacks.closed == ["/@connections/c-1"])
    return answers


def _key(scene: Scene, scope: str) -> str:
    body = {"name": scope, "scopes": [scope]}
    made = scene.api.call("POST /api/v1/keys", scene.acme.ada, body=body)
    return str(made.body["key"])  # type: ignore[index]
