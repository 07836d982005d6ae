"""OpenSearch: an index of chunks beside Postgres that finds words and vectors together.

One index per embedding model, because vectors of different models never meet. It holds what is
found by, never what is shown: hits come back as ids and scores, and whoever searches reads the
passages themselves from Postgres under its access rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.kernel.errors import InvalidError, KontorError, UnavailableError

T = TypeVar("T")
_BULK = 500
_TERMS = 60_000
"""Values of one terms query; OpenSearch refuses more than 65,536 (index.max_terms_count)."""
_CLIENT_ERROR = 400
_SERVER_ERROR, _TOO_MANY = 500, 429
_FIELDS = ("content", "content.de", "content.en", "headings^2", "title^1.5")


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk as it is found; ``vector`` has length 1."""

    id: str
    version_id: str
    language: str
    title: str
    headings: str
    content: str
    vector: list[float]


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A chunk's id and its score, 0 to 1."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuestion:
    """What to look for. ``version_ids`` are all that may be found; ``None`` are all.

    ``dense_weight`` is the vectors' share of the score.
    """

    tenant_id: str
    query: str
    vector: list[float]
    version_ids: Sequence[str] | None
    dense_weight: float
    most: int


class OpenSearch:
    """One cluster's indexes; nothing is opened before the first request."""

    def __init__(self, url: str, *, model: str, dimension: int, timeout_s: float = 10) -> None:
        if not url:
            raise InvalidError("No OpenSearch is named.", hint="Set OPENSEARCH_URL.")
        self._url = url
        self._timeout_s = timeout_s
        self._dimension = dimension
        self.index = f"kontor-{re.sub(r'[^a-z0-9]+', '-', model.lower()).strip('-')}"
        self._vendor: Any = None
        self._is_ready = False
        self._known_pipelines: set[float] = set()

    def write(self, tenant_id: str, chunks: Sequence[IndexedChunk]) -> None:
        """Put chunks into the index, replacing those of the same ids.

        Raises UnavailableError when the cluster does not take all of them.
        """
        self._ensure_index()
        for start in range(0, len(chunks), _BULK):
            lines: list[dict[str, object]] = []
            for chunk in chunks[start : start + _BULK]:
                lines.append({"index": {"_id": chunk.id, "routing": tenant_id}})
                lines.append(_document(tenant_id, chunk))
            if self._bulk(lines).get("errors"):
                raise UnavailableError("The search index did not take a document's passages.")

    def remove_version(self, tenant_id: str, version_id: str) -> None:
        """Take a version's chunks out of the index."""
        self._ensure_index()
        body = {"query": {"bool": {"filter": _only(tenant_id, [version_id])}}}
        self._call(
            lambda client: client.delete_by_query(
                index=self.index,
                body=body,
                params={"routing": tenant_id, "conflicts": "proceed", "refresh": "true"},
            )
        )

    def search(self, question: IndexQuestion) -> list[FoundChunk]:
        """Find chunks by words and by meaning, best first.

        Both are filtered before they are ranked, so a narrow filter loses nothing. Scores are
        brought to 0 to 1 each, then mixed by weight (the pipeline ``_pipeline`` names).
        """
        if question.version_ids is not None and not question.version_ids:
            return []
        self._ensure_index()
        share = round(question.dense_weight, 2)
        self._ensure_pipeline(share)
        answer = self._call(
            lambda client: client.search(
                index=self.index,
                body=_query(question),
                params={"routing": question.tenant_id, "search_pipeline": _pipeline(share)},
            )
        )
        return [
            FoundChunk(str(hit["_id"]), float(hit["_score"] or 0.0))
            for hit in answer["hits"]["hits"]
        ]

    def refresh(self) -> None:
        """Make what was written findable at once; it would be within a second anyway."""
        self._call(lambda client: client.indices.refresh(index=self.index))

    # -- plumbing ------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._vendor is None:
            try:
                from opensearchpy import OpenSearch as Vendor
            except ModuleNotFoundError as error:
                raise UnavailableError(
                    "OpenSearch needs opensearch-py, which is not installed.",
                    hint="Install kontor[opensearch], or set SEARCH_BACKEND to postgres.",
                ) from error
            self._vendor = Vendor(hosts=[self._url], timeout=self._timeout_s, max_retries=2)
        return self._vendor

    def _bulk(self, lines: list[dict[str, object]]) -> dict[str, object]:
        return self._call(lambda client: dict(client.bulk(body=lines, index=self.index)))

    def _call(self, ask: Callable[[Any], T]) -> T:
        """Make a request; vendor errors become ours."""
        from opensearchpy.exceptions import OpenSearchException

        try:
            return ask(self._client)
        except OpenSearchException as error:
            raise _translated(error) from error

    def _ensure_index(self) -> None:
        if self._is_ready:
            return
        if not self._call(lambda client: client.indices.exists(index=self.index)):
            self._create_index()
        self._is_ready = True

    def _create_index(self) -> None:
        from opensearchpy.exceptions import RequestError

        def create(client: Any) -> None:
            try:
                client.indices.create(index=self.index, body=mapping(self._dimension))
            except RequestError as error:
                # Another worker was quicker: its index is the same.
                if error.error != "resource_already_exists_exception":
                    raise

        self._call(create)

    def _ensure_pipeline(self, share: float) -> None:
        """Name the mix of scores once per process; writing it again changes nothing."""
        if share in self._known_pipelines:
            return
        body = {
            "description": "Kontor: scores from 0 to 1, mixed by weight.",
            "phase_results_processors": [
                {
                    "normalization-processor": {
                        "normalization": {"technique": "min_max"},
                        "combination": {
                            "technique": "arithmetic_mean",
                            "parameters": {"weights": [round(1 - share, 2), share]},
                        },
                    }
                }
            ],
        }
        self._call(lambda client: client.search_pipeline.put(id=_pipeline(share), body=body))
        self._known_pipelines.add(share)


def mapping(dimension: int) -> dict[str, object]:
    """Return the index's settings and fields: German, English and plain words, and vectors."""
    keyword = {"type": "keyword"}
    text = {
        "type": "text",
        "fields": {
            "de": {"type": "text", "analyzer": "german"},
            "en": {"type": "text", "analyzer": "english"},
        },
    }
    return {
        "settings": {"index": {"knn": True}},
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "tenant_id": keyword,
                "version_id": keyword,
                "language": keyword,
                "title": text,
                "headings": text,
                "content": text,
                "vector": {
                    "type": "knn_vector",
                    "dimension": dimension,
                    "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
                },
            },
        },
    }


def _query(question: IndexQuestion) -> dict[str, object]:
    only = _only(question.tenant_id, question.version_ids)
    words = {
        "bool": {
            "must": [
                {
                    "multi_match": {
                        "query": question.query,
                        "fields": list(_FIELDS),
                        "type": "most_fields",
                    }
                }
            ],
            "filter": only,
        }
    }
    near = {
        "knn": {
            "vector": {
                "vector": question.vector,
                "k": question.most,
                "filter": {"bool": {"filter": only}},
            }
        }
    }
    return {
        "size": question.most,
        "_source": False,
        "query": {"hybrid": {"queries": [words, near]}},
    }


def _only(tenant_id: str, version_ids: Sequence[str] | None) -> list[dict[str, object]]:
    """Return the filters of a tenant and of what may be seen of it."""
    filters: list[dict[str, object]] = [{"term": {"tenant_id": {"value": tenant_id}}}]
    if version_ids is not None:
        parts: list[dict[str, object]] = [
            {"terms": {"version_id": part}} for part in _parts(list(version_ids))
        ]
        filters.append(parts[0] if len(parts) == 1 else {"bool": {"should": parts}})
    return filters


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _TERMS):
        yield values[start : start + _TERMS]


def _document(tenant_id: str, chunk: IndexedChunk) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "version_id": chunk.version_id,
        "language": chunk.language,
        "title": chunk.title,
        "headings": chunk.headings,
        "content": chunk.content,
        "vector": chunk.vector,
    }


def _pipeline(share: float) -> str:
    return f"kontor-mix-{round(share * 100)}"


def _translated(error: Exception) -> KontorError:
    """Turn a vendor's error into ours: away or busy may pass, a refused request will not."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and _CLIENT_ERROR <= status < _SERVER_ERROR and status != _TOO_MANY:
        return SearchIndexError(f"The search index refused a request ({status}).")
    return UnavailableError("The search index does not answer.", hint="Try again in a moment.")


class SearchIndexError(KontorError):
    """The request itself is wrong: a bug of ours, never the caller's."""
