"""Caches behind one port: this process's memory, Redis between, Postgres below.

A cache may lose or forget anything at any time, and one that is away is a cache that misses:
nothing here ever makes a request fail. Keys name everything a value depends on, so values never
need to be changed, only forgotten.
"""

from __future__ import annotations

import logging
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.kernel.ids import TenantId

logger = logging.getLogger(__name__)
Clock = Callable[[], float]

_EXPIRY = struct.Struct(">d")


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Whose value it is, what kind, and the SHA-256 of all it depends on."""

    tenant_id: TenantId
    space: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and when it is worth nothing any more, in seconds since 1970."""

    value: bytes
    expires_at: float

    def pack(self) -> bytes:
        """Write the entry as bytes, for stores that keep nothing but bytes."""
        return _EXPIRY.pack(self.expires_at) + self.value

    @classmethod
    def unpack(cls, packed: bytes) -> Entry:
        """Read packed bytes; raises ValueError for others."""
        if len(packed) < _EXPIRY.size:
            raise ValueError("too short for an entry")
        return cls(packed[_EXPIRY.size :], _EXPIRY.unpack_from(packed)[0])


class Cache(Protocol):
    """Port: one level of caching."""

    name: str

    def get(self, key: CacheKey) -> Entry | None:
        """Return an entry that has not expired, ``None`` without one or when away."""
        ...

    def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep an entry until it expires, or for less."""
        ...

    def clear(self, tenant_id: TenantId) -> None:
        """Forget everything of one tenant, as far as this level can be reached."""
        ...


@dataclass(frozen=True, slots=True)
class Level:
    """A cache and for how long it keeps what is put into it."""

    cache: Cache
    ttl_s: float


class LayeredCache:
    """Asks level after level, fastest first, and hands what it finds up to those it asked before.

    ``hits`` counts by level's name; "" counts misses of all.
    """

    def __init__(self, levels: Sequence[Level], *, clock: Clock = time.time) -> None:
        self._levels = list(levels)
        self._clock = clock
        self.hits: dict[str, int] = {"": 0, **{level.cache.name: 0 for level in self._levels}}

    def get(self, key: CacheKey) -> bytes | None:
        """Return a value from the first level that has it."""
        for place, level in enumerate(self._levels):
            entry = level.cache.get(key)
            if entry is None or entry.expires_at <= self._clock():
                continue
            for above in self._levels[:place]:
                self._put(above, key, entry.value, until=entry.expires_at)
            self.hits[level.cache.name] += 1
            return entry.value
        self.hits[""] += 1
        return None

    def put(self, key: CacheKey, value: bytes) -> None:
        """Keep a value in every level, in each for its own time."""
        for level in self._levels:
            self._put(level, key, value, until=float("inf"))

    def clear(self, tenant_id: TenantId) -> None:
        """Forget everything of one tenant in every level."""
        for level in self._levels:
            level.cache.clear(tenant_id)

    def _put(self, level: Level, key: CacheKey, value: bytes, *, until: float) -> None:
        expires_at = min(self._clock() + level.ttl_s, until)
        level.cache.put(key, Entry(value, expires_at))


class MemoryCache:
    """The values used last by this process, at most ``most`` of them."""

    name = "memory"

    def __init__(self, *, most: int, clock: Clock = time.time) -> None:
        self._most = most
        self._clock = clock
        self._entries: OrderedDict[CacheKey, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> Entry | None:
        """Return an entry that has not expired."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.expires_at <= self._clock():
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry

    def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep an entry; the one used longest ago makes room."""
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def clear(self, tenant_id: TenantId) -> None:
        """Forget everything of one tenant in this process."""
        with self._lock:
            for key in [each for each in self._entries if each.tenant_id == tenant_id]:
                del self._entries[key]
