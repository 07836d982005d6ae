"""Every route against everybody who must not come in; a route without an entry breaks the build."""

from __future__ import annotations

from itertools import chain
from uuid import uuid4

import pytest

from shared.identity.model import PERMISSIONS, Principal
from shared.wiring import App
from tests.functions.http_events import Answer
from tests.security.entries import ANYBODY_SIGNED_IN, NEEDS, PUBLIC
from tests.security.gateway import Route, handler_of, routes, send, text_of
from tests.security.scene import BODIES, FIXED, UNMADE, Scene, Side, fill, nobody_like, stage
from tests.security.shown import false_tokens

PERMISSION_OF = {key: permission for permission, keys in NEEDS.items() for key in keys}
STRONGER = {
    "users:read": {"users:manage", "groups:manage", "roles:manage", "documents:share"},
}
"""Permissions that let people do what a lesser one does, too."""
OWN = {
    "conversation_id", "message_id", "citation_id", "run_id", "search_id", "key_id",
}  # fmt: skip
"""Things of one person, which nobody else of the tenant may touch."""


@pytest.fixture
def scene(desk: App, owner_url: str) -> Scene:
    made = stage(desk, owner_url)
    fill(made.api, made.acme)
    return made


def test_every_route_has_one_entry() -> None:
    listed = [*PERMISSION_OF, *ANYBODY_SIGNED_IN, *PUBLIC]
    assert sorted(listed) == sorted(route.key for route in routes())
    assert set(NEEDS) <= PERMISSIONS
    assert {route.key for route in routes() if not route.is_guarded} == PUBLIC


def test_acts_are_never_safe_methods() -> None:
    assert {route.method for route in routes()} <= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert not [route.key for route in routes() if route.method in {"HEAD", "OPTIONS", "TRACE"}]


def test_without_a_valid_token_nobody_passes(desk: App, owner_url: str) -> None:
    stage(desk, owner_url)
    passed = [
        (route.key, name)
        for route in routes()
        if route.is_guarded
        for name, token in false_tokens(desk).items()
        if send(route, route.path(_any(route)), token=token).status != 401
    ]
    assert not passed


def test_without_its_permission_every_route_refuses(scene: Scene) -> None:
    wrong = []
    for key, permission in PERMISSION_OF.items():
        route = scene.api.by_key[key]
        others = PERMISSIONS - {permission} - STRONGER.get(permission, frozenset())
        lacking = nobody_like(scene.acme.ada, *others)
        having = nobody_like(scene.acme.ada, permission)
        refused = _call(scene, route, nobody_like(scene.acme.ada), scene.acme.things)
        if refused.status != 403:
            wrong.append((key, "nothing", refused.status))
        refused = _call(scene, route, lacking, scene.acme.things)
        if refused.status != 403:
            wrong.append((key, "all but it", refused.status))
        allowed = _call(scene, route, having, {})
        if allowed.status in {401, 403} and permission in str(allowed.body):
            wrong.append((key, "only it", allowed.status))
    assert not wrong


def test_another_tenants_things_are_as_if_they_were_not_there(scene: Scene) -> None:
    names = set(chain.from_iterable(route.names for route in routes()))
    assert names == set(scene.acme.things) | set(FIXED) | set(UNMADE), "the scene lacks a thing"
    eve = scene.globex.admin
    wrong = []
    for route in routes():
        if not route.is_guarded or "erasure" in route.template:
            continue
        answer = _call(scene, route, eve, scene.acme.things)
        if _tells(answer, scene.acme, _sent(route, scene.acme)):
            wrong.append((route.key, "told", text_of(answer)[:300]))
        nothing = _call(scene, route, eve, {})
        if set(route.names) & set(scene.acme.things) and (
            answer.status != nothing.status
            or _detail(answer) != _detail(nothing)
            or answer.status < 400
        ):
            wrong.append((route.key, answer.status, nothing.status, _detail(answer)))
    assert not wrong
    assert _kept(scene) == [200] * 5, "nothing was changed by all that"


def test_another_persons_things_are_as_if_they_were_not_there(scene: Scene) -> None:
    ben = scene.acme.ben
    wrong = []
    for route in routes():
        if not route.is_guarded or not set(route.names) & OWN:
            continue
        answer = _call(scene, route, ben, scene.acme.things)
        nothing = _call(scene, route, ben, {})
        if answer.status < 400 or (answer.status, _detail(answer)) != (
            nothing.status,
            _detail(nothing),
        ):
            wrong.append((route.key, answer.status, nothing.status, _detail(answer)))
    assert not wrong


def _kept(scene: Scene) -> list[int]:
    return [
        scene.api.call(key, scene.acme.ada, values=scene.acme.things).status
        for key in (
            "GET /api/v1/documents/{document_id}",
            "GET /api/v1/collections/{collection_id}",
            "GET /api/v1/searches/{search_id}",
            "GET /api/v1/conversations/{conversation_id}",
            "GET /api/v1/citations/{citation_id}",
        )
    ]


def _any(route: Route) -> dict[str, object]:
    return dict.fromkeys(route.names, uuid4()) | {
        name: value for name, value in FIXED.items() if name in route.names
    }


def _call(scene: Scene, route: Route, caller: Principal, things: dict[str, str]) -> Answer:
    values = {name: value for name, value in {**FIXED, **things}.items() if name in route.names}
    return scene.api.call(route.key, caller, values=values, body=BODIES.get(route.key))


def _sent(route: Route, side: Side) -> set[str]:
    return {side.things[name] for name in route.names if name in side.things}


def _tells(answer: Answer, side: Side, sent: set[str]) -> bool:
    text = text_of(answer)
    return any(secret in text for secret in side.secrets - sent)


def _detail(answer: Answer) -> str:
    return str(answer.body.get("detail", "")) if isinstance(answer.body, dict) else ""


def test_the_authorizer_is_asked_before_the_function(desk: App) -> None:
    del desk
    route = next(one for one in routes() if one.key == "GET /auth/me")
    assert send(route, "/auth/me").status == 401
    assert handler_of("authorizer")({"headers": {}}, None)["isAuthorized"] is False
