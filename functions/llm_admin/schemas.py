"""Bodies of routes, budgets and spending; a key goes in and never comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from functions.edge.bodies import Body
from shared.generation.model import NANO, PURPOSES, Budget, Purpose, Route, Spending
from shared.generation.service import Trial

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", examples=["small"])]


class RouteFields(Body):
    """A way to a model: what it is called, what for, how often, at what price a million tokens."""

    model_config = ConfigDict(from_attributes=True)

    model: str = Field(max_length=200, examples=["openai/gpt-4o-mini"])
    purposes: list[Purpose] = Field(default_factory=lambda: list(PURPOSES))
    tier: int = Field(default=0, ge=0, le=9)
    weight: int = Field(default=1, ge=1, le=1000)
    api_base: str = Field(default="", max_length=500)
    timeout_s: int = Field(default=60, ge=1, le=600)
    context_tokens: int | None = Field(default=None, ge=256, le=100_000_000)
    price_in_usd: float | None = Field(default=None, ge=0, le=10_000)
    price_out_usd: float | None = Field(default=None, ge=0, le=10_000)
    is_direct: bool = False


class NewRoute(RouteFields):
    """A route to keep; without ``api_key`` the key kept before stays."""

    api_key: SecretStr | None = Field(default=None, min_length=1, max_length=4096)

    def route(self, name: str, *, key_secret: str) -> Route:
        """Return the route as generation knows it."""
        fields = self.model_dump(exclude={"api_key"})
        return Route(name=name, key_secret=key_secret, **fields)


class RouteBody(RouteFields):
    """A route; the deployment's serve tenants that have none of their own for a purpose.

    ``rests_until`` and ``problem`` say that it failed and is left alone for now.
    """

    name: str
    has_key: bool
    is_deployments: bool
    rests_until: datetime | None = None
    problem: str = ""


class RouteList(BaseModel):
    """Routes in the order of their tiers."""

    items: list[RouteBody]


class BudgetFields(Body):
    """How much, and what happens when it is used up: ``tokens``, ``cost_usd`` or both."""

    tokens: int | None = Field(default=None, ge=0, le=10**15)
    cost_usd: float | None = Field(default=None, ge=0, le=10**7)
    when_spent: Literal["extract", "refuse"] = "extract"


class BudgetBody(BudgetFields):
    """A budget of the whole tenant or of each person, for a day or a month."""

    scope: Literal["tenant", "user"]
    period: Literal["day", "month"]

    @classmethod
    def of(cls, budget: Budget) -> BudgetBody:
        """Return a budget as JSON has it."""
        cost = budget.cost_nanousd
        return cls(
            scope=budget.scope,
            period=budget.period,
            tokens=budget.tokens,
            cost_usd=None if cost is None else cost / NANO,
            when_spent=budget.when_spent,
        )


class BudgetList(BaseModel):
    """All budgets."""

    items: list[BudgetBody]


class SpendingBody(BaseModel):
    """What one person spent on one model on one day; without a person: the system."""

    day: str
    user_id: UUID | None
    model: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost_usd: float

    @classmethod
    def of(cls, spent: Spending) -> SpendingBody:
        """Return spending as JSON has it."""
        return cls(
            day=spent.day,
            user_id=spent.user_id,
            model=spent.model,
            calls=spent.calls,
            failed=spent.failed,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            cost_usd=spent.cost_nanousd / NANO,
        )


class SpendingList(BaseModel):
    """Spending, the newest day first."""

    items: list[SpendingBody]


class TrialOrder(Body):
    """Which route to try; the best for chat if none is named."""

    route: str = Field(default="", max_length=63)


class TrialBody(BaseModel):
    """What a test call found."""

    route: str
    model: str
    text: str
    first_word_ms: int
    duration_ms: int
    tokens_in: int
    tokens_out: int
    cost_usd: float

    @classmethod
    def of(cls, trial: Trial) -> TrialBody:
        """Return a trial as JSON has it."""
        return cls(
            route=trial.route,
            model=trial.model,
            text=trial.text,
            first_word_ms=trial.first_word_ms,
            duration_ms=trial.duration_ms,
            tokens_in=trial.tokens_in,
            tokens_out=trial.tokens_out,
            cost_usd=trial.cost_nanousd / NANO,
        )
