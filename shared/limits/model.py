"""What requests cost, how a caller stands, and what became of a request with a key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from shared.kernel.errors import LimitedError

Scope = Literal["user", "key", "link", "tenant", "address"]
RequestState = Literal["INPROGRESS", "COMPLETED"]

COSTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        # Whoever asks keeps a model busy for seconds; whoever reads costs milliseconds.
        "POST /": 5,
        "POST /api/v1/chat": 5,
        "POST /v1/chat/completions": 5,
        "ask": 5,
        "POST /v1/embeddings": 3,
        "POST /api/v1/search": 2,
        "POST /api/v1/similar": 2,
        "POST /api/v1/searches/{search_id}/run": 2,
        "POST /api/v1/agents/runs": 10,
        "POST /agents/runs": 10,
        "POST /api/v1/agents/runs/{run_id}/continue": 10,
        "POST /api/v1/evaluation/retrieval": 20,
        "POST /api/v1/evaluation/fit": 20,
        "POST /api/v1/llm/trials": 5,
        "POST /auth/login": 2,
    }
)
"""Tokens by route key; what is not named costs one."""
FREE: Final = frozenset(
    {"GET /health", "GET /health/detailed", "GET /.well-known/jwks.json", "$disconnect"}
)
"""Routes that cost nothing: probes and verifiers must get through when nobody else does, and what
tells that the database is away cannot ask it first."""
WINDOW_S: Final = 60


def cost_of(route_key: str) -> int:
    """Return how many tokens a request of this route takes."""
    return 0 if route_key in FREE else COSTS.get(route_key, 1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose bucket is charged; ``tenant_id`` is ``None`` for an address."""

    scope: Scope
    name: str
    tenant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The limit that refused a request, or the tightest that allowed it."""

    scope: Scope
    per_minute: int
    burst: int
    tokens: float
    is_allowed: bool

    @property
    def remaining(self) -> int:
        """Return how many tokens may be taken at once now."""
        return max(0, math.floor(self.tokens + 1e-9))

    @property
    def full_in_s(self) -> int:
        """Return after how many seconds without requests the bucket is full."""
        return max(0, math.ceil((self.burst - self.tokens) * WINDOW_S / self.per_minute))

    def wait_s(self, cost: int) -> int:
        """Return after how many seconds the bucket holds what a request costs; at least one."""
        missing = min(cost, self.burst) - self.tokens
        return max(1, math.ceil(missing * WINDOW_S / self.per_minute))


class TooManyRequestsError(LimitedError):
    """The caller, its tenant or its address asks too fast."""

    def __init__(self, standing: Standing, cost: int) -> None:
        who = {
            "tenant": "Your organisation sends",
            "address": "Your network address sends",
            "key": "This key sends",
            "link": "This link is used by",
            "user": "You send",
        }[standing.scope]
        wait_s = standing.wait_s(cost)
        super().__init__(
            f"{who} more requests than {standing.per_minute} a minute.",
            retry_after_s=wait_s,
            hint=f"Try again in {wait_s} s; GET /api/v1/limits tells what is left.",
        )
        self.standing = standing


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request with a key that somebody has begun or finished."""

    state: RequestState
    request_hash: str
    answer: str
    taken_until: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """That a request is now this caller's to carry out."""

    id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A tenant's plan, by name."""

    plan: str


@dataclass(frozen=True, slots=True)
class Stored:
    """How much a tenant keeps."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many full buckets were thrown away."""

    buckets: int
