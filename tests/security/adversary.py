"""Random operations of many people on one API, watched for words that are not theirs."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field

from shared.identity.model import Principal
from tests.functions.http_events import Answer
from tests.security.gateway import Route, text_of
from tests.security.scene import BODIES, FIXED, Scene, Side

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNTRIED = frozenset(
    {
        "POST /api/v1/tenant/erasure",  # ends the scene
        "POST /api/v1/users/{user_id}/erasure",
        "DELETE /api/v1/users/{user_id}",
        "PUT /api/v1/sign-in-policy",
        "POST /api/v1/tenant/exports",  # needs a queue, and a worker behind it
        "POST /api/v1/users/{user_id}/export",
        "POST /api/v1/webhooks/{endpoint_id}/test",
        "POST /api/v1/webhooks/{endpoint_id}/replay",
    }
)
RARE = frozenset({"POST /api/v1/chat", "POST /api/v1/agents/runs", "POST /api/v1/users"})
"""Routes that cost tens of milliseconds: one in eight of their turns is taken."""
QUESTIONS = ("Wie lautet der Code?", "Wie hoch ist die Miete?", "What is the code?")


@dataclass(frozen=True, slots=True)
class Leak:
    """An answer that told somebody what is not theirs."""

    caller: str
    route: str
    told: str


@dataclass
class Person:
    """Somebody who tries things: a principal, the tenant, and what must not be told to them."""

    principal: Principal
    side: Side
    hidden: set[str] = field(default_factory=set)


@dataclass
class Adversary:
    """Draws callers, routes and values from one seed, and notes every id where it first came up."""

    scene: Scene
    people: list[Person]
    dice: random.Random
    home_of: dict[str, str] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)

    def __post_init__(self) -> None:
        for side in (self.scene.acme, self.scene.globex):
            self.home_of |= dict.fromkeys(side.secrets, side.canary)

    def run(self, operations: int) -> None:
        """Try so many requests."""
        routes = [one for key, one in self.scene.api.by_key.items() if key not in UNTRIED]
        while sum(self.tried.values()) < operations:
            route = self.dice.choice(routes)
            if route.key in RARE and self.dice.random() > 1 / 8:
                continue
            self._try(self.dice.choice(self.people), route)

    def _try(self, person: Person, route: Route) -> None:
        values = self._values(route)
        body = self._body(route)
        query = {"q": self.dice.choice(QUESTIONS)} if self.dice.random() < 0.2 else None
        caller = person.principal if self.dice.random() < 0.95 else None
        answer = self.scene.api.call(
            route.key, caller, values=values, body=body, query=query or None
        )
        self.tried[route.key] += 1
        self.statuses[answer.status] += 1
        if answer.status >= 500 and answer.status != 503:
            self.leaks.append(Leak(person.principal.email, route.key, f"answered {answer.status}"))
        self._listen(person, route, answer, sent={*map(str, values.values()), str(body)})

    def _values(self, route: Route) -> dict[str, str]:
        """Take an id of either tenant for each parameter, or one of nothing."""
        drawn = {}
        for name in route.names:
            if name in FIXED:
                drawn[name] = FIXED[name]
                continue
            side = self.dice.choice((self.scene.acme, self.scene.globex))
            if name in side.things and self.dice.random() < 0.9:
                drawn[name] = side.things[name]
        return drawn

    def _body(self, route: Route) -> object:
        if "question" in str(BODIES.get(route.key)):
            return {"question": self.dice.choice(QUESTIONS)}
        if route.key in {"POST /api/v1/shares", "POST /api/v1/similar"}:
            side = self.dice.choice((self.scene.acme, self.scene.globex))
            return {"document_id": side.things["document_id"]}
        return BODIES.get(route.key)

    def _listen(self, person: Person, route: Route, answer: Answer, sent: set[str]) -> None:
        text = text_of(answer)
        asked = " ".join(sent)
        for secret in person.hidden:
            if secret in text and secret not in asked:
                self.leaks.append(Leak(person.principal.email, route.key, secret))
        for side in (self.scene.acme, self.scene.globex):
            if side is not person.side and side.canary in text:
                self.leaks.append(Leak(person.principal.email, route.key, side.canary))
        for found in set(_ID.findall(text)):
            home = self.home_of.setdefault(found, person.side.canary)
            if home != person.side.canary and found not in asked:
                self.leaks.append(Leak(person.principal.email, route.key, found))
