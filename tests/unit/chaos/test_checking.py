"""The checks of chaos must be able to go red: each way of being wrong is found by its kind."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.chaos.checking import (
    CHUNKS,
    LOST,
    STATISTICS,
    STORY,
    VECTORS,
    Expectation,
    count_unfinished,
    find_violations,
)
from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from tests.unit.search.library import Library, chunk

JOB = UUID("00000000-0000-7000-8000-000000000001")


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


def _open_job(owner: psycopg.Connection[tuple[object, ...]], tenant: TenantId, stage: str) -> None:
    owner.execute(
        "INSERT INTO kontor.jobs (tenant_id, id, stage, subject, correlation_id, created_by)"
        " VALUES (%s, %s, %s, 'a.txt', 'c', %s)",
        (tenant, JOB, stage, uuid4()),
    )


def _kinds(
    owner: psycopg.Connection[tuple[object, ...]], expected: Expectation | None = None
) -> set[str]:
    return {found.kind for found in find_violations(owner, expected or Expectation(()))}


def test_nothing_is_wrong_with_an_empty_database(
    owner: psycopg.Connection[tuple[object, ...]], tenant: TenantId
) -> None:
    assert _kinds(owner) == set()
    assert count_unfinished(owner, ()) == 0


@pytest.mark.parametrize(
    ("stage", "expected", "is_wrong"),
    [
        ("embedding", Expectation([JOB]), True),
        ("embedding", Expectation([]), False),
        ("failed", Expectation([JOB]), True),
        ("failed", Expectation([], [JOB]), False),
        ("completed", Expectation([JOB]), False),
        ("completed", Expectation([], [JOB]), True),
        ("completed", Expectation([uuid4()]), True),
    ],
)
def test_an_upload_must_end_as_it_should(
    owner: psycopg.Connection[tuple[object, ...]],
    tenant: TenantId,
    stage: str,
    expected: Expectation,
    is_wrong: bool,
) -> None:
    _open_job(owner, tenant, stage)
    assert (LOST in _kinds(owner, expected)) is is_wrong
    assert count_unfinished(owner, [JOB]) == (stage == "embedding")


def test_an_end_that_is_announced_twice_is_found(
    owner: psycopg.Connection[tuple[object, ...]], tenant: TenantId
) -> None:
    _open_job(owner, tenant, "completed")
    owner.execute(
        "INSERT INTO kontor.job_events (tenant_id, job_id, sequence, at, stage, progress, step)"
        " SELECT %s, %s, n, now(), 'completed', 1, 'settle' FROM generate_series(1, 2) AS n",
        (tenant, JOB),
    )
    assert _kinds(owner) == {STORY}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("INSERT INTO kontor.outbox (tenant_id, id, destination, name, payload)"
         " SELECT id, gen_random_uuid(), 'bus', 'x', '{}' FROM kontor.tenants", LOST),
        ("DELETE FROM kontor.chunk_vectors", LOST),
        ("UPDATE kontor.documents SET current_version_id = NULL", CHUNKS),
        ("UPDATE kontor.chunks SET ordinal = 0", CHUNKS),
        ("UPDATE kontor.versions SET chunk_count = 0", CHUNKS),
        ("UPDATE kontor.versions SET chunk_count = 0", VECTORS),
        ("DELETE FROM kontor.chunks", VECTORS),
        ("UPDATE kontor.lexeme_statistics SET chunk_count = chunk_count + 1", STATISTICS),
        ("UPDATE kontor.corpus_statistics SET lexeme_count = 1", STATISTICS),
    ],
)  # fmt: skip
def test_what_is_missing_or_doubled_is_found(
    owner: psycopg.Connection[tuple[object, ...]],
    database: Database,
    tenant: TenantId,
    embedder: Embedder,
    change: str,
    kind: str,
) -> None:
    library = Library(database, tenant, embedder)
    texts = ("The hedge is cut.", "The shed is locked.")
    document, version = library.add([chunk(text, ordinal=i) for i, text in enumerate(texts)])
    owner.execute(
        "INSERT INTO kontor.versions (tenant_id, id, document_id, number, filename, media_type,"
        " size_bytes, sha256, object_key, object_version, job_id, stage, chunk_count, created_by)"
        " VALUES (%(tenant)s, %(id)s, %(document)s, 1, 'a.txt', 'text/plain', 1,"
        " sha256('a'), 'a', '', %(job)s, 'completed', 2, %(tenant)s)",
        {"tenant": tenant, "id": version, "document": document, "job": JOB},
    )
    assert _kinds(owner) == set()
    owner.execute(change.encode())
    assert kind in _kinds(owner)
