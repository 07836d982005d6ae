"""The sweep brings an external search index in step, and says so when it is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.indexing import SearchIndex
from shared.inference.embedding import Embedder
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.contract.opensearch_server import Cluster, Serving
from tests.unit.search.library import MINILM, Library


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def mirrored(wired: App, cluster: Cluster) -> Iterator[App]:
    """An App whose search index has an OpenSearch beside it."""
    from shared.search.external import indexes_of

    serving = Serving(cluster)
    settings = wired.settings.model_copy(
        update={
            "search_backend": "opensearch",
            "opensearch_url": type(wired.settings.opensearch_url)(serving.url),
        }
    )
    wired.__dict__["chunk_index"] = SearchIndex(MINILM.name, indexes_of(settings))
    yield wired
    serving.close()


def test_what_was_indexed_before_is_caught_up_with(
    mirrored: App, tenant: TenantId, embedder: Embedder, cluster: Cluster
) -> None:
    library = Library(mirrored.database, tenant, embedder)
    library.add_text("One.")
    library.add_text("Two.")
    assert mirrored.mirror(tenant) == 2
    assert {each["content"] for each in cluster.documents.values()} == {"One.", "Two."}
    assert mirrored.mirror(tenant) == 0


def test_an_index_that_is_away_is_said_to_be(
    mirrored: App, tenant: TenantId, embedder: Embedder, cluster: Cluster
) -> None:
    Library(mirrored.database, tenant, embedder).add_text("One.")
    cluster.failing = 503
    with pytest.raises(UnavailableError, match="search index does not answer"):
        mirrored.mirror(tenant)


def test_without_one_there_is_nothing_to_do(wired: App, tenant: TenantId) -> None:
    assert wired.mirror(tenant) == 0
