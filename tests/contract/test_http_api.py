"""The HTTP API: what functions are given and what callers get."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.contract.targets import Cloud

pytestmark = pytest.mark.needs("http")


@pytest.mark.needs("cookies")
def test_path_query_cookies_and_headers_reach_the_function(cloud: Cloud) -> None:
    answer = httpx.get(
        f"{cloud.http}/echo/Jürgen%20B?a=1&a=2&b=", headers={"cookie": "x=1; y=2", "X-Own": "v"}
    )
    seen = answer.json()
    assert seen["version"] == "2.0"
    assert seen["routeKey"] == "GET /echo/{name}"
    assert seen["pathParameters"] == {"name": "Jürgen B"}
    assert seen["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert seen["rawQueryString"] == "a=1&a=2&b="
    assert seen["cookies"] == ["x=1", "y=2"]
    assert seen["headers"]["x-own"] == "v"
    assert 0 < seen["left_ms"] <= 3000


def test_an_exact_route_wins_over_one_with_a_variable(cloud: Cloud) -> None:
    assert httpx.get(f"{cloud.http}/echo/exact").json()["routeKey"] == "GET /echo/exact"


def test_a_greedy_variable_takes_the_rest_of_the_path(cloud: Cloud) -> None:
    seen = httpx.delete(f"{cloud.http}/files/a/b/c").json()
    assert seen["routeKey"] == "ANY /files/{proxy+}"
    assert seen["pathParameters"] == {"proxy": "a/b/c"}


def test_an_unknown_route_is_not_found(cloud: Cloud) -> None:
    for method, path in (("GET", "/nowhere"), ("DELETE", "/echo/x")):
        answer = httpx.request(method, cloud.http + path)
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_binary_bodies_travel_both_ways(cloud: Cloud) -> None:
    content = bytes(range(256))
    headers = {"content-type": "application/octet-stream"}
    seen = httpx.post(f"{cloud.http}/echo", content=content, headers=headers).json()
    assert seen["isBase64Encoded"] is True
    assert base64.b64decode(seen["body"]) == content
    answer = httpx.get(f"{cloud.http}/files/bytes")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"


def test_text_bodies_travel_as_text(cloud: Cloud) -> None:
    seen = httpx.post(f"{cloud.http}/echo", json={"ä": 1}).json()
    assert (seen["isBase64Encoded"], seen["body"]) == (False, '{"ä":1}')


def test_an_answer_without_status_is_json_with_status_200(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.http}/files/plain")
    assert (answer.status_code, answer.json()) == (200, {"any": "json"})
    assert answer.headers["content-type"] == "application/json"


def test_each_cookie_has_a_header_of_its_own(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.http}/files/cookies")
    assert answer.status_code == 201
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


@pytest.mark.needs("error_status")
def test_a_function_that_raises_is_an_internal_error_without_details(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.http}/broken")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


@pytest.mark.needs("error_status")
def test_a_function_over_its_time_is_ended(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.http}/sleepy", timeout=20)
    assert answer.status_code in {500, 503}
    assert answer.elapsed.total_seconds() < 10
    assert httpx.get(f"{cloud.http}/echo/x", timeout=20).status_code == 200


@pytest.mark.parametrize(
    ("token", "status", "words"),
    [
        (None, 401, "Unauthorized"),
        ("Bearer bad", 403, "Forbidden"),
        ("Bearer crash", 500, "Internal Server Error"),
    ],
)
def test_an_authorizer_keeps_strangers_out(
    cloud: Cloud, token: str | None, status: int, words: str
) -> None:
    headers = {} if token is None else {"authorization": token}
    answer = httpx.post(f"{cloud.http}/guarded", headers=headers)
    assert (answer.status_code, answer.json()) == (status, {"message": words})


def test_an_authorizers_context_reaches_the_function(cloud: Cloud) -> None:
    answer = httpx.post(f"{cloud.http}/guarded", headers={"authorization": "Bearer good"})
    assert answer.json()["authorizer"] == {"lambda": {"user_id": "u1", "tenant_id": "t1"}}


@pytest.mark.needs("cors")
def test_a_preflight_from_an_allowed_origin_is_granted(cloud: Cloud) -> None:
    headers = {"origin": "https://example.org", "access-control-request-method": "POST"}
    answer = httpx.options(f"{cloud.http}/guarded", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    assert answer.headers["access-control-allow-methods"] == "GET,POST,OPTIONS"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-max-age"] == "600"


def test_a_preflight_from_a_foreign_origin_gets_no_grant(cloud: Cloud) -> None:
    headers = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    answer = httpx.options(f"{cloud.http}/guarded", headers=headers)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.needs("cors")
def test_the_functions_own_cors_headers_are_replaced(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.http}/echo/x", headers={"origin": "http://127.0.0.1:3000"})
    assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1:3000"
    assert answer.headers["access-control-expose-headers"] == "x-request-id"
    assert "access-control-allow-origin" not in httpx.get(f"{cloud.http}/echo/x").headers


@pytest.mark.needs("limits")
def test_a_body_over_ten_megabytes_is_too_large(cloud: Cloud) -> None:
    headers = {"content-type": "application/octet-stream"}
    answer = httpx.post(f"{cloud.http}/echo", content=bytes(10 * 1024 * 1024 + 1), headers=headers)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
