"""Budgets: tokens are reserved before a call and settled after it, so that nobody overdraws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.adapters.database import Session
from shared.generation import store
from shared.generation.model import (
    Budget,
    BudgetSpentError,
    Caller,
    CallId,
    CallState,
    Ending,
    Period,
    Request,
    Route,
)
from shared.generation.providers import cost_by_route
from shared.generation.window import count_roughly
from shared.kernel.clock import now
from shared.kernel.ids import UserId, new_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended, for its row."""

    ending: Ending
    state: CallState
    duration_ms: int
    first_word_ms: int | None = None
    problem: str = ""


def reserve(
    session: Session,
    caller: Caller,
    request: Request,
    *,
    routes: Iterable[Route],
    limits: Iterable[Budget],
) -> CallId:
    """Reserve what a call may take at most; ``limits`` are the deployment's, beside the tenant's.

    The dearest of ``routes`` counts. Raises BudgetSpentError when a budget does not have it.
    """
    tokens_in = count_roughly(request.messages)
    most_tokens = tokens_in + request.max_tokens
    most_cost = max(
        (cost_by_route(route, tokens_in, request.max_tokens) for route in routes), default=0
    )
    budgets = [*limits, *store.list_budgets(session)]
    if budgets:
        store.lock_calls(session)
    for budget in budgets:
        _check(session, budget, caller.user_id, tokens=most_tokens, cost=most_cost)
    call_id = CallId(new_id())
    store.record_call(
        session,
        call_id,
        user_id=caller.user_id,
        purpose=request.purpose,
        tokens_in=tokens_in,
        reserved_tokens=most_tokens,
        reserved_nanousd=most_cost,
    )
    return call_id


def _check(
    session: Session, budget: Budget, user_id: UserId | None, *, tokens: int, cost: int
) -> None:
    if budget.scope == "user" and user_id is None:
        return
    moment = now()
    spent = store.find_spent(
        session,
        since=period_start(budget.period, moment).date().isoformat(),
        user_id=user_id if budget.scope == "user" else None,
    )
    has_tokens = budget.tokens is None or spent.tokens + tokens <= budget.tokens
    has_money = budget.cost_nanousd is None or (
        spent.cost_nanousd + cost <= budget.cost_nanousd
        and spent.cost_nanousd < budget.cost_nanousd
    )
    if not (has_tokens and has_money):
        left = period_end(budget.period, moment) - moment
        raise BudgetSpentError(budget, retry_after_s=max(1, int(left.total_seconds())))


def settle(session: Session, call_id: CallId, outcome: Outcome, *, user_id: UserId | None) -> None:
    """Write what a call took; settling again changes nothing."""
    is_first = store.change_call_to_settled(
        session,
        call_id,
        outcome.ending,
        state=outcome.state,
        first_word_ms=outcome.first_word_ms,
        duration_ms=outcome.duration_ms,
        problem=outcome.problem,
    )
    if is_first and outcome.ending.model:
        store.record_spending(
            session, outcome.ending, user_id=user_id, has_failed=outcome.state == "failed"
        )
    store.remove_old_calls(session)


def period_start(period: Period, moment: datetime) -> datetime:
    """Return when the day or month of a moment began, in UTC."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if period == "day" else day.replace(day=1)


def period_end(period: Period, moment: datetime) -> datetime:
    """Return when the next day or month begins, in UTC."""
    start = period_start(period, moment)
    if period == "day":
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)
