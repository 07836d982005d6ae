"""Token buckets: exact under concurrency, refilled by time, per caller and per tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from shared.adapters.database import Database
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.ids import TenantId
from shared.limits import service as limits
from shared.limits.model import Caller, Standing, TooManyRequestsError, cost_of

READ = "GET /api/v1/documents"
ASK = "POST /api/v1/chat"
Figures = Callable[[str, int, int], None]


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def figures(owner: psycopg.Connection) -> Iterator[Figures]:
    """Changes a figure of the plan free, and puts it back: figures are the template's own rows."""
    before = owner.execute(
        "SELECT scope, per_minute, burst FROM kontor.rate_limits WHERE plan = 'free'"
    ).fetchall()

    def change(scope: str, per_minute: int, burst: int) -> None:
        owner.execute(
            "UPDATE kontor.rate_limits SET per_minute = %s, burst = %s"
            " WHERE plan = 'free' AND scope = %s",
            (per_minute, burst, scope),
        )

    yield change
    for scope, per_minute, burst in before:
        change(scope, per_minute, burst)


def person(tenant: TenantId) -> Caller:
    return Caller("user", str(uuid4()), tenant)


def test_a_new_caller_has_a_hundred_and_each_request_takes_one(
    database: Database, tenant: TenantId
) -> None:
    caller = person(tenant)
    first = limits.charge(database, caller, READ)
    second = limits.charge(database, caller, READ)
    assert first is not None
    assert second is not None
    assert (first.scope, first.per_minute, first.remaining) == ("user", 100, 99)
    assert (second.remaining, second.full_in_s) == (98, 2)


def test_eight_hundred_at_once_get_exactly_what_the_bucket_holds(
    database_url: str, tenant: TenantId, figures: Figures
) -> None:
    figures("user", 1, 60)
    caller = person(tenant)

    def ask(count: int) -> int:
        database, allowed = Database(database_url), 0
        for _ in range(count):
            try:
                limits.charge(database, caller, READ)
                allowed += 1
            except TooManyRequestsError:
                continue
        database.close()
        return allowed

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask, [50] * 16)) == 60


def test_too_much_is_refused_with_the_time_to_wait(
    database: Database, tenant: TenantId, figures: Figures
) -> None:
    figures("user", 30, 6)
    caller = person(tenant)
    limits.charge(database, caller, ASK)
    with pytest.raises(TooManyRequestsError) as refused:
        limits.charge(database, caller, ASK)
    assert 7 <= refused.value.retry_after_s <= 8  # four tokens short, one every two seconds
    assert "You send more requests than 30 a minute" in refused.value.detail
    assert limits.charge(database, caller, READ) is not None, "what was refused took nothing"


def test_buckets_fill_up_again_and_never_over(
    database: Database, tenant: TenantId, figures: Figures, owner: psycopg.Connection
) -> None:
    figures("user", 60, 3)
    caller = person(tenant)
    for _ in range(3):
        limits.charge(database, caller, READ)
    with pytest.raises(TooManyRequestsError):
        limits.charge(database, caller, READ)
    _let_pass(owner, 2)
    assert _remaining(limits.charge(database, caller, READ)) == 1
    _let_pass(owner, 1000)
    assert _remaining(limits.charge(database, caller, READ)) == 2


def test_a_clock_set_back_gives_nothing_away(
    database: Database, tenant: TenantId, owner: psycopg.Connection
) -> None:
    caller = person(tenant)
    limits.charge(database, caller, READ)
    _let_pass(owner, -3600)
    assert _remaining(limits.charge(database, caller, READ)) == 98


def test_a_tenant_is_limited_over_all_its_people(
    database: Database, tenant: TenantId, other_tenant: TenantId, figures: Figures
) -> None:
    figures("tenant", 1, 4)
    for _ in range(2):
        one = person(tenant)
        limits.charge(database, one, READ)
        standing = limits.charge(database, one, READ)
    assert standing is not None
    assert (standing.scope, standing.remaining) == ("tenant", 0)
    late = person(tenant)
    with pytest.raises(TooManyRequestsError, match="Your organisation"):
        limits.charge(database, late, READ)
    with database.transaction(tenant) as session:
        own, whole = limits.standings(session, late)
    assert (own.remaining, whole.remaining) == (100, 0), "the person got their token back"
    assert limits.charge(database, person(other_tenant), READ) is not None


def test_plans_are_data_and_the_operators_own_has_no_limit(
    database: Database, tenant: TenantId, owner_url: str
) -> None:
    caller = person(tenant)
    owners = Database(owner_url)
    for plan, per_minute in (("team", 600), ("enterprise", 3000)):
        with owners.transaction(tenant) as session:
            limits.choose_plan(session, plan)
        limits.charge(database, caller, READ)
        with database.transaction(tenant) as session:
            assert limits.standings(session, caller)[0].per_minute == per_minute
    with owners.transaction(tenant) as session:
        limits.choose_plan(session, "own")
    assert limits.charge(database, caller, READ) is None
    with database.transaction(tenant) as session:
        assert limits.plan_of(session) == "own"
    for unknown in ("gold", "public"):
        with pytest.raises(InvalidError), owners.transaction(tenant) as session:
            limits.choose_plan(session, unknown)
    owners.close()


def test_keys_links_and_people_have_buckets_of_their_own(
    database: Database, tenant: TenantId
) -> None:
    name = str(uuid4())
    for scope in ("user", "key", "link"):
        standing = limits.charge(database, Caller(scope, name, tenant), READ)  # type: ignore[arg-type]
        assert standing is not None
        assert (standing.scope, standing.burst - standing.remaining) == (scope, 1)


def test_addresses_are_charged_without_a_tenant(database: Database) -> None:
    for _ in range(3):
        standing = limits.charge(database, limits.caller_at("192.0.2.7"), READ)
    assert standing is not None
    assert (standing.scope, standing.remaining) == ("address", 97)


def test_one_household_of_ipv6_is_one_address() -> None:
    at = limits.caller_at
    assert at("2001:db8::1") == at("2001:db8:0:0:ffff::2") != at("2001:db8:0:1::1")
    assert at("192.0.2.1") != at("192.0.2.2")
    assert at("not an address").scope == "address"
    assert "192.0.2.1" not in at("192.0.2.1").name


def test_health_and_keys_cost_nothing_and_asking_costs_most(
    database: Database, tenant: TenantId
) -> None:
    assert limits.charge(database, person(tenant), "GET /health") is None
    assert cost_of("GET /.well-known/jwks.json") == 0
    assert cost_of(READ) == 1 < cost_of("POST /api/v1/search") < cost_of(ASK) == cost_of("ask")


def test_full_buckets_are_thrown_away(
    database: Database, tenant: TenantId, owner: psycopg.Connection
) -> None:
    limits.charge(database, person(tenant), READ)
    with database.system_transaction() as session:
        assert limits.tidy(session) == 0
    _let_pass(owner, 3601)
    with database.system_transaction() as session:
        assert limits.tidy(session) == 2


def test_functions_cannot_touch_buckets_or_figures(database: Database, tenant: TenantId) -> None:
    limits.charge(database, person(tenant), READ)
    for statement in (
        "SELECT 1 FROM kontor.rate_buckets",
        "UPDATE kontor.rate_buckets SET tokens = 1000",
        "UPDATE kontor.rate_limits SET burst = 1000",
        "SELECT kontor.take_from_bucket(NULL, 'user', '', 1, 1, 1)",
    ):
        with (
            pytest.raises(Exception, match="42501"),
            database.transaction(tenant) as session,
        ):
            session.connection.execute(statement.encode())


def test_without_a_database_nobody_is_let_through() -> None:
    gone = Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=1)
    with pytest.raises(UnavailableError):
        limits.charge(gone, Caller("address", "a"), READ)


def _let_pass(owner: psycopg.Connection, seconds: int) -> None:
    owner.execute(
        "UPDATE kontor.rate_buckets SET filled_at = filled_at - %s * interval '1 second'",
        (seconds,),
    )


def _remaining(standing: Standing | None) -> int:
    assert standing is not None
    return standing.remaining
