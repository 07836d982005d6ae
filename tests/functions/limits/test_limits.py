"""The limits function: what the caller may ask, store and spend, in one answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from functions.limits.handler import handler
from shared.adapters.database import Database
from shared.generation import store as generation
from shared.generation.model import Budget, Ending
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from shared.limits.service import choose_plan
from shared.wiring import App
from tests.functions.http_events import call

PATH = "/api/v1/limits"


@pytest.fixture
def caller(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", "viewer")


@pytest.mark.usefixtures("served")
def test_a_new_caller_sees_a_full_bucket_and_an_empty_library(caller: Principal) -> None:
    answer = call(handler, "GET", PATH, principal=caller)
    assert answer.status == 200
    assert answer.body["plan"] == "free"
    own, whole = answer.body["requests"]
    assert own == {
        "scope": "user",
        "per_minute": 100,
        "burst": 100,
        "remaining": 99,
        "full_in_s": 1,
    }
    assert (whole["scope"], whole["remaining"]) == ("tenant", 999)
    assert answer.body["storage"] == {"used_bytes": 0}
    assert answer.body["models"] == []


def test_budgets_are_shown_with_what_was_spent(
    served: App, caller: Principal, tenant: TenantId
) -> None:
    ending = Ending(
        route="r", model="m", finish="stop", tokens_in=40, tokens_out=2, cost_nanousd=500_000_000
    )
    with served.database.transaction(tenant) as session:
        generation.record_budget(session, Budget("user", "month", 1000, 2_000_000_000))
        generation.record_spending(session, ending, user_id=caller.user_id, has_failed=False)
        generation.record_spending(session, ending, user_id=UserId(new_id()), has_failed=False)
    body = call(handler, "GET", PATH, principal=caller).body
    (budget,) = body["models"]
    assert (budget["scope"], budget["period"], budget["tokens"]) == ("user", "month", 1000)
    assert (budget["cost_usd"], budget["used_cost_usd"], budget["used_tokens"]) == (2.0, 0.5, 42)
    resets = datetime.fromisoformat(budget["resets_at"])
    assert resets.day == 1
    assert resets > datetime.now(UTC)


def test_the_operators_own_tenant_has_no_rate_limit(
    served: App, caller: Principal, tenant: TenantId, owner_url: str
) -> None:
    owner = Database(owner_url)
    with owner.transaction(tenant) as session:
        choose_plan(session, "own")
    owner.close()
    answer = call(handler, "GET", PATH, principal=caller)
    assert (answer.body["plan"], answer.body["requests"]) == ("own", [])
    assert "ratelimit-limit" not in answer.headers


@pytest.mark.usefixtures("served")
def test_nobody_is_refused() -> None:
    assert call(handler, "GET", PATH).status == 401
