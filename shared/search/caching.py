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
from dataclasses import replace

from shared.adapters.cache import CacheKey, LayeredCache
from shared.adapters.cache_database import find_corpus_state
from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.records import from_json, to_json
from shared.kernel.version import VERSION
from shared.search import service
from shared.search.model import Ranking, SearchRequest, SearchResult

logger = logging.getLogger(__name__)
SPACE = "search"


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
    key = _key(session, embedder, request, ranking)
    known = _read(cache.get(key))
    if known is not None:
        return replace(known, took_ms=round((time.perf_counter() - started) * 1000, 2))
    found = service.find(session, embedder, request, ranking=ranking)
    cache.put(key, to_json(found).encode())
    return found


def _key(
    session: Session, embedder: Embedder, request: SearchRequest, ranking: Ranking
) -> CacheKey:
    assert session.tenant_id is not None, "a search happens in a tenant's transaction"
    state = find_corpus_state(session)
    parts = [VERSION, ranking.as_key(), *map(to_json, (state, embedder.model, request))]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()
    return CacheKey(session.tenant_id, SPACE, digest)


def _read(content: bytes | None) -> SearchResult | None:
    if content is None:
        return None
    try:
        return from_json(SearchResult, content)
    except ValueError:
        # Another release with the same number, or somebody else's bytes: as good as nothing.
        logger.warning("a cached result could not be read")
        return None
