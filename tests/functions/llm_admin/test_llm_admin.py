"""Managing routes and budgets over HTTP: who may, what is kept, what never comes out."""

from __future__ import annotations

import pytest

from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.http_events import Answer, call
from tests.unit.generation.model_server import TOKENS_IN, TOKENS_OUT, WORDS, model_server

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
ROUTE = "/api/v1/llm/routes/small"


class Admin:
    """Somebody of a tenant in front of the handler."""

    def __init__(self, tenant: TenantId, role: str = "admin") -> None:
        self.principal = Principal(tenant, UserId(new_id()), "ada@acme.example", role)

    def call(self, method: str, path: str, body: object = None, **query: str) -> Answer:
        from functions.llm_admin.handler import handler

        return call(handler, method, path, body=body, query=query, principal=self.principal)


@pytest.fixture
def admin(served: App, tenant: TenantId) -> Admin:
    return Admin(tenant)


def test_a_route_is_kept_tried_and_removed_and_its_key_never_comes_out(
    admin: Admin, served: App
) -> None:
    with model_server() as server:
        body = {"model": "openai/small", "api_base": server.address, "api_key": "sk-hidden",
                "price_in_usd": 1.0, "price_out_usd": 2.0}  # fmt: skip
        kept = admin.call("PUT", ROUTE, body)
        assert kept.status == 200, kept.body
        assert (kept.body["name"], kept.body["has_key"]) == ("small", True)
        listed = admin.call("GET", "/api/v1/llm/routes")
        assert "sk-hidden" not in str(kept.body) + str(listed.body)
        tried = admin.call("POST", "/api/v1/llm/trials", {"route": "small"})
        assert tried.body["text"] == "".join(WORDS)
        assert (tried.body["tokens_in"], tried.body["tokens_out"]) == (TOKENS_IN, TOKENS_OUT)
        assert tried.body["cost_usd"] == pytest.approx((TOKENS_IN + 2 * TOKENS_OUT) / 1e6)
        assert server.keys == ["Bearer sk-hidden"]
        assert admin.call("POST", "/api/v1/llm/trials", {}).body["route"] == "small"
    (spent,) = admin.call("GET", "/api/v1/llm/usage", days="1").body["items"]
    assert (spent["calls"], spent["model"]) == (2, "openai/small")
    assert spent["user_id"] == str(admin.principal.user_id)
    assert admin.call("DELETE", ROUTE).status == 204
    assert admin.call("DELETE", ROUTE).status == 404
    assert admin.call("GET", "/api/v1/llm/routes").body["items"] == []


def test_a_key_stays_with_its_server_and_goes_nowhere_else(admin: Admin) -> None:
    with model_server() as server, model_server() as thief:
        body = {"model": "openai/small", "api_base": server.address}
        admin.call("PUT", ROUTE, {**body, "api_key": "sk-hidden"})
        assert admin.call("PUT", ROUTE, {**body, "weight": 5}).body["has_key"] is True
        moved = admin.call("PUT", ROUTE, {**body, "api_base": thief.address})
        assert moved.body["has_key"] is False
        admin.call("POST", "/api/v1/llm/trials", {"route": "small"})
        assert thief.keys == ["Bearer none"]


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("small", {"model": "no-provider"}, 422),
        ("small", {"model": "bedrock/claude"}, 422),
        ("small", {"api_base": "http://169.254.169.254/latest"}, 422),
        ("small", {"api_base": "https://10.0.0.7/v1"}, 422),
        ("small", {"api_base": "https://user:pw@127.0.0.1.nip.example"}, 422),
        ("small", {"api_base": "file:///etc/passwd"}, 422),
        ("small", {"purposes": ["war"]}, 422),
        ("small", {"purposes": []}, 422),
        ("small", {"weight": 0}, 422),
        ("small", {"key_secret": "kontor-local-database-url"}, 422),
        ("kontor", {}, 422),
        ("default", {}, 422),
        ("UPPER", {}, 422),
    ],
)
def test_routes_that_cannot_be_are_refused(
    admin: Admin, name: str, fields: dict[str, object], status: int
) -> None:
    body = {"model": "openai/small", **fields}
    answer = admin.call("PUT", f"/api/v1/llm/routes/{name}", body)
    assert answer.status == status, answer.body
    assert answer.body["detail"]


def test_a_failed_route_shows_why_it_rests_until_it_is_written_again(admin: Admin) -> None:
    with model_server("500", "500", "ok") as server:
        body = {"model": "openai/small", "api_base": server.address}
        admin.call("PUT", ROUTE, body)
        assert admin.call("POST", "/api/v1/llm/trials", {"route": "small"}).status == 503
        (resting,) = admin.call("GET", "/api/v1/llm/routes").body["items"]
        assert resting["rests_until"]
        assert "away or broken" in resting["problem"]
        admin.call("PUT", ROUTE, body)
        assert admin.call("POST", "/api/v1/llm/trials", {"route": "small"}).status == 200


def test_budgets_are_set_hold_and_are_lifted(admin: Admin) -> None:
    path = "/api/v1/llm/budgets/user/day"
    with model_server() as server:
        admin.call("PUT", ROUTE, {"model": "openai/small", "api_base": server.address})
        kept = admin.call("PUT", path, {"tokens": 5, "cost_usd": 0.25, "when_spent": "refuse"})
        assert kept.body == {"scope": "user", "period": "day", "tokens": 5, "cost_usd": 0.25,
                             "when_spent": "refuse"}  # fmt: skip
        assert admin.call("GET", "/api/v1/llm/budgets").body["items"] == [kept.body]
        spent = admin.call("POST", "/api/v1/llm/trials", {})
        assert (spent.status, spent.body["type"]) == (429, "urn:kontor:problem:budget-spent")
        assert int(spent.headers["retry-after"]) > 0
        assert not server.requests
        assert admin.call("DELETE", path).status == 204
        assert admin.call("DELETE", path).status == 404
        assert admin.call("POST", "/api/v1/llm/trials", {}).status == 200
    assert admin.call("PUT", path, {}).status == 422
    assert admin.call("PUT", "/api/v1/llm/budgets/world/day", {"tokens": 1}).status == 422


def test_only_who_may_manage_models_does(served: App, tenant: TenantId) -> None:
    for role in ("viewer", "editor"):
        someone = Admin(tenant, role)
        for method, path in (
            ("GET", "/api/v1/llm/routes"), ("PUT", ROUTE), ("DELETE", ROUTE),
            ("POST", "/api/v1/llm/trials"), ("GET", "/api/v1/llm/usage"),
            ("GET", "/api/v1/llm/budgets"), ("PUT", "/api/v1/llm/budgets/user/day"),
            ("DELETE", "/api/v1/llm/budgets/user/day"),
        ):  # fmt: skip
            body = {"model": "openai/small"} if path == ROUTE else {}
            assert someone.call(method, path, body).status == 403, (role, method, path)


def test_nobody_sees_another_tenants_routes_or_spending(
    admin: Admin, other_tenant: TenantId
) -> None:
    with model_server() as server:
        admin.call("PUT", ROUTE, {"model": "openai/small", "api_base": server.address})
        admin.call("POST", "/api/v1/llm/trials", {})
        stranger = Admin(other_tenant)
        for path in ("routes", "usage", "budgets"):
            assert stranger.call("GET", f"/api/v1/llm/{path}").body["items"] == []
        assert stranger.call("POST", "/api/v1/llm/trials", {"route": "small"}).status == 404
        assert stranger.call("DELETE", ROUTE).status == 404
