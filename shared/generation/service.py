"""Use cases of whoever manages language models: routes, budgets, what was spent, a test call."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.adapters.allowing import EVERYBODY, AllowList
from shared.adapters.database import Session
from shared.generation import store
from shared.generation.addresses import check_address, check_provider
from shared.generation.bridge import Bridge
from shared.generation.model import (
    Budget,
    Caller,
    Cooldown,
    Ending,
    Period,
    Request,
    Route,
    Scope,
    Spending,
    Spent,
    TextPiece,
    check_route,
)
from shared.generation.reservations import period_end, period_start
from shared.kernel.clock import now
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import TenantId, UserId

_TEST_WORDS = "Answer with the one word: ready"
_MOST_DAYS = 366
_MOST_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test call found."""

    route: str
    model: str
    text: str
    first_word_ms: int
    duration_ms: int
    tokens_in: int
    tokens_out: int
    cost_nanousd: int


def list_routes(session: Session, deployments: list[Route]) -> list[Route]:
    """List the tenant's own routes, then the deployment's."""
    return [*store.list_routes(session), *deployments]


def list_cooldowns(session: Session) -> list[Cooldown]:
    """List the routes that failed and are left alone now, with the reason."""
    return store.list_cooldowns(session)


def key_name(stage: str, tenant_id: TenantId, route: str) -> str:
    """Return the name of the secret that holds a tenant's key for a route."""
    return f"kontor-{stage}-llm-{tenant_id}-{route}"


def keep_route(
    session: Session,
    route: Route,
    *,
    private_hosts: frozenset[str],
    allow: AllowList = EVERYBODY,
) -> Route:
    """Write a tenant's route; one that was resting is asked again.

    Raises InvalidError for a name, model or address that cannot be, RefusedError for an address
    that this server may not reach.
    """
    check_route(route)
    check_provider(route.provider)
    check_address(route.api_base, private_hosts=private_hosts, allow=allow)
    kept = replace(route, is_deployments=False)
    store.record_route(session, kept)
    store.remove_cooldown(session, route.name)
    return kept


def may_keep_key(known: Route, changed: Route) -> bool:
    """Tell whether a route's key may stay: never when it would be sent somewhere else."""
    is_same_place = (known.api_base, known.provider) == (changed.api_base, changed.provider)
    return bool(known.key_secret) and is_same_place


def find_own_route(session: Session, name: str) -> Route | None:
    """Return a route of the tenant's own."""
    return next((route for route in store.list_routes(session) if route.name == name), None)


def remove_route(session: Session, name: str) -> None:
    """Delete a tenant's route. Raises NotFoundError; the deployment's are not the tenant's."""
    if not store.remove_route(session, name):
        raise NotFoundError(
            f"You have no route {name!r}.", hint="See `kontor llm routes list` for those there are."
        )
    store.remove_cooldown(session, name)


def list_budgets(session: Session) -> list[Budget]:
    """List the tenant's own budgets."""
    return store.list_budgets(session)


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget, what counts against it so far, and when it begins anew."""

    budget: Budget
    spent: Spent
    resets_at: datetime
    is_deployments: bool


def list_standings(
    session: Session, user_id: UserId, *, deployments: list[Budget]
) -> list[BudgetStanding]:
    """List every budget that a person's calls count against, the deployment's first."""
    moment = now()
    known = [(each, True) for each in deployments]
    known += [(each, False) for each in store.list_budgets(session)]
    return [
        BudgetStanding(
            budget=budget,
            spent=store.find_spent(
                session,
                since=period_start(budget.period, moment).date().isoformat(),
                user_id=user_id if budget.scope == "user" else None,
            ),
            resets_at=period_end(budget.period, moment),
            is_deployments=is_deployments,
        )
        for budget, is_deployments in known
    ]


def keep_budget(session: Session, budget: Budget) -> None:
    """Write a budget. Raises InvalidError for one that limits nothing."""
    if budget.tokens is None and budget.cost_nanousd is None:
        raise InvalidError("A budget needs a limit.", hint="Say tokens, dollars or both.")
    store.record_budget(session, budget)


def remove_budget(session: Session, *, scope: Scope, period: Period) -> None:
    """Delete a budget. Raises NotFoundError."""
    if not store.remove_budget(session, scope=scope, period=period):
        raise NotFoundError(f"There is no budget per {scope} and {period}.")


def list_spending(session: Session, *, days: int) -> list[Spending]:
    """List what was spent in the last days, today included, newest first."""
    if not 1 <= days <= _MOST_DAYS:
        raise InvalidError(f"Days are 1 to {_MOST_DAYS}.", fields={"days": f"1 to {_MOST_DAYS}"})
    since = (now() - timedelta(days=days - 1)).date().isoformat()
    return store.list_spending(session, since=since, limit=_MOST_ROWS)


def try_route(bridge: Bridge, caller: Caller, route: str) -> Trial:
    """Make one short call on a route and say how it went; it counts as any other call.

    Raises what the call raises.
    """
    began = time.monotonic()
    first_word: float | None = None
    text = ""
    request = Request(
        purpose="direct" if route else "chat",
        messages=[{"role": "user", "content": _TEST_WORDS}],
        max_tokens=64,
        options={},
        route=route,
    )
    for piece in bridge.answer(caller, request):
        if first_word is None:
            first_word = time.monotonic()
        if isinstance(piece, TextPiece):
            text += piece.text
        if isinstance(piece, Ending):
            return Trial(
                route=piece.route,
                model=piece.model,
                text=text.strip(),
                first_word_ms=round((first_word - began) * 1000),
                duration_ms=round((time.monotonic() - began) * 1000),
                tokens_in=piece.tokens_in,
                tokens_out=piece.tokens_out,
                cost_nanousd=piece.cost_nanousd,
            )
    raise AssertionError("an answer ends with an Ending")
