"""Routes of managing language models; for those who may manage models."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from functions.edge.bodies import Name as Text
from functions.edge.http import Caller
from functions.llm_admin.schemas import (
    BudgetBody,
    BudgetFields,
    BudgetList,
    Name,
    NewRoute,
    RouteBody,
    RouteFields,
    RouteList,
    SpendingBody,
    SpendingList,
    TrialBody,
    TrialOrder,
)
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.generation import service
from shared.generation.deployment import DEFAULT, deployment_routes
from shared.generation.model import NANO, Budget, Cooldown, Route
from shared.generation.model import Caller as ModelCaller
from shared.identity.model import Principal
from shared.wiring import app as wired

router = APIRouter(tags=["llm"])
Scope = Literal["tenant", "user"]
Period = Literal["day", "month"]


@router.get("/api/v1/llm/routes")
def list_routes(caller: Caller) -> RouteList:
    """List the tenant's own routes and the deployment's, with those that rest after a failure."""
    caller.require("models:manage")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        routes = service.list_routes(session, deployment_routes(app.settings))
        resting = {each.route: each for each in service.list_cooldowns(session)}
    return RouteList(items=[_body(route, resting.get(route.name)) for route in routes])


@router.put("/api/v1/llm/routes/{name}")
def put_route(caller: Caller, name: Name, body: NewRoute) -> RouteBody:
    """Keep a route of the tenant's own; its key goes into a secret."""
    caller.require("models:manage")
    app = wired()
    secret = service.key_name(app.settings.stage, caller.tenant_id, name)
    with app.database.transaction(caller.tenant_id) as session:
        known = service.find_own_route(session, name)
        route = body.route(name, key_secret=secret)
        if body.api_key is None and not (known is not None and service.may_keep_key(known, route)):
            route = replace(route, key_secret="")
        route = service.keep_route(
            session, route, private_hosts=app.llm_private_hosts, allow=app.egress_allow
        )
        _record(session, caller, "route.kept", name, {"model": route.model})
        if body.api_key is not None:
            app.secrets.keep(secret, body.api_key.get_secret_value())
    return _body(route, None)


@router.delete("/api/v1/llm/routes/{name}", status_code=204)
def remove_route(caller: Caller, name: Text) -> None:
    """Remove a route of the tenant's own, and its key."""
    caller.require("models:manage")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        service.remove_route(session, name)
        _record(session, caller, "route.removed", name, {})
        app.secrets.remove(service.key_name(app.settings.stage, caller.tenant_id, name))


@router.post("/api/v1/llm/trials")
def try_route(caller: Caller, body: TrialOrder) -> TrialBody:
    """Make one short call and tell how it went; it counts against the budgets."""
    caller.require("models:manage")
    asked = ModelCaller(tenant_id=caller.tenant_id, user_id=caller.user_id)
    return TrialBody.of(service.try_route(wired().bridge, asked, body.route))


@router.get("/api/v1/llm/budgets")
def list_budgets(caller: Caller) -> BudgetList:
    """List the tenant's own budgets."""
    caller.require("models:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        found = service.list_budgets(session)
    return BudgetList(items=[BudgetBody.of(budget) for budget in found])


@router.put("/api/v1/llm/budgets/{scope}/{period}")
def put_budget(caller: Caller, scope: Scope, period: Period, body: BudgetFields) -> BudgetBody:
    """Set what everybody together, or each person, may spend in a day or month."""
    caller.require("models:manage")
    cost = None if body.cost_usd is None else round(body.cost_usd * NANO)
    budget = Budget(scope, period, body.tokens, cost, body.when_spent)
    with wired().database.transaction(caller.tenant_id) as session:
        service.keep_budget(session, budget)
        _record(session, caller, "budget.kept", f"{scope}-{period}", body.model_dump())
    return BudgetBody.of(budget)


@router.delete("/api/v1/llm/budgets/{scope}/{period}", status_code=204)
def remove_budget(caller: Caller, scope: Scope, period: Period) -> None:
    """Lift a budget."""
    caller.require("models:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        service.remove_budget(session, scope=scope, period=period)
        _record(session, caller, "budget.removed", f"{scope}-{period}", {})


@router.get("/api/v1/llm/usage")
def list_usage(caller: Caller, days: Annotated[int, Query(ge=1, le=366)] = 30) -> SpendingList:
    """List what was spent by day, person and model."""
    caller.require("models:manage")
    with wired().database.transaction(caller.tenant_id) as session:
        found = service.list_spending(session, days=days)
    return SpendingList(items=[SpendingBody.of(each) for each in found])


def _body(route: Route, cooldown: Cooldown | None) -> RouteBody:
    is_default = route.is_deployments and route.name == DEFAULT
    has_key = bool(route.key_secret) or (
        is_default and bool(wired().settings.llm_api_key.get_secret_value())
    )
    return RouteBody(
        **RouteFields.model_validate(route).model_dump(),
        name=route.name,
        has_key=has_key,
        is_deployments=route.is_deployments,
        rests_until=cooldown.until if cooldown else None,
        problem=cooldown.reason if cooldown else "",
    )


def _record(
    session: Session, caller: Principal, what: str, name: str, details: dict[str, object]
) -> None:
    audit.record(
        session,
        actor_id=caller.user_id,
        action=f"llm_{what}",
        subject=f"llm:{name}",
        details=details,
    )
