"""Search that remembers: the same question over the same corpus is searched once.

A key names everything a result depends on: the caller's audience, the corpus version, the model,
the ranking and the whole request. The version is read before the search, so a result may be newer
than its key says and never older; and it rises in the commit of any change, so what was found in
an older corpus is never asked for again.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from shared.adapters.cache import CacheKey, LayeredCache
from shared.adapters.cache_database import find_corpus_state
from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.records import from_json, to_json
from shared.kernel.version import VERSION
from shared.search import paging, service
from shared.search.model import Ranking, SearchRequest, SearchResult
from shared.search.paging import ResultPage

logger = logging.getLogger(__name__)
Kept = TypeVar("Kept")


def find(
    cache: LayeredCache,
    session: Session,
    embedder: Embedder,
    request: SearchRequest,
    *,
    ranking: Ranking,
) -> SearchResult:
    """Find passages as ``service.find`` does, from the cache where it has them.

    ``took_ms`` is what this call took. Raises InvalidError as ``service.find`` does.
    """
    started = time.perf_counter()
    service.check_request(request)

    def search() -> SearchResult:
        return service.find(session, embedder, request, ranking=ranking)

    if ranking.external is not None:
        return search()
    key = _key(session, "search", embedder, ranking, to_json(request))
    found = _remembered(cache, key, SearchResult, search)
    return replace(found, took_ms=_milliseconds(started))


def find_page(
    cache: LayeredCache,
    session: Session,
    embedder: Embedder,
    request: SearchRequest,
    *,
    ranking: Ranking,
    cursor: str | None = None,
) -> ResultPage:
    """Find one page as ``paging.find_page`` does, from the cache where it has it.

    ``took_ms`` is what this call took. Raises InvalidError as ``paging.find_page`` does.
    """
    started = time.perf_counter()
    service.check_request(request)

    def search() -> ResultPage:
        return paging.find_page(session, embedder, request, ranking=ranking, cursor=cursor)

    # An index of its own follows the corpus late: its results are not the version's.
    if ranking.external is not None:
        return search()
    key = _key(session, "page", embedder, ranking, to_json(request), cursor or "")
    found = _remembered(cache, key, ResultPage, search)
    return replace(found, result=replace(found.result, took_ms=_milliseconds(started)))


def _remembered(
    cache: LayeredCache, key: CacheKey, kind: type[Kept], search: Callable[[], Kept]
) -> Kept:
    content = cache.get(key)
    if content is not None:
        try:
            return from_json(kind, content)
        except ValueError:
            # Another release with the same number, or somebody else's bytes: as good as nothing.
            logger.warning("a cached result could not be read")
    found = search()
    cache.put(key, to_json(found).encode())
    return found


def _key(
    session: Session, space: str, embedder: Embedder, ranking: Ranking, *asked: str
) -> CacheKey:
    assert session.tenant_id is not None, "a search happens in a tenant's transaction"
    state = find_corpus_state(session)
    parts = [VERSION, ranking.as_key(), *map(to_json, (state, embedder.model)), *asked]
    digest = hashlib.sha256("\0".join([space, *parts]).encode("utf-8", "replace")).digest()
    return CacheKey(session.tenant_id, space, digest)


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
