"""The rows of generation, one typed function per query."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.generation.model import (
    NOBODY,
    Budget,
    Busy,
    CallId,
    CallState,
    Cooldown,
    Ending,
    Period,
    Purpose,
    Route,
    Scope,
    Spending,
    Spent,
    TakenCall,
)
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.generation")


def list_routes(session: Session) -> list[Route]:
    """List the tenant's own routes in the order they are asked."""
    return session.all(QUERIES["list_routes"], Route)


def record_route(session: Session, route: Route) -> None:
    """Insert or replace a route."""
    session.execute(
        QUERIES["record_route"],
        {
            "name": route.name,
            "model": route.model,
            "purposes": list(route.purposes),
            "tier": route.tier,
            "weight": route.weight,
            "api_base": route.api_base,
            "key_secret": route.key_secret,
            "timeout_s": route.timeout_s,
            "context_tokens": route.context_tokens,
            "price_in_usd": route.price_in_usd,
            "price_out_usd": route.price_out_usd,
            "is_direct": route.is_direct,
        },
    )


def remove_route(session: Session, name: str) -> bool:
    """Delete a route; False when there was none."""
    return session.execute(QUERIES["remove_route"], {"name": name}) > 0


def list_budgets(session: Session) -> list[Budget]:
    """List the tenant's own budgets."""
    return session.all(QUERIES["list_budgets"], Budget)


def record_budget(session: Session, budget: Budget) -> None:
    """Insert or replace a budget."""
    session.execute(
        QUERIES["record_budget"],
        {
            "scope": budget.scope,
            "period": budget.period,
            "tokens": budget.tokens,
            "cost_nanousd": budget.cost_nanousd,
            "when_spent": budget.when_spent,
        },
    )


def remove_budget(session: Session, *, scope: Scope, period: Period) -> bool:
    """Delete a budget; False when there was none."""
    return session.execute(QUERIES["remove_budget"], {"scope": scope, "period": period}) > 0


def lock_calls(session: Session) -> None:
    """Let the tenant's calls reserve and take one after another until the transaction ends."""
    session.execute(QUERIES["lock_calls"])


def find_spent(session: Session, *, since: str, user_id: UserId | None) -> Spent:
    """Add up what counts since a day (``2026-11-01``), of one person or of everybody."""
    return session.get(QUERIES["find_spent"], Spent, {"since": since, "user_id": user_id})


def record_call(
    session: Session,
    call_id: CallId,
    *,
    user_id: UserId | None,
    purpose: Purpose,
    tokens_in: int,
    reserved_tokens: int,
    reserved_nanousd: int,
) -> None:
    """Insert a reservation."""
    session.execute(
        QUERIES["record_call"],
        {
            "id": call_id,
            "user_id": user_id,
            "purpose": purpose,
            "tokens_in": tokens_in,
            "reserved_tokens": reserved_tokens,
            "reserved_nanousd": reserved_nanousd,
        },
    )


def change_call_to_taken(session: Session, call_id: CallId) -> TakenCall | None:
    """Take a reservation; ``None`` when it is not there, old, or taken already."""
    return session.find(QUERIES["change_call_to_taken"], TakenCall, {"id": call_id})


def change_call_route(session: Session, call_id: CallId, route: str) -> None:
    """Note which route is asked now."""
    session.execute(QUERIES["change_call_route"], {"id": call_id, "route": route})


def change_call_to_settled(
    session: Session,
    call_id: CallId,
    ending: Ending,
    *,
    state: CallState,
    first_word_ms: int | None,
    duration_ms: int,
    problem: str,
) -> bool:
    """Write what a call took; False when it was settled before."""
    changed = session.execute(
        QUERIES["change_call_to_settled"],
        {
            "id": call_id,
            "state": state,
            "route": ending.route,
            "model": ending.model,
            "tokens_in": ending.tokens_in,
            "tokens_out": ending.tokens_out,
            "cost_nanousd": ending.cost_nanousd,
            "is_estimated": ending.is_estimated,
            "first_word_ms": first_word_ms,
            "duration_ms": duration_ms,
            "problem": problem,
        },
    )
    return changed > 0


def record_spending(
    session: Session, ending: Ending, *, user_id: UserId | None, has_failed: bool
) -> None:
    """Add a call to the day's spending."""
    session.execute(
        QUERIES["record_spending"],
        {
            "user_id": user_id or NOBODY,
            "model": ending.model,
            "failed": int(has_failed),
            "tokens_in": ending.tokens_in,
            "tokens_out": ending.tokens_out,
            "cost_nanousd": ending.cost_nanousd,
        },
    )


def remove_old_calls(session: Session) -> None:
    """Delete a few calls that nobody will ask about any more."""
    session.execute(QUERIES["remove_old_calls"])


def list_spending(session: Session, *, since: str, limit: int) -> list[Spending]:
    """List what was spent since a day, newest first."""
    return session.all(QUERIES["list_spending"], Spending, {"since": since, "limit": limit})


def list_busy(session: Session) -> list[Busy]:
    """Count the calls under way on each route."""
    return session.all(QUERIES["list_busy"], Busy)


def list_cooldowns(session: Session) -> list[Cooldown]:
    """List the routes that are left alone now."""
    return session.all(QUERIES["list_cooldowns"], Cooldown)


def record_cooldown(session: Session, route: str, *, seconds: float, reason: str) -> None:
    """Leave a route alone for a while."""
    session.execute(
        QUERIES["record_cooldown"], {"route": route, "seconds": seconds, "reason": reason}
    )


def remove_cooldown(session: Session, route: str) -> None:
    """Ask a route again."""
    session.execute(QUERIES["remove_cooldown"], {"route": route})
