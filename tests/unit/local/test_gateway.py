"""The gateway's own limits: time, payload size, answers nobody can read, cached decisions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from infra.local.environments import FunctionSpec
from infra.local.gateway_http import HttpApi
from infra.local.invoker import Invoker
from infra.local.pool import Pool
from infra.local.routing import RoutingModel
from infra.local.serverless import load_service

SERVERLESS = """
service: s
provider:
  name: aws
  httpApi:
    authorizers:
      token:
        type: request
        functionName: one
        identitySource: [$request.header.Authorization]
        enableSimpleResponses: true
        resultTtlInSeconds: 60
functions:
  one:
    handler: functions.one.handler.handler
    events:
      - httpApi: "*"
      - httpApi: {method: GET, path: /guarded, authorizer: {name: token}}
"""
HANDLER = """
import time
CALLS = []
def handler(event, context):
    if event.get("type") == "REQUEST":
        CALLS.append(1)
        return {"isAuthorized": True, "context": {"calls": len(CALLS)}}
    path = event["rawPath"]
    if path == "/slow":
        time.sleep(2)
    if path == "/nonsense":
        return {"statusCode": "many"}
    if path == "/not-base64":
        return {"statusCode": 200, "body": "ä!", "isBase64Encoded": True}
    return {"statusCode": 200, "body": str(event["requestContext"].get("authorizer"))}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "functions" / "one").mkdir(parents=True)
    (folder / "functions" / "one" / "handler.py").write_text(HANDLER)
    (folder / "serverless.yml").write_text(SERVERLESS)
    return folder


@pytest.fixture(scope="module")
def api(project: Path) -> Iterator[tuple[RoutingModel, Invoker]]:
    model = load_service(project, "dev")
    (function,) = model.functions
    spec = FunctionSpec(
        key="gated",
        name=function.name,
        arn="arn:aws:lambda:us-east-1:123456789012:function:s-dev-one",
        handler=function.handler,
        timeout_s=10,
        memory_mb=128,
        environment={},
        layers=(),
        root=project,
        region="us-east-1",
        concurrency=2,
        log=project / "one.log",
    )
    pool = Pool([spec])
    invoker = Invoker(pool, {function.logical_id: "gated"})
    yield model, invoker
    pool.close()
    invoker.close()


def get(http: HttpApi, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
    application = Starlette(routes=[Route("/{path:path}", http.serve, methods=["GET"])])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            return await client.request("GET", path, content=body, headers=headers)

    return asyncio.run(ask())


def test_an_integration_over_the_limit_is_unavailable(api: tuple[RoutingModel, Invoker]) -> None:
    model, invoker = api
    get(HttpApi(model, invoker), "/warm")
    answer = get(HttpApi(model, invoker, integration_limit_s=0.2), "/slow")
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


def test_a_body_the_function_cannot_take_is_too_large(api: tuple[RoutingModel, Invoker]) -> None:
    answer = get(HttpApi(*api), "/x", bytes(5 * 1024 * 1024), **{"content-type": "image/png"})
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize("path", ["/nonsense", "/not-base64"])
def test_an_answer_nobody_can_read_is_an_internal_error(
    api: tuple[RoutingModel, Invoker], path: str
) -> None:
    answer = get(HttpApi(*api), path)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_decision_is_kept_for_its_time_and_identity(
    api: tuple[RoutingModel, Invoker],
) -> None:
    http = HttpApi(*api)
    first, again = (get(http, "/guarded", authorization="a").text for _ in range(2))
    assert first == again
    assert get(http, "/guarded", authorization="b").text != first


def test_without_a_default_route_nothing_matches(api: tuple[RoutingModel, Invoker]) -> None:
    model, invoker = api
    routes = tuple(route for route in model.http_routes if route.key != "$default")
    answer = get(HttpApi(replace(model, http_routes=routes), invoker), "/elsewhere")
    assert json.loads(answer.content) == {"message": "Not Found"}
