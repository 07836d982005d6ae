"""Finding: exact where it says so, walled off always, and right about words and meaning."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.inference.model import EmbeddingModel
from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId, TenantId, new_id
from shared.search import service
from shared.search.model import Filters, Hit, Ranking, SearchRequest, SearchResult
from tests.unit.search.library import Library, Prepared, chunk, some_vectors

WORDS = Ranking(dense_weight_en=0, dense_weight_de=0)
MEANING = Ranking(dense_weight_en=1, dense_weight_de=1)


def find(
    library: Library, query: str, *, k: int = 10, ranking: Ranking | None = None, **filters: object
) -> SearchResult:
    assert library.embedder is not None
    request = SearchRequest(query=query, k=k, filters=Filters(**filters))  # type: ignore[arg-type]
    with library.database.transaction(library.tenant) as session:
        return service.find(session, library.embedder, request, ranking=ranking or Ranking())


def documents(result: SearchResult) -> list[DocumentId]:
    return [hit.document_id for hit in result.hits]


def add_tenant_beside(owner_url: str, size: int) -> TenantId:
    """A tenant whose rows share their partition with every other one made here."""
    with psycopg.connect(owner_url) as connection:
        while True:
            tenant = TenantId(new_id())
            row = connection.execute(
                "SELECT satisfies_hash_partition('kontor.chunks'::regclass, 8, 3, %s::uuid)",
                (tenant,),
            ).fetchone()
            if row and row[0]:
                connection.execute(
                    "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, %s, 'T')",
                    (tenant, f"t-{size}"),
                )
                return tenant


def clustered(count: int, seed: int) -> NDArray[np.float16]:
    """Vectors as text has them: topics, and spread inside each."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(30, 384))
    rows = centres[random.integers(0, 30, size=count)] + 0.7 * random.normal(size=(count, 384))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def test_recall_holds_for_small_and_large_tenants_side_by_side(
    database: Database, owner_url: str
) -> None:
    sizes = {50: Ranking(), 500: Ranking(), 3000: Ranking(exact_scan_chunks=1000)}
    tenants = {size: add_tenant_beside(owner_url, size) for size in sizes}
    vectors = {size: clustered(size, seed=size) for size in sizes}
    for size, tenant in tenants.items():
        chunks = [chunk("x", ordinal=number) for number in range(size)]
        Library(database, tenant).add(chunks, vectors=vectors[size])
    for size, tenant in tenants.items():
        ranking = Ranking(
            dense_weight_en=1, dense_weight_de=1, exact_scan_chunks=sizes[size].exact_scan_chunks
        )
        recalls = []
        for question in clustered(20, seed=size) + np.float16(0.02):
            asked = question.astype(np.float32) / np.linalg.norm(question.astype(np.float32))
            exact = np.argsort(-(vectors[size].astype(np.float32) @ asked))[:10]
            library = Library(database, tenant, Prepared(asked))
            hits = find(library, "nothing", ranking=ranking).hits
            assert len(hits) == 10
            recalls.append(len({h.start // 1000 for h in hits} & set(exact.tolist())) / 10)
        assert sum(recalls) / len(recalls) >= 0.98, size


def brute_force_bm25(
    owner_url: str, asked: dict[str, set[str]], tenant: TenantId
) -> dict[UUID, float]:
    """BM25 from the stored lexemes, by the book; a query word is one term in every language.

    The average length is 100 lexemes, whatever the corpus.
    """
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT c.id, c.language, u.lexeme, cardinality(u.positions) FROM kontor.chunks c,"
            " unnest(c.lexemes) u WHERE c.tenant_id = %s",
            (tenant,),
        ).fetchall()
    frequency: dict[UUID, Counter[str]] = {}
    languages: dict[UUID, str] = {}
    for chunk_id, language, lexeme, count in rows:
        frequency.setdefault(chunk_id, Counter())[lexeme] = count
        languages[chunk_id] = language
    lengths = {key: sum(counts.values()) for key, counts in frequency.items()}
    scores: dict[UUID, float] = dict.fromkeys(frequency, 0.0)
    for forms in asked.values():
        by_language = dict(form.split(":") for form in forms)
        holders = [
            key for key in frequency if frequency[key][by_language.get(languages[key], "?")] > 0
        ]
        idf = math.log(1 + (len(frequency) - len(holders) + 0.5) / (len(holders) + 0.5))
        for key in holders:
            tf = frequency[key][by_language[languages[key]]]
            length = lengths[key] / 100
            scores[key] += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length))
    return scores


def test_lexical_scores_are_bm25(library: Library, owner_url: str) -> None:
    random = np.random.default_rng(5)
    german = [
        "Vertrag",
        "Verträge",
        "Kündigung",
        "kündigen",
        "Frist",
        "Monat",
        "Miete",
        "und",
        "die",
        "bei",
    ]
    english = [
        "contract",
        "contracts",
        "notice",
        "Frist",
        "month",
        "rent",
        "the",
        "of",
        "tenant",
        "and",
    ]
    chunks = [
        chunk(
            " ".join(random.choice(words, size=int(random.integers(3, 40)))),
            ordinal=number,
            language=language,
            headings=(str(random.choice(words)),),
        )
        for number, (words, language) in enumerate(
            [(german, "de")] * 30 + [(english, "en")] * 25 + [(english, "simple")] * 5
        )
    ]
    library.add(chunks, vectors=some_vectors(60))
    library.embedder = Prepared(some_vectors(1, seed=9)[0].astype(np.float32))
    hits = find(library, "Welche Frist gilt für Verträge?", k=100, ranking=WORDS).hits
    asked = {
        "frist": {"de:frist", "en:frist", "simple:frist"},
        "verträge": {"de:vertrag", "en:verträg", "simple:verträge"},
        "gilt": {"de:gilt"},
    }
    expected = brute_force_bm25(owner_url, asked, library.tenant)
    found = {hit.chunk_id: hit.lexical_score for hit in hits}
    assert len([score for score in expected.values() if score > 0]) > 20
    for key, score in expected.items():
        if score > 0:
            assert found[key] == pytest.approx(score, rel=1e-4)  # type: ignore[index]


def test_scores_are_exact_for_hits_found_by_the_other_arm(library: Library) -> None:
    """A chunk that only words find still has its cosine, and the other way round."""
    vectors = some_vectors(61)
    chunks = [chunk("nothing shared", ordinal=n) for n in range(60)]
    chunks.append(chunk("the needle in it", ordinal=60))
    library.add(chunks, vectors=vectors)
    question = -vectors[60].astype(np.float32)
    question += 3 * vectors[0].astype(np.float32)
    question /= np.linalg.norm(question)
    library.embedder = Prepared(question)
    ranking = Ranking(dense_weight_en=0.5, dense_weight_de=0.5)
    hits = find(library, "the needle", k=61, ranking=ranking).hits
    assert {hit.start // 1000: hit.lexical_score > 0 for hit in hits}[60]
    nearest = next(hit for hit in hits if hit.start == 0)
    assert nearest.dense_score == pytest.approx(float(vectors[0] @ question), abs=1e-3)
    assert nearest.score == pytest.approx(0.5)


def test_an_english_question_is_answered_in_either_language(library: Library) -> None:
    english = library.add_text("The Kafka cluster runs in Frankfurt.")
    german = library.add_text("Der Kafka-Cluster läuft in Frankfurt.", language="de")
    library.add_text("The and of is the.", language="de")
    result = find(library, "Where is the Kafka cluster?", ranking=WORDS)
    assert result.language == "en"
    scored = {hit.document_id: hit.lexical_score for hit in result.hits}
    assert scored[english] > 0
    assert scored[german] > 0
    assert [score for score in scored.values() if score == 0] == [0], "stop words found something"


def test_headings_are_searched_too(library: Library) -> None:
    library.add([chunk("It is three months.", headings=("Termination", "Notice period"))])
    hit = find(library, "notice period", ranking=WORDS).hits[0]
    assert hit.lexical_score > 0
    assert hit.heading_path == ["Termination", "Notice period"]
    assert (hit.title, hit.media_type, hit.page, hit.boxes) == (
        "A document",
        "text/plain",
        1,
        [{"page": 1, "x0": 1.5}],
    )


def test_meaning_finds_what_words_do_not(library: Library) -> None:
    wanted = library.add_text("The physician treated the child's fever.")
    library.add_text("The stock market fell sharply on Monday.")
    assert documents(find(library, "doctor helps sick kid"))[0] == wanted


def test_tenants_never_meet(library: Library, other_library: Library) -> None:
    mine = library.add_text("The secret code is 4711.")
    theirs = other_library.add_text("The secret code is 0815.")
    for ranking in (Ranking(), Ranking(exact_scan_chunks=0)):
        assert documents(find(library, "secret code", ranking=ranking)) == [mine]
        assert documents(find(other_library, "secret code", ranking=ranking)) == [theirs]
    assert find(library, "secret code", document_ids=(theirs,)).hits == ()
    assert find(library, "0815", ranking=WORDS).hits[0].lexical_score == 0


def test_without_a_tenant_nothing_is_searched(library: Library, database_url: str) -> None:
    library.add_text("The secret code is 4711.")
    question = "SELECT * FROM kontor.find_chunks('{}', '{}', %s, 1::smallint, 10, '{}', 10)"
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"app\.tenant_id"),
    ):
        connection.execute(question, (str([1.0] + [0.0] * 383),))


def test_only_current_versions_of_documents_still_there(library: Library) -> None:
    library.add([chunk("The code is 1.")], is_current=False)
    library.add([chunk("The code is 2.")], removed_at=datetime.now(UTC))
    current = library.add_text("The code is 3.")
    for ranking in (Ranking(), Ranking(exact_scan_chunks=0)):
        assert documents(find(library, "code", ranking=ranking)) == [current]


def test_vectors_of_another_model_are_never_compared(library: Library, owner_url: str) -> None:
    other = EmbeddingModel("other", 384, "1", 256)
    with psycopg.connect(owner_url) as connection:
        connection.execute("INSERT INTO kontor.embedding_models VALUES (2, 'other', '1', 384)")
    question = some_vectors(1, seed=3)
    library.add([chunk("apples")], vectors=question, model=other)
    library.add([chunk("pears")], vectors=some_vectors(1, seed=4))
    library.embedder = Prepared(question[0].astype(np.float32))
    hits = {hit.text: hit for hit in find(library, "apples").hits}
    assert hits["apples"].dense_score == 0
    assert hits["apples"].lexical_score > 0
    library.embedder = Prepared(question[0].astype(np.float32), other)
    hits = {hit.text: hit for hit in find(library, "apples").hits}
    assert hits["apples"].dense_score == pytest.approx(1, abs=1e-3)
    assert "pears" not in hits


@pytest.fixture
def folders(library: Library) -> dict[str, UUID]:
    made: dict[str, UUID] = {}
    with library.database.transaction(library.tenant) as session:
        for path in ("contracts", "contracts/2026", "contracts-old"):
            made[path] = new_id()
            session.connection.execute(
                "INSERT INTO kontor.folders (tenant_id, id, parent_id, name, path, created_by)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    library.tenant,
                    made[path],
                    made["contracts"] if "/" in path else None,
                    path.rsplit("/", 1)[-1],
                    path,
                    library.tenant,
                ),
            )
    return made


@pytest.mark.parametrize("exact_scan_chunks", [10_000, 0])
def test_filters_restrict_both_arms(
    library: Library, folders: dict[str, UUID], exact_scan_chunks: int
) -> None:
    old = datetime.now(UTC) - timedelta(days=400)
    a = library.add_text("The rent is due.", folder_id=folders["contracts"], created_at=old)
    b = library.add_text("The rent is low.", folder_id=folders["contracts/2026"])
    c = library.add_text(
        "The rent is high.", folder_id=folders["contracts-old"], media_type="application/pdf"
    )
    d = library.add_text("Die rent ist fällig.", language="de", metadata={"client": "ACME", "n": 1})
    ranking = Ranking(exact_scan_chunks=exact_scan_chunks)

    def found(**filters: object) -> set[DocumentId]:
        return set(documents(find(library, "rent", ranking=ranking, **filters)))

    assert found() == {a, b, c, d}
    assert found(folder="contracts") == {a, b}
    assert found(folder="/contracts/2026/") == {b}
    assert found(folder="nowhere") == set()
    assert found(document_ids=(a, c)) == {a, c}
    assert found(media_types=("application/pdf",)) == {c}
    assert found(languages=("de",)) == {d}
    assert found(metadata={"client": "ACME"}) == {d}
    assert found(metadata={"client": "Globex"}) == set()
    assert found(created_before=old + timedelta(days=1)) == {a}
    assert found(created_after=old + timedelta(days=1)) == {b, c, d}
    assert found(folder="contracts", created_after=old + timedelta(days=1)) == {b}


def highlighted(hit: Hit) -> list[str]:
    return [hit.text[start:end] for start, end in hit.highlights]


def test_highlights_are_the_words_that_matched(library: Library) -> None:
    library.add_text(
        "»Verträge« über Mieten: der Vertrag, die Verwaltung. 𝔘mlaut äöü Miete!", language="de"
    )
    hit = find(library, "Welche Miete steht im Vertrag?").hits[0]
    assert highlighted(hit) == ["Verträge", "Mieten", "Vertrag", "Miete"]


def test_stop_words_are_not_highlighted(library: Library) -> None:
    library.add_text("The the of contract.", language="de")
    assert highlighted(find(library, "What is the contract about?").hits[0]) == ["contract"]


def test_odd_queries_find_without_failing(library: Library) -> None:
    wanted = library.add_text("O'Brien wrote a\\b & c:* | (d) <-> !e in file_name.txt 東京 naïve")
    for query in (
        "O'Brien a\\b",
        "& | ! :* <->",
        "'",
        "\\",
        "東京",
        "naïve",
        "the of",
        "\U0001f600",
        "x" * 4000,
    ):
        assert documents(find(library, query)) == [wanted], query


def test_an_empty_library_answers_nothing(library: Library) -> None:
    assert find(library, "anything").hits == ()


def test_the_threshold_cuts_and_k_limits(library: Library) -> None:
    for number in range(5):
        library.add_text(f"The apple number {number}.")
    library.add_text("A bicycle.")
    assert len(find(library, "apple", k=3).hits) == 3
    with library.database.transaction(library.tenant) as session:
        assert library.embedder is not None
        request = SearchRequest(query="apple", threshold=0.6)
        result = service.find(session, library.embedder, request)
    assert {hit.text[:9] for hit in result.hits} == {"The apple"}
    assert all(hit.score >= 0.6 for hit in result.hits)
    assert result.hits[0].score <= 1


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (SearchRequest(query="  "), "query"),
        (SearchRequest(query="x" * 4001), "query"),
        (SearchRequest(query="a\0b"), "query"),
        (SearchRequest(query="a", k=0), "k"),
        (SearchRequest(query="a", k=101), "k"),
        (SearchRequest(query="a", threshold=1.1), "threshold"),
        (SearchRequest(query="a", filters=Filters(document_ids=())), "filters.document_ids"),
        (SearchRequest(query="a", filters=Filters(languages=("fr",))), "filters.languages"),
        (SearchRequest(query="a", filters=Filters(folder="/")), "filters.folder"),
        (
            SearchRequest(
                query="a",
                filters=Filters(
                    created_after=datetime(2026, 1, 2, tzinfo=UTC),
                    created_before=datetime(2026, 1, 1, tzinfo=UTC),
                ),
            ),
            "filters.created_before",
        ),
    ],
)
def test_a_wrong_request_says_which_field(
    library: Library, embedder: Embedder, request_: SearchRequest, field: str
) -> None:
    with (
        pytest.raises(InvalidError) as caught,
        library.database.transaction(library.tenant) as session,
    ):
        service.find(session, embedder, request_)
    assert list(caught.value.fields) == [field]
