"""Headers on every answer: good ones, refusals, public ones, streams and failures alike."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter

from functions.auth.handler import handler as auth
from functions.documents.handler import handler as documents
from functions.edge.headers import ALWAYS
from functions.edge.http import lambda_handler, make_app
from functions.health.handler import handler as health
from functions.openai.handler import app as openai
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from tests.functions.doors import serving
from tests.functions.http_events import Answer, call

pytestmark = pytest.mark.usefixtures("served")


def _is_safe(answer: Answer) -> bool:
    return all(answer.headers.get(name) == value for name, value in ALWAYS.items())


def test_every_answer_has_them(tenant: TenantId) -> None:
    caller = Principal(tenant, UserId(new_id()), "ada@acme.example", "viewer")
    path = f"/api/v1/documents/{new_id()}"
    answers = {
        200: call(documents, "GET", "/api/v1/folders", principal=caller),
        401: call(documents, "GET", path),
        403: call(documents, "POST", "/api/v1/folders", principal=caller, body={"path": "a"}),
        404: call(documents, "GET", path, principal=caller),
        405: call(documents, "PUT", path, principal=caller),
        422: call(documents, "GET", "/api/v1/documents/x", principal=caller),
    }
    for status, answer in answers.items():
        assert answer.status == status
        assert _is_safe(answer), status
        assert answer.headers["cache-control"] == "no-store", status
        assert answer.headers["x-correlation-id"], status


def test_public_answers_may_be_kept() -> None:
    answer = call(auth, "GET", "/.well-known/jwks.json")
    assert _is_safe(answer)
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_encrypted_transport_is_demanded_over_https_only() -> None:
    over_https = call(health, "GET", "/health", headers={"x-forwarded-proto": "https"})
    assert over_https.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    for headers in ({}, {"x-forwarded-proto": "http"}):
        assert (
            "strict-transport-security"
            not in call(health, "GET", "/health", headers=headers).headers
        )


def test_applications_behind_function_urls_have_them() -> None:
    with serving(openai) as url:
        answer = httpx.get(f"{url}/v1/models")
    assert answer.status_code == 401
    assert all(answer.headers.get(name) == value for name, value in ALWAYS.items())


def test_what_nobody_expected_says_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    router = APIRouter()

    @router.get("/broken")
    def broken() -> None:
        raise RuntimeError("the password is hunter2")

    application = make_app("broken")
    application.include_router(router)
    answer = call(lambda_handler(application), "GET", "/broken")
    assert answer.status == 500
    assert _is_safe(answer)
    assert answer.body["correlation_id"] == answer.headers["x-correlation-id"] != ""
    assert "hunter2" not in str(answer.body) + str(answer.headers)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "request failed"
    ]


def test_nothing_of_a_request_comes_back_as_markup(tenant: TenantId) -> None:
    caller = Principal(tenant, UserId(new_id()), "ada@acme.example", "viewer")
    bait = "<script>alert(1)</script>"
    for answer in (
        call(documents, "GET", f"/api/v1/{bait}", principal=caller),
        call(documents, "GET", "/api/v1/documents", principal=caller, query={"cursor": bait}),
        call(documents, "GET", "/api/v1/folders", headers={"x-correlation-id": bait}),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert bait not in str(answer.headers)
