"""The way to language models for everybody else: reserves, calls, and settles what broke off.

LiteLLM and the embedding model do not fit into one Lambda function, so those who answer reach the
function that carries it by its URL. Without one, in tests and tools, the switchboard answers in
this process; both are a ``Line``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shared.adapters.database import Database
from shared.adapters.function_urls import FunctionUrl
from shared.generation import store
from shared.generation.language_models import LanguageModel
from shared.generation.model import (
    Budget,
    Caller,
    CallId,
    Ending,
    Piece,
    Purpose,
    Request,
    Route,
    TextPiece,
)
from shared.generation.reservations import Outcome, reserve, settle
from shared.generation.routing import routes_for
from shared.generation.window import count_roughly, estimate_tokens
from shared.generation.wire import pack_request, read_piece
from shared.inference.model import Message
from shared.kernel.errors import InvalidError, KontorError, UnavailableError
from shared.kernel.ids import TenantId

Line = Callable[[TenantId, CallId, Request], Iterator[Piece]]


def remote_line(url: FunctionUrl) -> Line:
    """Return a line to the function that carries LiteLLM."""

    def speak(tenant_id: TenantId, call_id: CallId, request: Request) -> Iterator[Piece]:
        lines = url.lines(pack_request(tenant_id, call_id, request))
        has_ended = False
        try:
            for line in lines:
                piece = read_piece(line)
                has_ended = isinstance(piece, Ending)
                yield piece
        finally:
            lines.close()  # type: ignore[attr-defined]
        if not has_ended:
            raise UnavailableError("The language model broke off.", hint="Ask again.")

    return speak


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """Opens models for people and answers requests in their name."""

    database: Database
    routes: Sequence[Route]
    limits: Sequence[Budget]
    open_line: Callable[[], Line]

    def open(self, caller: Caller, purpose: Purpose = "chat") -> LanguageModel | None:
        """Return the model that serves a purpose; ``None`` when no route does."""
        with self.database.transaction(caller.tenant_id) as session:
            routes = routes_for(purpose, store.list_routes(session), self.routes)
        if not routes:
            return None
        return RoutedModel(self, caller, purpose, min(routes, key=lambda route: route.tier).model)

    def direct_routes(self, caller: Caller) -> list[Route]:
        """List the routes that people may speak to themselves, the tenant's own first."""
        with self.database.transaction(caller.tenant_id) as session:
            routes = [*store.list_routes(session), *self.routes]
        return [route for route in routes if route.is_direct and "direct" in route.purposes]

    def answer(self, caller: Caller, request: Request) -> Iterator[Piece]:
        """Reserve, ask, and yield the answer's pieces, an ``Ending`` last.

        Raises BudgetSpentError, NotFoundError for a route that is not there, UnavailableError and
        the other errors of ``LanguageModel.stream``.
        """
        if not request.messages:
            raise InvalidError("There is nothing to ask the language model.")
        with self.database.transaction(caller.tenant_id) as session:
            routes = routes_for(
                request.purpose, store.list_routes(session), self.routes, name=request.route
            )
            if not routes:
                raise UnavailableError(
                    "No language model is configured for this.",
                    hint="Add one with `kontor llm routes set`, or set LLM_MODEL.",
                )
            call_id = reserve(session, caller, request, routes=routes, limits=self.limits)
        chars = 0
        pieces = self.open_line()(caller.tenant_id, call_id, request)
        try:
            for piece in pieces:
                chars += len(piece.text) if isinstance(piece, TextPiece) else 0
                yield piece
        except KontorError as error:
            self._settle(caller, call_id, request, chars=chars, problem=error.detail)
            raise
        finally:
            pieces.close()  # type: ignore[attr-defined]

    def _settle(
        self, caller: Caller, call_id: CallId, request: Request, *, chars: int, problem: str
    ) -> None:
        """Settle a call that failed, unless the switchboard has: its function may have died."""
        ending = Ending(
            route="",
            model="unknown" if chars else "",
            finish="failed",
            tokens_in=count_roughly(request.messages) if chars else 0,
            tokens_out=estimate_tokens("x" * chars),
            is_estimated=True,
        )
        with self.database.transaction(caller.tenant_id) as session:
            settle(
                session,
                call_id,
                Outcome(ending, "failed", 0, problem=problem),
                user_id=caller.user_id,
            )


class RoutedModel:
    """A ``LanguageModel`` whose every call takes the route that is best just then."""

    def __init__(self, bridge: Bridge, caller: Caller, purpose: Purpose, name: str) -> None:
        self._bridge = bridge
        self._caller = caller
        self._purpose = purpose
        self._name = name

    @property
    def name(self) -> str:
        """The model that answered last; before the first answer, the one asked first."""
        return self._name

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        """Yield the answer's text in pieces; see ``LanguageModel``."""
        request = Request(
            purpose=self._purpose,
            messages=[{"role": m.role, "content": m.content} for m in messages],
            max_tokens=max_tokens,
            options={"temperature": temperature},
        )
        for piece in self._bridge.answer(self._caller, request):
            if isinstance(piece, TextPiece):
                yield piece.text
            elif isinstance(piece, Ending):
                self._name = piece.model
