"""Answers reserved calls: picks a route, speaks to its model, takes the next when that fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import uuid4

from shared.adapters.allowing import EVERYBODY, AllowList
from shared.adapters.database import Database
from shared.generation import store
from shared.generation.addresses import check_address
from shared.generation.deployment import DEFAULT
from shared.generation.model import (
    CallId,
    CallState,
    Ending,
    Piece,
    Request,
    Route,
    TakenCall,
    TextPiece,
)
from shared.generation.providers import COOL_S, Providers, RouteFailedError
from shared.generation.reservations import Outcome, settle
from shared.generation.routing import in_order, routes_for
from shared.generation.window import count_roughly, estimate_tokens
from shared.kernel.errors import KontorError, RefusedError, UnavailableError
from shared.kernel.ids import TenantId

logger = logging.getLogger(__name__)
_SHORTEST_WAIT_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """Everything needed to answer calls; ``read_secret`` and ``default_key`` give the keys.

    ``first_word_s`` is how long a caller waits for the first word, over all routes together.
    """

    database: Database
    routes: Sequence[Route]
    read_secret: Callable[[str], str]
    default_key: str = field(repr=False)
    first_word_s: float
    private_hosts: frozenset[str]
    allow: AllowList = EVERYBODY
    forget_secret: Callable[[str], None] | None = None
    providers: Providers = field(default_factory=Providers)
    chance: Random = field(default_factory=lambda: Random(uuid4().int))  # noqa: S311 - spreads load

    def answer(self, tenant_id: TenantId, call_id: CallId, request: Request) -> Iterator[Piece]:
        """Answer a reserved call, an ``Ending`` last; settles it however it ends.

        Raises RefusedError for a call that was not reserved; else what the last route's failure
        was, UnavailableError when none was left to ask.
        """
        taken, candidates = self._take(tenant_id, call_id, request)
        if candidates:
            self.providers.prepare()  # seconds, once: not part of what a first word may take
        call = _Call(self, tenant_id, call_id, request, taken, began=time.monotonic())
        yield from call.run(candidates)

    def _take(
        self, tenant_id: TenantId, call_id: CallId, request: Request
    ) -> tuple[TakenCall, list[Route]]:
        with self.database.transaction(tenant_id) as session:
            # One after another: each sees which routes those before it have taken.
            store.lock_calls(session)
            taken = store.change_call_to_taken(session, call_id)
            if taken is None or taken.purpose != request.purpose:
                raise RefusedError("This call to a language model was not reserved.")
            routes = routes_for(
                request.purpose, store.list_routes(session), self.routes, name=request.route
            )
            busy = {each.route: each.calls for each in store.list_busy(session)}
            resting = {each.route for each in store.list_cooldowns(session)}
            ordered = list(in_order(routes, busy=busy, resting=resting, chance=self.chance))
            if ordered:
                store.change_call_route(session, call_id, ordered[0].name)
        return taken, ordered

    def key_of(self, route: Route) -> str:
        """Return a route's key."""
        if route.is_deployments and route.name == DEFAULT:
            return self.default_key
        return self.read_secret(route.key_secret) if route.key_secret else ""


class _Call:
    """One call on its way through the routes."""

    def __init__(
        self,
        board: Switchboard,
        tenant_id: TenantId,
        call_id: CallId,
        request: Request,
        taken: TakenCall,
        *,
        began: float,
    ) -> None:
        self._board = board
        self._tenant_id = tenant_id
        self._call_id = call_id
        self._request = request
        self._taken = taken
        self._began = began
        self._first_word_ms: int | None = None
        self._chars = 0
        self._route: Route | None = None

    def run(self, candidates: list[Route]) -> Iterator[Piece]:
        """Ask one route after the other until one has spoken; then it has the word to the end."""
        try:
            ending: Ending | None = None
            for piece in self._attempts(candidates):
                self._note(piece)
                if isinstance(piece, Ending):
                    ending = piece
                    self._settle(Outcome(piece, "done", self._ms(), self._first_word_ms))
                yield piece
            assert ending is not None, "providers end every answer with an Ending"
        except GeneratorExit:
            self._settle_early("stopped", "the reader left")
            raise
        except KontorError as error:
            self._settle_early("failed", error.detail)
            raise
        except Exception:
            self._settle_early("failed", "an error of our own")
            raise

    def _attempts(self, candidates: list[Route]) -> Iterator[Piece]:
        last: KontorError | None = None
        for number, route in enumerate(candidates):
            is_only_one = len(candidates) == 1
            for attempt in range(1 + is_only_one):
                wait_s = self._board.first_word_s - (time.monotonic() - self._began)
                if wait_s < _SHORTEST_WAIT_S:
                    raise last or _nobody()
                try:
                    yield from self._ask(route, wait_s, is_first=number + attempt == 0)
                except RouteFailedError as failure:
                    last = self._judge(route, failure, has_more=number + 1 < len(candidates))
                    if not (is_only_one and failure.is_hiccup and attempt == 0):
                        break
                else:
                    return
        raise last or _nobody()

    def _ask(self, route: Route, wait_s: float, *, is_first: bool) -> Iterator[Piece]:
        self._route = route
        if not is_first:
            with self._board.database.transaction(self._tenant_id) as session:
                store.change_call_route(session, self._call_id, route.name)
        try:
            if not route.is_deployments:
                check_address(
                    route.api_base,
                    private_hosts=self._board.private_hosts,
                    allow=self._board.allow,
                )
            key = self._board.key_of(route)
        except KontorError as error:
            raise RouteFailedError(error, cool_s=COOL_S, is_final=False) from error
        yield from self._board.providers.stream(
            route,
            self._request,
            key=key,
            first_word_s=wait_s,
            private_hosts=self._board.private_hosts,
            allow=self._board.allow,
        )

    def _judge(self, route: Route, failure: RouteFailedError, *, has_more: bool) -> KontorError:
        """Note a failure; raises it when words were said or when nobody would do better."""
        logger.warning(
            "language model failed",
            extra={"route": route.name, "reason": failure.error.detail, "has_more": has_more},
        )
        if failure.cool_s:
            with self._board.database.transaction(self._tenant_id) as session:
                store.record_cooldown(
                    session, route.name, seconds=failure.cool_s, reason=failure.error.detail
                )
        forget = self._board.forget_secret
        if forget is not None and route.key_secret and isinstance(failure.error, RefusedError):
            forget(route.key_secret)  # perhaps it was changed a moment ago: read it anew next time
        if self._chars or failure.is_final:
            raise failure.error from failure
        return failure.error

    def _note(self, piece: Piece) -> None:
        if isinstance(piece, Ending):
            return
        if self._first_word_ms is None:
            self._first_word_ms = self._ms()
        self._chars += len(piece.text if isinstance(piece, TextPiece) else str(piece.calls))

    def _settle_early(self, state: CallState, problem: str) -> None:
        """Settle a call without a proper end: nobody said what it took, so it is estimated."""
        route, tokens_in, tokens_out = self._route, 0, 0
        if route is not None and self._chars:
            tokens_in = count_roughly(self._request.messages)
            tokens_out = estimate_tokens("x" * self._chars)
        ending = Ending(
            route=route.name if route else "",
            model=route.model if route else "",
            finish=state,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_nanousd=(
                self._board.providers.cost_nanousd(route, tokens_in, tokens_out)
                if route is not None and self._chars
                else 0
            ),
            is_estimated=True,
        )
        self._settle(Outcome(ending, state, self._ms(), self._first_word_ms, problem))

    def _settle(self, outcome: Outcome) -> None:
        with self._board.database.transaction(self._tenant_id) as session:
            settle(session, self._call_id, outcome, user_id=self._taken.user_id)

    def _ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


def _nobody() -> UnavailableError:
    return UnavailableError(
        "Every language model has failed a moment ago and is left alone for now.",
        hint="Ask again in half a minute; `kontor llm routes list` shows why.",
    )
