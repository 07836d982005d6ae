"""Search over many chunks: how fast, whether size matters, and small tenants beside a giant.

The chunks are real passages, repeated with variation: every copy has words of its own in a tenth
of its places and another number here and there, and its vector is the passage's with noise. So
the vocabulary and the postings grow as they do with text, and nothing has to be embedded a hundred
times over. Questions are embedded as the product does it, every time they are asked.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from infra.bench.beside import tenant_beside
from infra.bench.clients import CLIENTS, measure_throughput
from infra.bench.measurement import Measurement, Progress, percentile
from infra.local.postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from shared.adapters.database import Database
from shared.inference.language import detect_language
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.search import service as search
from shared.search.model import NewChunk, SearchRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder

TENANTS = {"50 chunks": 50, "10,000 chunks": 10_000, "100,000 chunks": 100_000}
PER_DOCUMENT = 50
MOST_P95_MS, LEAST_PER_SECOND = 20.0, 150.0
_PASSAGE_CHARS, _MOST_PASSAGES = 900, 3000
_NOISE = 0.35
"""A copy's cosine with its passage is then about .94: near, and no duplicate."""


def passages_from(contents: Sequence[bytes]) -> list[str]:
    """Cut texts as long as chunks out of files: paragraphs, joined until they are long enough."""
    passages: list[str] = []
    waiting: list[str] = []
    for content in contents:
        for paragraph in content.decode("utf-8", "replace").split("\n\n"):
            waiting.append(paragraph.strip()[:_PASSAGE_CHARS])
            if sum(map(len, waiting)) >= _PASSAGE_CHARS // 2:
                passages.append("\n\n".join(waiting))
                waiting = []
                if len(passages) == _MOST_PASSAGES:
                    return passages
    return [*passages, "\n\n".join(waiting)] if any(waiting) else passages


def measure_search_speed(
    passages: Sequence[str],
    questions: Sequence[str],
    embedder: Embedder,
    *,
    calls: int,
    progress: Progress,
    tenants: dict[str, int] | None = None,
) -> list[Measurement]:
    """Fill tenants of several sizes in one partition and ask each, with one client and eight."""
    sizes = tenants or TENANTS
    with (
        tempfile.TemporaryDirectory(prefix="kb-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "pg", durable=False) as server,
    ):
        server.create_database("speed")
        owner = server.dsn("speed")
        migrate(owner)
        url = server.dsn("speed", user="kontor_app")
        database = Database(url)
        try:
            vectors = embedder.embed(passages)
            shelves = {name: tenant_beside(owner, f"t{size}") for name, size in sizes.items()}
            with _without_graphs(owner, progress):
                for name, size in sizes.items():
                    progress(f"Filling a tenant with {name}.")
                    _fill(database, shelves[name], passages, vectors, size=size, embedder=embedder)
            with psycopg.connect(owner, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            found: list[Measurement] = []
            for name, tenant in shelves.items():
                progress(f"Searching {name}.")
                found += _measure(
                    database,
                    url,
                    tenant,
                    name=name,
                    questions=questions,
                    embedder=embedder,
                    calls=calls,
                )
            return found
        finally:
            database.close()


def _measure(
    database: Database,
    url: str,
    tenant: TenantId,
    *,
    name: str,
    questions: Sequence[str],
    embedder: Embedder,
    calls: int,
) -> list[Measurement]:
    asked = list(islice(cycle(questions), calls))
    _ask(database, tenant, embedder, asked[:10])
    times = _ask(database, tenant, embedder, asked)
    note = f"{len(set(asked))} questions, embedding included"
    is_largest = name == max(TENANTS, key=lambda each: TENANTS[each])
    many = measure_throughput(
        url, asked, lambda own, questions: _ask(own, tenant, embedder, questions)
    )
    return [
        Measurement(f"search p50, {name}", percentile(times, 0.5), "ms", f"1 client, {note}"),
        Measurement(
            f"search p95, {name}", percentile(times, 0.95), "ms", f"1 client, {note}",
            at_most=MOST_P95_MS,
        ),
        Measurement(
            f"searches, {name}", many.per_second, "1/s",
            f"{CLIENTS} clients, a process each, {note}",
            at_least=LEAST_PER_SECOND if is_largest else None,
        ),
        Measurement(
            f"search CPU, {name}", many.client_cpu_ms + many.server_cpu_ms, "ms",
            f"{many.client_cpu_ms:.1f} ms of it the client's, {CLIENTS} clients",
        ),
    ]  # fmt: skip


def _ask(
    database: Database, tenant: TenantId, embedder: Embedder, questions: Sequence[str]
) -> list[float]:
    """Ask one question after the other; returns the milliseconds each took."""
    times = []
    for question in questions:
        began = time.perf_counter()
        with database.transaction(tenant) as session:
            search.find(session, embedder, SearchRequest(query=question))
        times.append((time.perf_counter() - began) * 1000)
    return times


# -- the tenants -----------------------------------------------------------------------------------


@contextmanager
def _without_graphs(owner: str, progress: Progress) -> Iterator[None]:
    """Build the vectors' graphs once everything is there: row by row takes a millisecond each."""
    with psycopg.connect(owner, autocommit=True) as connection:
        graphs = connection.execute(
            "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index AS i"
            " JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam"
            " WHERE a.amname = 'hnsw' AND NOT c.relispartition"
            " AND c.relnamespace = 'kontor'::regnamespace"
        ).fetchall()
        for name, _ in graphs:
            connection.execute(sql.SQL("DROP INDEX kontor.{}").format(sql.Identifier(name)))
        yield
        progress("Building the vectors' graphs.")
        connection.execute("SET maintenance_work_mem = '512MB'")
        for _, definition in graphs:
            connection.execute(definition.replace(" ON ONLY ", " ON "))


def _fill(
    database: Database,
    tenant: TenantId,
    passages: Sequence[str],
    vectors: NDArray[np.float32],
    *,
    size: int,
    embedder: Embedder,
) -> None:
    """Put ``size`` chunks into documents of fifty."""
    chance = random.Random(size)  # noqa: S311 - the same corpus every time
    words = sorted({word for passage in passages for word in passage.split()})
    for first in range(0, size, PER_DOCUMENT):
        numbers = range(first, min(first + PER_DOCUMENT, size))
        texts = [_varied(passages[n % len(passages)], n, words, chance) for n in numbers]
        near = _noisy(vectors[[n % len(passages) for n in numbers]], seed=size + first)
        document, version = DocumentId(new_id()), VersionId(new_id())
        with database.transaction(tenant) as session:
            session.connection.execute(
                "INSERT INTO kontor.documents (tenant_id, id, title, media_type, language,"
                " created_by, current_version_id) VALUES (%s, %s, %s, 'text/plain', 'en', %s, %s)",
                (tenant, document, " ".join(texts[0].split()[:6]), tenant, version),
            )
            search.index_version(
                session, document_id=document, version_id=version, model=embedder.model,
                chunks=[_chunk(text, n - first) for n, text in zip(numbers, texts, strict=True)],
                vectors=near,
            )  # fmt: skip


def _varied(passage: str, number: int, words: Sequence[str], chance: random.Random) -> str:
    """Write a passage with other words in a tenth of its places."""
    own = passage.split(" ")
    for place in range(len(own)):
        if chance.random() < 0.1:  # noqa: PLR2004 - the tenth
            own[place] = chance.choice(words)
    own.append(f"No. {number}.")
    return " ".join(own)


def _noisy(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float16]:
    import numpy as np

    chance = np.random.default_rng(seed)
    noise = chance.normal(size=vectors.shape) / np.sqrt(vectors.shape[1])
    moved = vectors + _NOISE * noise
    near: NDArray[np.float16] = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(
        np.float16
    )
    return near


def _chunk(text: str, ordinal: int) -> NewChunk:
    return NewChunk(
        ordinal=ordinal,
        language=detect_language(text),
        heading_path=(),
        content=text,
        span_start=ordinal * 2000,
        span_end=ordinal * 2000 + len(text),
        page_from=None,
        page_to=None,
        token_count=len(text.split()),
    )
