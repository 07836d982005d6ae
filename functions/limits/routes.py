"""Routes of limits: everything that can run out, in one place."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from functions.edge.http import Insider
from functions.edge.limiting import bucket_of
from shared.generation import service as generation
from shared.generation.deployment import deployment_limits
from shared.generation.service import BudgetStanding
from shared.limits import service as limits
from shared.limits.model import Standing
from shared.wiring import app as wired

router = APIRouter(tags=["limits"])
_NANO = 1_000_000_000


class RequestLimit(BaseModel):
    """A rate limit: ``remaining`` requests at once now; the bucket is full in ``full_in_s``."""

    scope: str
    per_minute: int
    burst: int
    remaining: int
    full_in_s: int


class StorageLimit(BaseModel):
    """What all versions of all documents take, those in the trash included."""

    used_bytes: int


class ModelLimit(BaseModel):
    """A budget for language models; null is no limit. ``scope`` user: yours alone."""

    scope: str
    period: str
    tokens: int | None
    used_tokens: int
    cost_usd: float | None
    used_cost_usd: float
    resets_at: datetime
    when_spent: str
    is_deployments: bool


class LimitsAnswer(BaseModel):
    """What the caller may ask, store and spend. Without an entry there is no limit."""

    plan: str
    requests: list[RequestLimit]
    storage: StorageLimit
    models: list[ModelLimit]


@router.get("/api/v1/limits")
def show_limits(caller: Insider) -> LimitsAnswer:
    """Tell what the caller may do, what was used, and when it begins anew."""
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        budgets = generation.list_standings(
            session, caller.user_id, deployments=deployment_limits(app.settings)
        )
        return LimitsAnswer(
            plan=limits.plan_of(session),
            requests=[_request(each) for each in limits.standings(session, bucket_of(caller))],
            storage=StorageLimit(used_bytes=limits.stored_bytes(session)),
            models=[_model(each) for each in budgets],
        )


def _request(standing: Standing) -> RequestLimit:
    return RequestLimit(
        scope=standing.scope,
        per_minute=standing.per_minute,
        burst=standing.burst,
        remaining=standing.remaining,
        full_in_s=standing.full_in_s,
    )


def _model(standing: BudgetStanding) -> ModelLimit:
    budget = standing.budget
    return ModelLimit(
        scope=budget.scope,
        period=budget.period,
        tokens=budget.tokens,
        used_tokens=standing.spent.tokens,
        cost_usd=None if budget.cost_nanousd is None else budget.cost_nanousd / _NANO,
        used_cost_usd=standing.spent.cost_nanousd / _NANO,
        resets_at=standing.resets_at,
        when_spent=budget.when_spent,
        is_deployments=standing.is_deployments,
    )
