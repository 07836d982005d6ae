"""What generation speaks of: routes to models, budgets, calls and the pieces of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NewType, get_args
from uuid import UUID

from shared.kernel.errors import InvalidError, LimitedError
from shared.kernel.ids import TenantId, UserId

CallId = NewType("CallId", UUID)
Purpose = Literal["chat", "condense", "title", "rerank", "agent", "direct"]
"""What a model is asked for; ``direct`` is a model spoken to as it is, without the library."""
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
Period = Literal["day", "month"]
Scope = Literal["tenant", "user"]
WhenSpent = Literal["extract", "refuse"]
CallState = Literal["done", "stopped", "failed"]
Json = dict[str, object]

NANO: Final = 1_000_000_000
"""Costs are kept in billionths of a US dollar: whole numbers that add up exactly."""
NOBODY: Final = UserId(UUID(int=0))
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MODEL = re.compile(r"[a-z0-9_]+/[^\s\x00-\x1f]{1,190}")
OWN_NAMES: Final = frozenset({"kontor", "default"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way to a model: LiteLLM's name of it, where it answers, what for, and how often.

    Lower tiers are asked first; a tier's load is shared by ``weight``. ``key_secret`` names the
    secret that holds the key. Prices are US dollars per million tokens and win over LiteLLM's
    list; ``context_tokens`` wins over its window. ``is_direct``: users may speak to it themselves.
    """

    name: str
    model: str
    purposes: list[str] = field(default_factory=lambda: list(PURPOSES))
    tier: int = 0
    weight: int = 1
    api_base: str = ""
    key_secret: str = ""
    timeout_s: int = 60
    context_tokens: int | None = None
    price_in_usd: float | None = None
    price_out_usd: float | None = None
    is_direct: bool = False
    is_deployments: bool = False

    @property
    def provider(self) -> str:
        """The part of the model's name that says whose protocol it speaks."""
        return self.model.partition("/")[0]


def check_route(route: Route) -> None:
    """Raise InvalidError when a route's name, model or purposes cannot be."""
    if not _NAME.fullmatch(route.name) or route.name.partition(":")[0] in OWN_NAMES:
        raise InvalidError(
            f"A route cannot be called {route.name!r}.",
            hint="Use small letters, digits, dots, hyphens; not kontor and not default.",
            fields={"name": "a-z, 0-9, . _ - and at most 63"},
        )
    if not _MODEL.fullmatch(route.model):
        raise InvalidError(
            f"{route.model!r} is not a model's name.",
            hint="Write provider/model, such as openai/gpt-4o-mini or ollama_chat/llama3.",
            fields={"model": "provider/model"},
        )
    unknown = sorted(set(route.purposes) - set(PURPOSES))
    if unknown or not route.purposes:
        raise InvalidError(
            f"A route cannot serve {', '.join(unknown) or 'nothing'}.",
            hint=f"Use some of: {', '.join(PURPOSES)}.",
            fields={"purposes": ", ".join(PURPOSES)},
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in a period, in tokens, money or both; ``None`` is no limit."""

    scope: Scope
    period: Period
    tokens: int | None
    cost_nanousd: int | None
    when_spent: WhenSpent = "extract"


class BudgetSpentError(LimitedError):
    """A budget is used up; says when it begins anew."""

    code = "budget-spent"
    title = "The budget for language models is used up"

    def __init__(self, budget: Budget, *, retry_after_s: int) -> None:
        whose = "Your" if budget.scope == "user" else "Your organisation's"
        when = "tomorrow" if budget.period == "day" else "next month"
        super().__init__(
            f"{whose} budget for language models is used up for this {budget.period}.",
            retry_after_s=retry_after_s,
            hint=f"Ask again {when} (UTC), or ask an administrator for more.",
        )
        self.budget = budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """In whose name a model is asked; ``None`` is the system itself."""

    tenant_id: TenantId
    user_id: UserId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked, as OpenAI writes it: messages, a token limit and further options.

    ``route`` asks for one route by name and no other.
    """

    purpose: Purpose
    messages: Sequence[Mapping[str, object]]
    max_tokens: int
    options: Mapping[str, object] = field(default_factory=dict)
    route: str = ""


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Words of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolPiece:
    """Part of a call of the asker's own tools, as OpenAI streams it."""

    calls: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an answer ended, who gave it, and what it took."""

    route: str
    model: str
    finish: str
    tokens_in: int
    tokens_out: int
    cost_nanousd: int = 0
    is_estimated: bool = False


Piece = TextPiece | ToolPiece | Ending


@dataclass(frozen=True, slots=True)
class Spending:
    """What one person spent on one model on one day; ``user_id`` is ``None`` for the system."""

    day: str
    user_id: UserId | None
    model: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost_nanousd: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What counts against a budget so far, open calls included."""

    tokens: int
    cost_nanousd: int


@dataclass(frozen=True, slots=True)
class TakenCall:
    """A reserved call, now in the hands of the function that speaks to the model."""

    user_id: UserId | None
    purpose: Purpose
    reserved_tokens: int


@dataclass(frozen=True, slots=True)
class Busy:
    """How many calls a route is answering right now, in all instances together."""

    route: str
    calls: int


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A route that is left alone until then."""

    route: str
    until: datetime
    reason: str
