"""What chunks say: the same vectors as the database defines, and counts found by their keys."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from shared.adapters.database import Database
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.lexicon.model import read_lexemes
from shared.lexicon.sparse import PLACES, gram_vectors, stem_vectors, term_codes
from shared.search import shadow
from tests.unit.search.library import MINILM, Library, chunk, some_vectors

TEXTS = (
    "The notice period is three months, and three months are three months.",
    "Donaudampfschifffahrtsgesellschaftskapitän prüft die Größe § 433 BGB",
    "O'Brien a\\b 'quoted' it''s 東京 x mail@example.org https://example.org/a?b=c",
    "w" * 400 + " " + "ab " * 300,
    "— … !",
    " ".join(f"word{n}" for n in range(900)),
)
Stored = dict[int, float]


def read(sparse: str) -> Stored:
    """Read a sparse vector as Postgres writes it."""
    body = sparse.partition("/")[0].strip("{}")
    return {
        int(place): float(weight)
        for place, weight in (each.split(":") for each in body.split(",") if each)
    }


def assert_same(one: Stored, other: Stored) -> None:
    assert list(one) == list(other)
    assert list(one.values()) == pytest.approx(list(other.values()), abs=2e-5)


@pytest.fixture
def shelved(database: Database, tenant: TenantId) -> Library:
    library = Library(database, tenant)
    languages = ("en", "de", "simple", "en", "de", "simple")
    library.add(
        [
            chunk(text, ordinal=at, language=language, headings=("Kapitel 1", "Über uns"))
            for at, (text, language) in enumerate(zip(TEXTS, languages, strict=True))
        ],
        vectors=some_vectors(len(TEXTS)),
    )
    return library


def test_stored_vectors_are_those_the_database_defines(shelved: Library, owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT stems::text, kontor.stem_vector(lexemes)::text, grams::text,"
            " kontor.gram_vector(lexemes)::text FROM kontor.chunks ORDER BY ordinal"
        ).fetchall()
    assert len(rows) == len(TEXTS)
    for stems, their_stems, grams, their_grams in rows:
        assert_same(read(stems), read(their_stems))
        assert_same(read(grams), read(their_grams))
    assert len(read(rows[-1][2])) > 900


def test_stored_lexemes_are_those_the_database_defines(shelved: Library, owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        (alike,) = connection.execute(
            "SELECT array_agg(lexemes = kontor.chunk_lexemes(language, heading_path, content)"
            " AND lexeme_count = (SELECT coalesce(sum(cardinality(u.positions)), 0)"
            " FROM unnest(lexemes) AS u)) FROM kontor.chunks"
        ).fetchone() or ([],)
    assert alike == [True] * len(TEXTS)


def test_terms_of_every_length_have_the_databases_numbers(owner_url: str) -> None:
    terms = [("äbc§" * 20)[:length] for length in range(1, 60)] + ["x" * n for n in range(1, 60)]
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT kontor.term_code(t) FROM unnest(%s::text[]) WITH ORDINALITY AS u (t, n)"
            " ORDER BY n",
            (terms,),
        ).fetchall()
    assert term_codes(terms).tolist() == [code for (code,) in rows]


def test_chunks_of_the_release_before_get_their_vectors(shelved: Library, owner_url: str) -> None:
    with shelved.database.transaction(shelved.tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.chunks (tenant_id, id, document_id, version_id, ordinal, language,"
            " content, span_start, span_end, token_count, lexemes, lexeme_count)"
            " SELECT tenant_id, %s, document_id, version_id, 100, language, content, span_start,"
            " span_end, token_count, lexemes, lexeme_count FROM kontor.chunks WHERE ordinal = 1",
            (new_id(),),
        )
    with psycopg.connect(owner_url) as connection:
        mine, theirs = connection.execute(
            "SELECT stems::text, grams::text FROM kontor.chunks WHERE ordinal IN (1, 100)"
            " ORDER BY ordinal"
        ).fetchall()
    for one, other in zip(mine, theirs, strict=True):
        assert_same(read(one), read(other))


@pytest.mark.parametrize("is_of_the_release_before", [False, True])
def test_a_reading_that_takes_over_brings_its_vectors_and_counts(
    shelved: Library, owner_url: str, *, is_of_the_release_before: bool
) -> None:
    with shelved.database.transaction(shelved.tenant) as session:
        row = session.connection.execute(
            "SELECT document_id, version_id FROM kontor.chunks LIMIT 1"
        ).fetchone()
        assert row is not None
        session.connection.execute(
            "INSERT INTO kontor.versions (tenant_id, id, document_id, number, filename, media_type,"
            " size_bytes, sha256, object_key, object_version, job_id, stage, language, created_by)"
            " VALUES (%(tenant)s, %(id)s, %(document)s, 1, 'a.txt', 'text/plain', 1, %(sha256)s,"
            " '', '', %(id)s, 'completed', 'en', %(tenant)s)",
            {"tenant": shelved.tenant, "id": row[1], "document": row[0], "sha256": bytes(32)},
        )
        anew = [replace(chunk("Äpfel und Birnen.", language="de"), reading=2)]
        shadow.write_shadow(
            session,
            document_id=DocumentId(row[0]),
            version_id=VersionId(row[1]),
            model=MINILM,
            chunks=anew,
            vectors=some_vectors(1),
        )
    if is_of_the_release_before:
        with psycopg.connect(owner_url) as connection:
            connection.execute("UPDATE kontor.shadow_chunks SET stems = NULL, grams = NULL")
    with shelved.database.transaction(shelved.tenant) as session:
        assert shadow.swap(session, VersionId(row[1]), reading=2) == 1
    with psycopg.connect(owner_url) as connection:
        counted = connection.execute(
            "SELECT lexeme, chunk_count FROM kontor.lexeme_statistics ORDER BY lexeme"
        ).fetchall()
        readable = connection.execute(
            "SELECT lexeme, word FROM kontor.readable_words ORDER BY lexeme"
        ).fetchall()
        kept = connection.execute("SELECT count(grams) FROM kontor.shadow_chunks").fetchone()
        stems, theirs = connection.execute(
            "SELECT stems::text, kontor.stem_vector(lexemes)::text FROM kontor.chunks"
        ).fetchone() or ("", "")
    assert counted == [("apfel", 1), ("birn", 1)]
    assert readable == [("apfel", "Äpfel"), ("birn", "Birnen")]
    assert kept == (len(TEXTS),)  # what was searched so far, to go back to
    assert_same(read(stems), read(theirs))


def test_a_text_without_words_has_empty_vectors() -> None:
    for vectors in (stem_vectors([{}, {"word": 1}, {}]), gram_vectors([{}, {"word": 1}, {}])):
        assert [len(each.places) for each in vectors] == [0, vectors[1].places.size, 0]
        assert vectors[0].to_binary()[:4] == PLACES.to_bytes(4, "big")
    assert stem_vectors([]) == []
    assert gram_vectors([]) == []


@pytest.mark.parametrize(
    ("written", "lexemes"),
    [
        ("'a':1,5A 'b':2", {"a": 2, "b": 1}),
        ("'it''s':3B '\\\\':4", {"it's": 1, "\\": 1}),
        ("'a b:7':1,2,3", {"a b:7": 3}),
        ("'bare'", {"bare": 1}),
        ("", {}),
    ],
)
def test_lexemes_are_read_as_postgres_writes_them(written: str, lexemes: dict[str, int]) -> None:
    assert read_lexemes(written) == lexemes


@pytest.mark.new_database
def test_one_lexeme_is_found_by_its_key_before_there_are_statistics(
    shelved: Library, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as connection:
        plan = connection.execute(
            "EXPLAIN SELECT chunk_count FROM kontor.lexeme_statistics"
            " WHERE tenant_id = %s AND language = 'en' AND lexeme = 'word'",
            (shelved.tenant,),
        ).fetchall()
    assert any("lexeme_statistics_pkey" in line for (line,) in plan), plan
