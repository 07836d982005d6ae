from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

import pytest

from shared.adapters.database import Database
from shared.generation import store
from shared.generation.bridge import Bridge
from shared.generation.model import Budget, Caller, Piece, Request, Route, TextPiece
from shared.generation.switchboard import Switchboard
from shared.kernel.ids import TenantId, UserId, new_id

QUESTION = ({"role": "user", "content": "Welche Frist gilt?"},)
LOCAL = frozenset({"127.0.0.1"})


class Exchange:
    """A bridge and its switchboard over one database, as one tenant's person uses them."""

    def __init__(self, database: Database, tenant: TenantId) -> None:
        self.database = database
        self.caller = Caller(tenant_id=tenant, user_id=UserId(new_id()))
        self.keys: dict[str, str] = {}
        self.forgotten: list[str] = []
        self.deployments: list[Route] = []
        self.limits: list[Budget] = []
        self.first_word_s = 10.0
        self._seeds = count(7)

    def bridge(self, database: Database | None = None) -> Bridge:
        board = Switchboard(
            database=database or self.database,
            routes=self.deployments,
            read_secret=self.keys.__getitem__,
            forget_secret=self.forgotten.append,
            default_key="sk-default",
            first_word_s=self.first_word_s,
            private_hosts=LOCAL,
            chance=Random(next(self._seeds)),
        )
        return Bridge(
            database=database or self.database,
            routes=self.deployments,
            limits=self.limits,
            open_line=lambda: board.answer,
        )

    def route(self, name: str, address: str, **fields: object) -> None:
        """Give the tenant a route of its own."""
        made = Route(name=name, model=f"openai/{name}", api_base=address, **fields)  # type: ignore[arg-type]
        with self.database.transaction(self.caller.tenant_id) as session:
            store.record_route(session, made)

    def budget(self, budget: Budget) -> None:
        with self.database.transaction(self.caller.tenant_id) as session:
            store.record_budget(session, budget)

    def pieces(
        self,
        *,
        messages: Sequence[dict[str, str]] = QUESTION,
        max_tokens: int = 50,
        route: str = "",
    ) -> Iterator[Piece]:
        request = Request(
            purpose="direct" if route else "chat",
            messages=messages,
            max_tokens=max_tokens,
            route=route,
        )
        return self.bridge().answer(self.caller, request)

    def ask(self) -> str:
        return "".join(piece.text for piece in self.pieces() if isinstance(piece, TextPiece))

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with self.database.transaction(self.caller.tenant_id) as session:
            return session.connection.execute(statement.encode()).fetchall()

    def calls(self) -> list[tuple[object, ...]]:
        return self.rows(
            "SELECT state, route, tokens_in, tokens_out, problem FROM kontor.llm_calls ORDER BY id"
        )


@pytest.fixture
def exchange(database: Database, tenant: TenantId) -> Exchange:
    return Exchange(database, tenant)
