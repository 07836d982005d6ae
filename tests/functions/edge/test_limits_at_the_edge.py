"""Rate limits where requests come in: HTTP, Function URLs and frames, each charged once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest

from functions.auth.handler import handler as auth
from functions.documents.handler import handler as documents
from functions.health.handler import handler as health
from functions.openai.handler import app as openai
from functions.socket.handler import handler as socket
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.doors import serving, sign_in
from tests.functions.http_events import call

LIST = "/api/v1/folders"
Figures = Callable[[str, int], None]


@pytest.fixture
def figures(owner_url: str) -> Iterator[Figures]:
    """Changes how many tokens a scope of the plans free and public has."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        before = owner.execute(
            "SELECT plan, scope, per_minute, burst FROM kontor.rate_limits"
        ).fetchall()

        def change(scope: str, burst: int) -> None:
            owner.execute(
                "UPDATE kontor.rate_limits SET per_minute = 1, burst = %s"
                " WHERE plan IN ('free', 'public') AND scope = %s",
                (burst, scope),
            )

        yield change
        for plan, scope, per_minute, burst in before:
            owner.execute(
                "UPDATE kontor.rate_limits SET per_minute = %s, burst = %s"
                " WHERE plan = %s AND scope = %s",
                (per_minute, burst, plan, scope),
            )


def reader(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", "viewer")


@pytest.mark.usefixtures("served")
def test_every_answer_says_what_is_left(tenant: TenantId) -> None:
    first = call(documents, "GET", LIST, principal=reader(tenant))
    assert first.status == 200
    assert first.headers["ratelimit-policy"] == '"user";q=100;w=60'
    assert first.headers["ratelimit"] == '"user";r=99;t=1'
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    assert [first.headers[name] for name in names] == ["100", "99", "1"]


@pytest.mark.usefixtures("served")
def test_one_too_many_gets_429_with_the_time_to_wait(tenant: TenantId, figures: Figures) -> None:
    figures("user", 2)
    caller = reader(tenant)
    answers = [call(documents, "GET", LIST, principal=caller) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    refused = answers[2]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.body["code" if "code" in refused.body else "type"].endswith("limited")
    assert refused.body["retry_after_s"] == int(refused.headers["retry-after"])
    assert refused.body["correlation_id"] == refused.headers["x-correlation-id"]
    assert refused.headers["ratelimit-remaining"] == "0"
    assert call(documents, "GET", LIST, principal=reader(tenant)).status == 200


@pytest.mark.usefixtures("served")
def test_what_is_refused_for_its_body_costs_as_well(tenant: TenantId, figures: Figures) -> None:
    figures("user", 1)
    caller = Principal(tenant, UserId(new_id()), "ada@acme.example", "editor")
    assert call(documents, "POST", LIST, principal=caller, body={"nome": 1}).status == 422
    assert call(documents, "POST", LIST, principal=caller, body={"nome": 1}).status == 429


@pytest.mark.usefixtures("served")
def test_keys_and_links_have_buckets_of_their_own(tenant: TenantId) -> None:
    from functions.edge.limiting import bucket_of

    user, own = UserId(new_id()), new_id()
    session = Principal(tenant, user, "a@b.example", "viewer", session_id=own)
    key = Principal(tenant, user, "a@b.example", "viewer", credential="key", session_id=own)
    link = Principal(tenant, user, "a@b.example", "viewer", credential="link", session_id=own)
    assert [bucket_of(each).scope for each in (session, key, link)] == ["user", "key", "link"]
    assert [bucket_of(each).name for each in (session, key)] == [str(user), str(own)]


@pytest.mark.usefixtures("served")
def test_strangers_are_counted_by_address_and_probes_never(figures: Figures) -> None:
    figures("address", 2)
    answers = [call(health, "GET", "/api/v1/endpoints") for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"].startswith('"address"')
    for _ in range(10):
        assert call(health, "GET", "/health").status == 200
        assert call(auth, "GET", "/.well-known/jwks.json").status == 200
    assert "ratelimit-limit" not in call(health, "GET", "/health").headers


@pytest.mark.usefixtures("served")
def test_an_address_in_a_header_changes_nothing(figures: Figures) -> None:
    figures("address", 2)
    names = ("x-forwarded-for", "x-real-ip", "forwarded", "client-ip")
    answers = [
        call(health, "GET", "/api/v1/endpoints", headers={name: f"203.0.113.{number}"})
        for number, name in enumerate(names)
    ]
    assert [each.status for each in answers] == [200, 200, 429, 429]


def test_function_urls_charge_the_bearer_and_bad_tokens_their_address(
    served: App, owner_url: str, figures: Figures
) -> None:
    _, token = sign_in(served, owner_url)
    figures("user", 2)
    figures("address", 1)
    with serving(openai) as url, httpx.Client(base_url=url) as client:
        mine = {"authorization": f"Bearer {token}"}
        answers = [client.get("/v1/models/kontor", headers=mine) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert answers[0].headers["ratelimit-remaining"] == "1"
        assert answers[2].json()["error"]["type"] == "rate_limit_error"
        assert int(answers[2].headers["retry-after"]) >= 1
        others = [client.get("/v1/models", headers={"authorization": "Bearer x"}) for _ in "12"]
        assert [each.status_code for each in others] == [401, 429]


def _frame(
    principal: Principal, route: str, kind: str, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    context = {
        "tenant_id": str(principal.tenant_id),
        "user_id": str(principal.user_id),
        "email": principal.email,
        "role": principal.role,
    }
    return {
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "connectionId": "c1",
            "authorizer": context,
        },
        "headers": dict(headers or {}),
        "body": json.dumps({"action": "dance"}) if kind == "MESSAGE" else None,
    }


@pytest.mark.usefixtures("served")
def test_frames_are_charged_and_leaving_is_free(tenant: TenantId, figures: Figures) -> None:
    figures("user", 1)
    caller = reader(tenant)
    assert socket(_frame(caller, "$connect", "CONNECT"), None)["statusCode"] == 200
    assert socket(_frame(caller, "$connect", "CONNECT"), None)["statusCode"] == 429
    assert socket(_frame(caller, "$disconnect", "DISCONNECT"), None)["statusCode"] == 200


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:3000", 200),
        ("https://kontor.example", 200),
        ("https://evil.example", 403),
        ("http://127.0.0.1:3000.evil.example", 403),
        ("null", 403),
    ],
)
def test_only_known_pages_open_sockets(tenant: TenantId, origin: str, status: int) -> None:
    headers = {"Origin": origin, "Host": "kontor.example"}
    event = _frame(reader(tenant), "$connect", "CONNECT", headers)
    assert socket(event, None)["statusCode"] == status
