"""Throttling: exact when tries come at once, longer each time, forgiven, blind to who exists."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from shared.adapters.database import Database
from shared.identity import throttling
from shared.identity.throttling import Patience, Try
from shared.kernel.errors import LimitedError

ADA = Try("sign_in", "Ada@acme.example", "192.0.2.7")
PATIENCE = Patience(account_tries=5, address_tries=20, wait_s=60, window_s=900)
Pass = Callable[[float], None]


def wait_of(database: Database, tried: Try = ADA, patience: Patience = PATIENCE) -> int:
    """Take a try; returns 0 when it may be made, else the seconds to wait."""
    try:
        throttling.take(database, tried, patience)
    except LimitedError as error:
        return error.retry_after_s
    return 0


@pytest.fixture
def let_pass(owner_url: str) -> Pass:
    """Let time pass by making everything on record older."""

    def let(seconds: float) -> None:
        with psycopg.connect(owner_url) as connection:
            connection.execute(
                "UPDATE kontor.sign_in_tries"
                " SET tried_at = tried_at - make_interval(secs => %(s)s),"
                " blocked_until = blocked_until - make_interval(secs => %(s)s)",
                {"s": seconds},
            )

    return let


def test_of_many_tries_at_once_exactly_the_free_ones_are_made(database_url: str) -> None:
    def one(_number: int) -> int:
        database = Database(database_url)
        try:
            return wait_of(database)
        finally:
            database.close()

    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(one, range(48)))
    assert waits.count(0) == 5


def test_each_further_try_waits_twice_as_long_and_never_longer_than_the_window(
    database: Database, let_pass: Pass
) -> None:
    assert [wait_of(database) for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(7):
        waits.append(wait_of(database))
        let_pass(waits[-1])
        assert wait_of(database) == 0
    assert waits == [60, 120, 240, 480, 900, 900, 900]


def test_quiet_window_forgives_everything(database: Database, let_pass: Pass) -> None:
    for _ in range(5):
        wait_of(database)
    assert wait_of(database) > 0
    let_pass(60 + 901)
    assert [wait_of(database) for _ in range(5)] == [0] * 5


def test_closed_address_closes_no_accounts(database: Database) -> None:
    patience = Patience(account_tries=5, address_tries=2)
    from_there = [Try("sign_in", f"p{n}@acme.example", "192.0.2.9") for n in range(8)]
    assert [wait_of(database, one, patience) > 0 for one in from_there] == [False] * 2 + [True] * 6
    elsewhere = [Try("sign_in", "p7@acme.example", f"198.51.100.{n}") for n in range(5)]
    assert [wait_of(database, one, patience) for one in elsewhere] == [0] * 5


def test_right_try_frees_the_account_but_not_a_guessing_address(database: Database) -> None:
    patience = Patience(account_tries=5, address_tries=6)
    own = Try("sign_in", "guesser@acme.example", "192.0.2.9")
    for number in range(6):
        wait_of(database, Try("sign_in", f"p{number}@acme.example", "192.0.2.9"), patience)
    assert wait_of(database, own, patience) > 0
    throttling.take(database, Try("sign_in", "ada", "192.0.2.1"), patience)
    throttling.forgive(database, Try("sign_in", "ada", "192.0.2.1"))
    assert [wait_of(database, Try("sign_in", "ada", f"192.0.2.{n}"), patience) for n in range(5)]
    assert wait_of(database, own, patience) > 0


def test_network_of_an_ipv6_address_counts_as_one(database: Database) -> None:
    patience = Patience(account_tries=50, address_tries=3)
    waits = [
        wait_of(database, Try("sign_in", f"p{n}", f"2001:db8:0:1::{n:x}"), patience)
        for n in range(4)
    ]
    assert (waits[:3], waits[3] > 0) == ([0, 0, 0], True)
    assert wait_of(database, Try("sign_in", "q", "2001:db8:0:2::1"), patience) == 0


def test_nobody_can_read_whom_a_count_is_about(database: Database, owner_url: str) -> None:
    wait_of(database)
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT key FROM kontor.sign_in_tries").fetchall()
    assert {len(bytes(key)) for (key,) in rows} == {32}
    with (
        database.system_transaction() as session,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        session.connection.execute("SELECT key FROM kontor.sign_in_tries")


def test_counts_of_long_ago_are_forgotten(
    database: Database, owner_url: str, let_pass: Pass
) -> None:
    wait_of(database)
    let_pass(2 * 24 * 3600)
    wait_of(database, Try("sign_in", "bea", "192.0.2.8"))
    with database.system_transaction() as session:
        throttling.forget_old(session)
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM kontor.sign_in_tries").fetchone() == (2,)
