"""A cache in Redis or Valkey, shared by every process; one that is away only misses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from shared.adapters.cache import CacheKey, Clock, Entry
from shared.kernel.breaker import Breaker
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

TIMEOUT_S = 0.25
"""A cache slower than this costs more than it saves."""

_AT_A_TIME = 500


class RedisCache:
    """Keeps entries under ``<prefix>:<tenant>:<space>:<digest>``, each with its own expiry.

    Raises UnavailableError at construction when the extra ``kontor[redis]`` is not installed.
    """

    name = "redis"

    def __init__(
        self, url: str, *, prefix: str, clock: Clock = time.time, breaker: Breaker | None = None
    ) -> None:
        try:
            import redis
        except ModuleNotFoundError as error:
            raise UnavailableError(
                "REDIS_URL is set, but the Redis client is not installed.",
                hint="Install kontor[redis], or unset REDIS_URL.",
            ) from error
        self._failures: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._redis: Redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._prefix = prefix
        self._clock = clock
        self._breaker = breaker or Breaker()

    def get(self, key: CacheKey) -> Entry | None:
        """Return an entry that has not expired, ``None`` without one or when Redis is away."""
        packed = self._try(lambda: self._redis.get(self._name(key)))
        if not isinstance(packed, bytes):
            return None
        try:
            entry = Entry.unpack(packed)
        except ValueError:
            return None
        return entry if entry.expires_at > self._clock() else None

    def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep an entry until it expires; Redis forgets it by itself."""
        left_ms = int((entry.expires_at - self._clock()) * 1000)
        if left_ms > 0:
            self._try(lambda: self._redis.set(self._name(key), entry.pack(), px=left_ms))

    def clear(self, tenant_id: TenantId) -> None:
        """Forget everything of one tenant, if Redis can be reached now."""
        self._try(lambda: self._unlink(f"{self._prefix}:{tenant_id}:*"))

    def count(self, tenant_id: TenantId) -> int | None:
        """Count a tenant's entries; ``None`` when Redis is away."""
        pattern = f"{self._prefix}:{tenant_id}:*"
        return self._try(
            lambda: sum(1 for _ in self._redis.scan_iter(match=pattern, count=_AT_A_TIME))
        )

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _unlink(self, pattern: str) -> None:
        names: list[bytes] = []
        for name in self._redis.scan_iter(match=pattern, count=_AT_A_TIME):
            names.append(name)
            if len(names) >= _AT_A_TIME:
                self._redis.unlink(*names)
                names.clear()
        if names:
            self._redis.unlink(*names)

    def _name(self, key: CacheKey) -> str:
        return f"{self._prefix}:{key.tenant_id}:{key.space}:{key.digest.hex()}"

    def _try(self, call: Callable[[], Answer]) -> Answer | None:
        """Ask Redis, unless it was away just now; says so once per outage."""
        if not self._breaker.allows():
            return None
        try:
            answer = call()
        except self._failures as error:
            if self._breaker.wait_s() == 0:
                logger.warning("redis is away", extra={"reason": type(error).__name__})
            self._breaker.fail()
            return None
        self._breaker.succeed()
        return answer


def open_redis(url: str, *, prefix: str) -> RedisCache | None:
    """Open the cache, or go without one where it cannot be: a cache is never worth a failure."""
    try:
        return RedisCache(url, prefix=prefix)
    except UnavailableError as error:
        logger.warning(error.detail, extra={"hint": error.hint})
    except ValueError:
        logger.warning("REDIS_URL is no address of a Redis; write redis://host:port/number")
    return None
