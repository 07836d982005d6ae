"""Budgets: reserved before, settled after, never overdrawn, and begun anew in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.adapters.database import Database
from shared.generation.model import Budget, BudgetSpentError, Caller, Ending, Request
from shared.generation.reservations import (
    Outcome,
    period_end,
    period_start,
    reserve,
    settle,
)
from shared.kernel.ids import TenantId, UserId, new_id
from tests.unit.generation.conftest import QUESTION, Exchange
from tests.unit.generation.model_server import TOKENS_IN, TOKENS_OUT, model_server

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
REQUEST = Request(purpose="chat", messages=QUESTION, max_tokens=90)
NEED = 100  # what REQUEST reserves: 10 for the question and its envelope, 90 for the answer


def ending(tokens: int, cost: int = 0) -> Ending:
    return Ending(
        route="r",
        model="openai/r",
        finish="stop",
        tokens_in=tokens,
        tokens_out=0,
        cost_nanousd=cost,
    )


def test_a_question_reserves_what_it_may_take_at_most(exchange: Exchange) -> None:
    with exchange.database.transaction(exchange.caller.tenant_id) as session:
        reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
    assert exchange.rows("SELECT reserved_tokens, state FROM kontor.llm_calls") == [
        (NEED, "reserved")
    ]


@pytest.mark.parametrize("scope", ["tenant", "user"])
def test_a_budget_that_is_used_up_stops_before_the_model_is_asked(
    exchange: Exchange, scope: str
) -> None:
    with model_server() as server:
        exchange.route("small", server.address)
        exchange.budget(Budget(scope, "day", 100, None))  # type: ignore[arg-type]
        list(exchange.pieces(max_tokens=60))
        with pytest.raises(BudgetSpentError) as spent:
            list(exchange.pieces(max_tokens=80))
        assert len(server.requests) == 1
        list(exchange.pieces(max_tokens=20))
    assert spent.value.status == 429
    assert 0 < spent.value.retry_after_s <= 24 * 3600
    assert "tomorrow" in spent.value.hint
    assert spent.value.budget.when_spent == "extract"


def test_one_persons_budget_is_not_anothers(exchange: Exchange) -> None:
    exchange.budget(Budget("user", "day", NEED, None))
    other = replace(exchange.caller, user_id=UserId(new_id()))
    system = replace(exchange.caller, user_id=None)
    for caller in (exchange.caller, other, system, system):
        with exchange.database.transaction(caller.tenant_id) as session:
            reserve(session, caller, REQUEST, routes=[], limits=[])
    with (
        pytest.raises(BudgetSpentError, match="Your budget"),
        exchange.database.transaction(other.tenant_id) as session,
    ):
        reserve(session, other, REQUEST, routes=[], limits=[])


def test_one_tenants_budget_is_not_anothers(exchange: Exchange, other_tenant: TenantId) -> None:
    exchange.budget(Budget("tenant", "month", 1, None))
    elsewhere = Caller(tenant_id=other_tenant)
    with exchange.database.transaction(other_tenant) as session:
        reserve(session, elsewhere, REQUEST, routes=[], limits=[])


def test_the_deployments_limit_holds_whatever_the_tenant_allows_itself(exchange: Exchange) -> None:
    exchange.budget(Budget("tenant", "month", 1_000_000, None))
    limits = [Budget("tenant", "month", NEED - 1, None)]
    with (
        pytest.raises(BudgetSpentError, match="organisation's"),
        exchange.database.transaction(exchange.caller.tenant_id) as session,
    ):
        reserve(session, exchange.caller, REQUEST, routes=[], limits=limits)


def test_money_is_counted_by_the_routes_prices(exchange: Exchange) -> None:
    with model_server() as server:
        exchange.route("dear", server.address, price_in_usd=1.0, price_out_usd=1.0)
        list(exchange.pieces())
        ((cost,),) = exchange.rows("SELECT cost_nanousd FROM kontor.llm_spending")
        assert cost == (TOKENS_IN + TOKENS_OUT) * 1000
        exchange.budget(Budget("tenant", "day", None, int(str(cost)) + 1000))
        with pytest.raises(BudgetSpentError):
            list(exchange.pieces())


def test_many_at_once_never_overdraw(exchange: Exchange, database_url: str) -> None:
    exchange.budget(Budget("tenant", "day", 5 * NEED + 50, None))

    def one(_number: int) -> bool:
        own = Database(database_url)
        try:
            with own.transaction(exchange.caller.tenant_id) as session:
                reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
        except BudgetSpentError:
            return False
        finally:
            own.close()
        return True

    with ThreadPoolExecutor(12) as pool:
        granted = list(pool.map(one, range(12)))
    assert sum(granted) == 5


def test_what_was_reserved_and_not_taken_is_free_again(exchange: Exchange) -> None:
    exchange.budget(Budget("tenant", "day", NEED + 20, None))
    for _ in range(3):
        with exchange.database.transaction(exchange.caller.tenant_id) as session:
            call = reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
            settle(session, call, Outcome(ending(10), "done", 5), user_id=None)
            settle(session, call, Outcome(ending(9999), "done", 5), user_id=None)
    assert exchange.rows("SELECT calls, tokens_in FROM kontor.llm_spending") == [(3, 30)]


def test_a_call_whose_function_died_counts_as_what_it_read(exchange: Exchange) -> None:
    exchange.budget(Budget("tenant", "day", NEED + 10, None))
    with exchange.database.transaction(exchange.caller.tenant_id) as session:
        reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
        session.connection.execute(
            "UPDATE kontor.llm_calls SET created_at = greatest("
            " now() - interval '16 minutes', date_trunc('day', now() AT TIME ZONE 'UTC')"
            " AT TIME ZONE 'UTC')"
        )
        (minutes,) = session.connection.execute(
            "SELECT extract(epoch FROM now() - min(created_at)) / 60 FROM kontor.llm_calls"
        ).fetchone() or (0,)
        if minutes > 15:  # not in the first quarter of an hour of a day
            reserve(session, exchange.caller, REQUEST, routes=[], limits=[])


def test_a_call_taken_for_lost_is_corrected_by_who_knows(exchange: Exchange) -> None:
    lost = replace(ending(0), model="", route="")
    with exchange.database.transaction(exchange.caller.tenant_id) as session:
        call = reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
        settle(session, call, Outcome(lost, "failed", 0), user_id=None)
        settle(session, call, Outcome(ending(12), "done", 5), user_id=None)
        settle(session, call, Outcome(ending(99), "done", 5), user_id=None)
    assert exchange.rows("SELECT calls, tokens_in FROM kontor.llm_spending") == [(1, 12)]
    assert exchange.calls()[0][0] == "done"


def test_old_calls_go_and_what_they_took_stays(exchange: Exchange) -> None:
    with exchange.database.transaction(exchange.caller.tenant_id) as session:
        call = reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
        settle(session, call, Outcome(ending(10), "done", 5), user_id=None)
        session.connection.execute(
            "UPDATE kontor.llm_calls SET created_at = now() - interval '36 days'"
        )
        newer = reserve(session, exchange.caller, REQUEST, routes=[], limits=[])
        settle(session, newer, Outcome(ending(10), "done", 5), user_id=None)
    assert exchange.rows("SELECT id FROM kontor.llm_calls") == [(UUID(int=newer.int),)]
    assert exchange.rows("SELECT tokens_in FROM kontor.llm_spending") == [(20,)]


def test_days_and_months_begin_in_utc() -> None:
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert period_start("day", moment) == datetime(2026, 12, 31, tzinfo=UTC)
    assert period_end("day", moment) == datetime(2027, 1, 1, tzinfo=UTC)
    assert period_start("month", moment) == datetime(2026, 12, 1, tzinfo=UTC)
    assert period_end("month", moment) == datetime(2027, 1, 1, tzinfo=UTC)
