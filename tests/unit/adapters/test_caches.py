"""Every cache keeps the port's promises; layers hand values up; one that is away only misses."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.adapters.cache import Cache, CacheKey, Entry, LayeredCache, Level, MemoryCache
from shared.adapters.cache_database import DatabaseCache
from shared.adapters.cache_redis import RedisCache, open_redis
from shared.adapters.database import Database
from shared.kernel.breaker import Breaker
from shared.kernel.hashing import sha256_of
from shared.kernel.ids import TenantId, new_id

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def key(tenant: TenantId, text: str, space: str = "search") -> CacheKey:
    return CacheKey(tenant, space, sha256_of([text.encode()]))


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server of this module's own."""
    if SERVER is None:
        pytest.skip("no redis-server or valkey-server is installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("redis")
    command = [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
    with subprocess.Popen([*command, str(folder)], stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "redis did not start"
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


@pytest.fixture
def redis(redis_url: str) -> Iterator[RedisCache]:
    opened = RedisCache(redis_url, prefix=f"test-{new_id()}")
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "database", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    makers: dict[str, Callable[[], Cache]] = {
        "memory": lambda: MemoryCache(most=10),
        "database": lambda: DatabaseCache(request.getfixturevalue("database")),
        "redis": lambda: request.getfixturevalue("redis"),
    }
    return makers[request.param]()


def test_every_cache_keeps_replaces_and_forgets(
    cache: Cache, tenant: TenantId, other_tenant: TenantId
) -> None:
    until = float(int(time.time()) + 60)
    mine, theirs = key(tenant, "a"), key(other_tenant, "a")
    assert cache.get(mine) is None
    for value in (b"first", b"", bytes(range(256))):
        cache.put(mine, Entry(value, until))
        assert cache.get(mine) == Entry(value, until)
    assert cache.get(key(tenant, "b")) is None
    assert cache.get(theirs) is None
    cache.put(theirs, Entry(b"theirs", until))
    cache.clear(tenant)
    assert cache.get(mine) is None
    assert cache.get(theirs) == Entry(b"theirs", until)


def test_every_cache_forgets_what_has_expired(cache: Cache, tenant: TenantId) -> None:
    cache.put(key(tenant, "a"), Entry(b"old", time.time() - 1))
    assert cache.get(key(tenant, "a")) is None


def test_memory_forgets_what_was_used_longest_ago(tenant: TenantId) -> None:
    clock = Clock()
    memory = MemoryCache(most=2, clock=clock)
    for name in ("a", "b"):
        memory.put(key(tenant, name), Entry(name.encode(), clock.now + 10))
    memory.get(key(tenant, "a"))
    memory.put(key(tenant, "c"), Entry(b"c", clock.now + 10))
    assert [memory.get(key(tenant, n)) is not None for n in ("a", "b", "c")] == [True, False, True]
    clock.now += 11
    assert memory.get(key(tenant, "a")) is None


def test_layers_hand_up_what_they_find_and_never_prolong_it(tenant: TenantId) -> None:
    clock = Clock()
    upper, lower = MemoryCache(most=9, clock=clock), MemoryCache(most=9, clock=clock)
    upper.name, lower.name = "upper", "lower"
    layers = LayeredCache([Level(upper, 100), Level(lower, 1000)], clock=clock)
    layers.put(key(tenant, "a"), b"value")
    clock.now += 950
    assert layers.get(key(tenant, "a")) == b"value"
    found = upper.get(key(tenant, "a"))
    assert found is not None
    assert found.expires_at - clock.now == pytest.approx(50)
    assert layers.get(key(tenant, "a")) == b"value"
    assert layers.hits == {"": 0, "upper": 1, "lower": 1}
    layers.clear(tenant)
    assert layers.get(key(tenant, "a")) is None


def test_database_cleans_up_as_it_is_filled(database: Database, tenant: TenantId) -> None:
    cache = DatabaseCache(database)
    for n in range(5):
        cache.put(key(tenant, str(n)), Entry(b"x", time.time() - 5))
    cache.put(key(tenant, "new"), Entry(b"x", time.time() + 60))
    with database.transaction(tenant) as session:
        row = session.connection.execute("SELECT count(*) FROM kontor.cache_entries").fetchone()
    assert row == (1,)


def test_redis_that_is_away_only_misses_and_is_not_asked_again_at_once(tenant: TenantId) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        clock = Clock()
        breaker = Breaker(clock=clock)
        away = RedisCache(address, prefix="away", breaker=breaker)
        for _ in range(3):
            away.put(key(tenant, "a"), Entry(b"x", time.time() + 60))
            assert away.get(key(tenant, "a")) is None
        away.clear(tenant)
        assert away.count(tenant) is None
        assert breaker.wait_s() > 0
        away.close()


def test_redis_counts_and_answers_again_after_an_outage(
    redis: RedisCache, tenant: TenantId
) -> None:
    for name in ("a", "b"):
        redis.put(key(tenant, name), Entry(b"x", time.time() + 60))
    assert redis.count(tenant) == 2
    redis._redis.set(redis._name(key(tenant, "c")), b"abc")
    assert redis.get(key(tenant, "c")) is None, "bytes that are no entry"


def test_an_address_that_is_none_means_going_without() -> None:
    assert open_redis("http://127.0.0.1", prefix="x") is None
