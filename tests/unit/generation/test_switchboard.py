"""Calls through the bridge to real servers: balancing, fallback, cooldown, and what is settled."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import pytest

from shared.adapters.database import Database
from shared.generation.model import Caller, CallId, Request, Route, TextPiece
from shared.generation.routing import in_order
from shared.inference.model import Message
from shared.kernel.errors import (
    InvalidError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from shared.kernel.ids import TenantId, new_id
from tests.unit.generation.conftest import QUESTION, Exchange
from tests.unit.generation.model_server import TOKENS_IN, TOKENS_OUT, WORDS, model_server

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
ANSWER = "".join(WORDS)


def test_without_a_route_there_is_no_model(exchange: Exchange) -> None:
    assert exchange.bridge().open(exchange.caller) is None
    with pytest.raises(UnavailableError, match="No language model is configured"):
        exchange.ask()


def test_a_routes_model_answers_and_the_call_is_settled(exchange: Exchange) -> None:
    with model_server() as server:
        exchange.keys["the-secret"] = "sk-tenant"
        exchange.route("small", server.address, key_secret="the-secret")
        model = exchange.bridge().open(exchange.caller)
        assert model is not None
        heard = list(model.stream([Message("user", "Frist?")], max_tokens=50, temperature=0.0))
    assert heard == WORDS
    assert model.name == "openai/small"
    assert server.keys == ["Bearer sk-tenant"]
    assert exchange.calls() == [("done", "small", TOKENS_IN, TOKENS_OUT, "")]
    (spent,) = exchange.rows(
        "SELECT user_id, model, calls, failed, tokens_in, tokens_out FROM kontor.llm_spending"
    )
    assert spent == (exchange.caller.user_id, "openai/small", 1, 0, TOKENS_IN, TOKENS_OUT)


def test_purposes_have_routes_of_their_own(exchange: Exchange) -> None:
    with model_server() as server:
        exchange.route("titles", server.address, purposes=["title"])
        bridge = exchange.bridge()
        assert bridge.open(exchange.caller, "chat") is None
        assert bridge.open(exchange.caller, "title") is not None


def test_the_deployments_routes_serve_until_a_tenant_has_its_own(exchange: Exchange) -> None:
    with model_server() as theirs, model_server() as own:
        exchange.deployments.append(
            Route(name="default", model="openai/d", api_base=theirs.address, is_deployments=True)
        )
        assert exchange.ask() == ANSWER
        assert theirs.keys == ["Bearer sk-default"]
        exchange.route("mine", own.address)
        assert exchange.ask() == ANSWER
        assert (len(theirs.requests), len(own.requests)) == (1, 1)


@pytest.mark.parametrize("mood", ["500", "429 60", "401", "404", "garbage", "silent"])
def test_a_failing_route_gives_way_and_is_left_alone_by_everybody(
    exchange: Exchange, mood: str
) -> None:
    with model_server(mood) as bad, model_server() as good:
        exchange.route("bad", bad.address, tier=0)
        exchange.route("good", good.address, tier=1)
        for _ in range(3):
            assert exchange.ask() == ANSWER
        assert (len(bad.requests), len(good.requests)) == (1, 3)
    assert [row[1] for row in exchange.calls()] == ["good"] * 3
    ((name,),) = exchange.rows("SELECT route FROM kontor.llm_cooldowns WHERE until > now()")
    assert name == "bad"


def test_a_key_that_was_rejected_is_read_anew(exchange: Exchange) -> None:
    exchange.keys = {"old": "sk-old", "away": "sk-away", "right": "sk-right"}
    with model_server("401") as bad, model_server("500") as away, model_server() as good:
        exchange.route("bad", bad.address, tier=0, key_secret="old")
        exchange.route("away", away.address, tier=1, key_secret="away")
        exchange.route("good", good.address, tier=2, key_secret="right")
        assert exchange.ask() == ANSWER
    assert exchange.forgotten == ["old"]


def test_a_slow_route_leaves_time_for_the_next(exchange: Exchange) -> None:
    with model_server("stall") as slow, model_server() as good:
        exchange.route("slow", slow.address, timeout_s=1)
        exchange.route("good", good.address, tier=1)
        assert exchange.ask() == ANSWER
        slow.release.set()


def test_all_routes_together_have_the_time_for_a_first_word(exchange: Exchange) -> None:
    exchange.first_word_s = 0.3
    with model_server("stall") as slow, model_server() as never:
        exchange.route("slow", slow.address)
        exchange.route("never", never.address, tier=1)
        with pytest.raises(UnavailableError, match="did not answer within"):
            exchange.ask()
        assert not never.requests
    assert exchange.calls()[0][0] == "failed"


def test_the_only_route_is_asked_twice_after_a_hiccup(exchange: Exchange) -> None:
    with model_server("500", "ok") as server:
        exchange.route("only", server.address)
        assert exchange.ask() == ANSWER
        assert len(server.requests) == 2


def test_when_every_route_rests_nobody_is_asked(exchange: Exchange) -> None:
    with model_server("500") as server:
        exchange.route("only", server.address)
        with pytest.raises(UnavailableError, match="away or broken"):
            exchange.ask()
        with pytest.raises(UnavailableError, match="left alone"):
            exchange.ask()
        assert len(server.requests) == 2
    assert [row[0] for row in exchange.calls()] == ["failed", "failed"]


def test_after_the_first_words_there_is_no_second_route(exchange: Exchange) -> None:
    heard: list[str] = []
    with model_server("dies") as dying, model_server() as good:
        exchange.route("dying", dying.address)
        exchange.route("good", good.address, tier=1)
        with pytest.raises(UnavailableError):
            heard.extend(p.text for p in exchange.pieces() if isinstance(p, TextPiece))
        assert heard == WORDS[:2]
        assert not good.requests
    ((state, route, tokens_in, tokens_out, _),) = exchange.calls()
    assert (state, route) == ("failed", "dying")
    assert int(str(tokens_in)) > 0
    assert int(str(tokens_out)) > 0


def test_what_is_declined_is_not_asked_elsewhere(exchange: Exchange) -> None:
    with model_server("filtered") as strict, model_server() as other:
        exchange.route("strict", strict.address)
        exchange.route("other", other.address, tier=1)
        with pytest.raises(RefusedError, match="declined"):
            exchange.ask()
        assert not other.requests


def test_a_reader_who_leaves_ends_the_request_and_pays_for_what_was_said(
    exchange: Exchange,
) -> None:
    with model_server("endless") as server:
        exchange.route("small", server.address)
        pieces = exchange.pieces()
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
        assert server.hung_up.wait(10)
    ((state, route, tokens_in, tokens_out, problem),) = exchange.calls()
    assert (state, route, problem) == ("stopped", "small", "the reader left")
    assert int(str(tokens_in)) > 0
    assert int(str(tokens_out)) > 0


def test_a_call_that_nobody_reserved_is_refused(exchange: Exchange, other_tenant: TenantId) -> None:
    with model_server() as server:
        exchange.route("small", server.address)
        line = exchange.bridge().open_line()
        request = Request(purpose="chat", messages=QUESTION, max_tokens=5)
        with pytest.raises(RefusedError, match="not reserved"):
            list(line(exchange.caller.tenant_id, CallId(new_id()), request))
        list(exchange.pieces())
        ((call_id,),) = exchange.rows("SELECT id FROM kontor.llm_calls")
        for tenant in (exchange.caller.tenant_id, other_tenant):
            with pytest.raises(RefusedError, match="not reserved"):
                list(line(tenant, CallId(call_id), request))  # type: ignore[arg-type]
        assert len(server.requests) == 1


def test_a_route_asked_by_name_is_the_only_one(exchange: Exchange) -> None:
    with model_server() as one, model_server() as two:
        exchange.route("one", one.address)
        exchange.route("two", two.address, tier=5)
        list(exchange.pieces(route="two"))
        assert (len(one.requests), len(two.requests)) == (0, 1)
        with pytest.raises(NotFoundError, match="three"):
            list(exchange.pieces(route="three"))


def test_a_tenants_route_never_leads_inside(exchange: Exchange) -> None:
    exchange.route("inside", "http://169.254.169.254/v1")
    with pytest.raises(InvalidError, match="cannot be reached"):
        exchange.ask()


def test_nobody_sees_another_tenants_routes(exchange: Exchange, other_tenant: TenantId) -> None:
    with model_server() as server:
        exchange.route("small", server.address)
    assert exchange.bridge().open(Caller(tenant_id=other_tenant)) is None


def test_idle_routes_share_by_weight_and_busy_ones_get_less() -> None:
    routes = [Route(name="a", model="openai/a", weight=3), Route(name="b", model="openai/b")]
    chance = Random(5)

    def firsts(busy: dict[str, int]) -> Counter[str]:
        drawn = (
            next(in_order(routes, busy=busy, resting=set(), chance=chance)) for _ in range(1000)
        )
        return Counter(route.name for route in drawn)

    assert 700 < firsts({})["a"] < 800
    assert firsts({"a": 9})["a"] < 60
    (only,) = in_order(routes, busy={}, resting={"a"}, chance=chance)
    assert only.name == "b"


def test_a_burst_is_spread_over_the_routes_of_a_tier(exchange: Exchange, database_url: str) -> None:
    """Twelve at once, each as another instance of the function would ask, all kept waiting."""
    with ExitStack() as stack:
        servers = [stack.enter_context(model_server("endless")) for _ in range(2)]
        for number, server in enumerate(servers):
            exchange.route(f"r{number}", server.address)
        enough = threading.Barrier(13, timeout=60)

        def one(_number: int) -> None:
            own = Database(database_url)
            request = Request(purpose="chat", messages=QUESTION, max_tokens=5)
            pieces = exchange.bridge(own).answer(exchange.caller, request)
            next(pieces)
            enough.wait()
            pieces.close()  # type: ignore[attr-defined]
            own.close()

        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(one, number) for number in range(12)]
            enough.wait()
            counts = [len(server.requests) for server in servers]
            for each in asked:
                each.result(60)
    assert sum(counts) == 12
    assert min(counts) >= 3
