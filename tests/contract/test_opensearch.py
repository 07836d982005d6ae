"""OpenSearch beside Postgres: what is sent, what is found, and that Postgres has the last word.

No OpenSearch server is part of this: requests go to a recorder, and with
``--opensearch-spec FOLDER`` each is checked against OpenSearch's own API specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from shared.adapters.database import Database
from shared.adapters.opensearch import IndexQuestion, OpenSearch, SearchIndexError, mapping
from shared.inference.embedding import Embedder
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import TenantId
from shared.kernel.settings import read_settings
from shared.search import service
from shared.search.external import indexes_of
from shared.search.facets import count_facets
from shared.search.mirroring import mirror_changes, mirror_version
from shared.search.model import Filters, Ranking, SearchRequest, SearchResult
from shared.search.paging import find_page
from tests.contract.opensearch_server import Cluster, Serving
from tests.contract.opensearch_spec import Specification
from tests.unit.search.library import MINILM, Library, chunk


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def url(cluster: Cluster, specification: Specification | None) -> Iterator[str]:
    """The recorder's address; at the end all it was asked is checked, if there is what to."""
    serving = Serving(cluster)
    yield serving.url
    serving.close()
    answered = [each for each in cluster.exchanges if each.status < 400 or each.reply is None]
    if specification is not None:
        assert [c for each in answered for c in specification.complaints(each)] == []


@pytest.fixture(scope="session")
def specification(request: pytest.FixtureRequest) -> Specification | None:
    folder = request.config.getoption("--opensearch-spec")
    return Specification(Path(folder)) if folder else None


@pytest.fixture
def index(url: str) -> OpenSearch:
    return OpenSearch(url, model="all-MiniLM-L6-v2-x", dimension=MINILM.dimension, timeout_s=2)


@pytest.fixture
def ranking(index: OpenSearch) -> Ranking:
    return Ranking(external=lambda _: index)


@pytest.fixture
def library(database: Database, tenant: TenantId, embedder: Embedder) -> Library:
    return Library(database, tenant, embedder)


@pytest.fixture
def other_library(database: Database, other_tenant: TenantId, embedder: Embedder) -> Library:
    return Library(database, other_tenant, embedder)


def catch_up(library: Library, index: OpenSearch) -> int:
    with library.database.transaction(library.tenant) as session:
        return mirror_changes(session, index, model=MINILM, most=50)


def find(library: Library, ranking: Ranking, query: str, **filters: object) -> SearchResult:
    request = SearchRequest(query=query, filters=Filters(**filters))  # type: ignore[arg-type]
    assert library.embedder is not None
    with library.database.transaction(library.tenant) as session:
        return service.find(session, library.embedder, request, ranking=ranking)


def titles(result: SearchResult) -> list[str]:
    return [hit.title for hit in result.hits]


def test_what_is_indexed_is_found_with_its_text_from_postgres(
    library: Library, index: OpenSearch, ranking: Ranking, cluster: Cluster
) -> None:
    library.add_text("The notice period is three months.", title="Lease")
    library.add_text("Cakes need eggs.", title="Recipe")
    assert catch_up(library, index) == 2
    assert catch_up(library, index) == 0
    result = find(library, ranking, "notice period")
    assert titles(result)[0] == "Lease"
    hit = result.hits[0]
    assert hit.text == "The notice period is three months."
    assert hit.highlights == ((4, 10), (11, 17))
    assert 0.5 < hit.dense_score < 1
    assert set(cluster.indexes) == {index.index}
    assert list(cluster.pipelines) == ["kontor-mix-60"]


def test_filters_are_postgres_word_and_sent_along(
    library: Library, index: OpenSearch, ranking: Ranking, cluster: Cluster
) -> None:
    library.add_text("A notice.", title="Plain")
    version = library.add([chunk("A notice.")], title="Table", media_type="text/csv")[1]
    catch_up(library, index)
    assert titles(find(library, ranking, "notice", media_types=("text/csv",))) == ["Table"]
    sent = cluster.exchanges[-1].body["query"]["hybrid"]["queries"][0]["bool"]["filter"]
    assert sent[0] == {"term": {"tenant_id": {"value": str(library.tenant)}}}
    assert sent[1] == {"terms": {"version_id": [str(version)]}}
    before = len(cluster.exchanges)
    assert titles(find(library, ranking, "notice", media_types=("image/png",))) == []
    assert len(cluster.exchanges) == before


def test_no_answer_of_the_index_shows_what_may_not_be_seen(
    library: Library, other_library: Library, index: OpenSearch, ranking: Ranking, cluster: Cluster
) -> None:
    library.add_text("Our own notice.", title="Ours")
    other_library.add_text("A secret notice.", title="Theirs")
    catch_up(library, index)
    catch_up(other_library, index)
    foreign = [i for i, d in cluster.documents.items() if d["tenant_id"] != str(library.tenant)]
    for chunk_id in (*foreign, str(uuid4()), "no id at all"):
        cluster.forged.append({"_index": index.index, "_id": chunk_id, "_score": 2.0})
    assert titles(find(library, ranking, "notice")) == ["Ours"]
    own = next(i for i, d in cluster.documents.items() if d["tenant_id"] == str(library.tenant))
    cluster.forged[:] = [{"_index": index.index, "_id": own, "_score": 2.0}]
    library.add_text("x", title="Other", media_type="text/csv")
    assert titles(find(library, ranking, "notice", media_types=("text/csv",))) == []


def test_removed_and_newly_indexed_versions_are_followed(
    library: Library, index: OpenSearch, ranking: Ranking, cluster: Cluster
) -> None:
    document, version = library.add([chunk("A notice.")], title="Old")
    catch_up(library, index)
    assert library.embedder is not None
    again = [replace(chunk("A notice, read anew."), reading=2)]
    vectors = library.embedder.embed(["A notice, read anew."]).astype("float16")
    with library.database.transaction(library.tenant) as session:
        service.index_version(
            session, document_id=document, version_id=version, model=MINILM, chunks=again,
            vectors=vectors,
        )  # fmt: skip
    assert titles(find(library, ranking, "notice")) == []
    assert catch_up(library, index) == 1
    assert [hit.text for hit in find(library, ranking, "notice").hits] == ["A notice, read anew."]
    with library.database.transaction(library.tenant) as session:
        service.remove_version(session, version)
    assert titles(find(library, ranking, "notice")) == []
    assert catch_up(library, index) == 1
    assert cluster.documents == {}


def test_pages_and_facets_come_from_it_too(
    library: Library, index: OpenSearch, ranking: Ranking
) -> None:
    for number in range(12):
        library.add_text(f"A notice, number {number}.", title=f"Notice {number}")
    catch_up(library, index)
    request = SearchRequest(query="notice", k=5)
    shown: list[str] = []
    cursor = None
    assert library.embedder is not None
    with library.database.transaction(library.tenant) as session:
        while True:
            page = find_page(session, library.embedder, request, ranking=ranking, cursor=cursor)
            shown += titles(page.result)
            cursor = page.next_cursor
            if cursor is None:
                break
        facets = count_facets(session, library.embedder, request, ["media_type"], ranking=ranking)
    assert sorted(shown) == sorted(f"Notice {number}" for number in range(12))
    assert facets.document_count == 12


@pytest.mark.parametrize(
    ("status", "error"), [(503, UnavailableError), (429, UnavailableError), (400, SearchIndexError)]
)
def test_an_index_that_fails_is_said_to_and_nothing_is_remembered(
    library: Library, index: OpenSearch, cluster: Cluster, status: int, error: type[Exception]
) -> None:
    version = library.add([chunk("A notice.")])[1]
    cluster.failing = status
    with pytest.raises(error), library.database.transaction(library.tenant) as session:
        mirror_version(session, index, version, model=MINILM)
    cluster.failing = 0
    assert catch_up(library, index) == 1


def test_a_cluster_that_is_away_is_said_to_be(library: Library) -> None:
    index = OpenSearch("http://127.0.0.1:9", model="x", dimension=3, timeout_s=1)
    question = IndexQuestion(
        tenant_id="t", query="a", vector=[1, 0, 0], version_ids=None, dense_weight=0.5, most=1
    )
    with pytest.raises(UnavailableError, match="search index does not answer"):
        index.search(question)


def test_many_versions_are_sent_in_parts(
    index: OpenSearch, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.adapters.opensearch._TERMS", 3)
    index.search(
        IndexQuestion(
            tenant_id="t", query="a", vector=[0.1] * MINILM.dimension,
            version_ids=[str(n) for n in range(4)], dense_weight=0.2, most=3,
        )
    )  # fmt: skip
    sent = cluster.exchanges[-1].body["query"]["hybrid"]["queries"][0]["bool"]["filter"][1]
    assert [len(each["terms"]["version_id"]) for each in sent["bool"]["should"]] == [3, 1]


def test_it_is_off_by_default_and_on_by_two_settings() -> None:
    assert indexes_of(read_settings({})) is None
    given = {"SEARCH_BACKEND": "opensearch", "OPENSEARCH_URL": "http://127.0.0.1:9"}
    opener = indexes_of(read_settings(given))
    assert opener is not None
    assert opener(MINILM).index == "kontor-all-minilm-l6-v2-1110a243-f16"
    assert mapping(3)["settings"] == {"index": {"knn": True}}
