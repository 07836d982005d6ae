"""Recall inside tenants beside each other: what the graph finds of what reading all would find.

One graph holds every tenant's vectors, and row-level security hides most of them from whoever
asks: a small tenant beside a giant is where such an index fails (recall .10, measured). So the
tenants share one partition here, their passages are real and really embedded, and they enter one
after the other, as they do in use. A passage is two neighbouring sentences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from infra.bench.beside import tenant_beside
from infra.bench.measurement import Measurement, Progress
from infra.local.postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from shared.adapters.database import Database, Session
from shared.inference.language import detect_language
from shared.inference.sentences import sentences
from shared.kernel.errors import InvalidError
from shared.kernel.ids import ChunkId, DocumentId, TenantId, VersionId, new_id
from shared.search import service as search
from shared.search.gate import walk_graph
from shared.search.model import NewChunk, Ranking, SearchRequest
from shared.search.ranks import rank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder

SIZES = (50, 2_000, 20_000)
DEPTH = 10
LEAST_RECALL = 0.98
QUESTIONS = 200
_CANDIDATES = 50
"""As many as search takes from the graph before it scores them exactly."""
_PER_DOCUMENT = 500
_EMBEDDED_AT_ONCE = 1000
_LONGEST = 1000
_SPACING = 2000
_TIE = 1e-4
"""Half floats of one length round their products by less than this."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A tenant and what is in it: float32, (n, dimension), a row for each chunk in order."""

    tenant: TenantId
    vectors: NDArray[np.float32]


def passages_from(texts: Sequence[str], wanted: int) -> list[str]:
    """Cut so many different passages out of texts; raises InvalidError when there are too few."""
    found: dict[str, None] = {}
    for text in texts:
        for passage in _passages(text):
            found[passage] = None
            if len(found) == wanted:
                return list(found)
    raise InvalidError(
        f"The corpus gives {len(found):,} different passages; {wanted:,} are needed.",
        hint="Name a larger one with --corpus, or let more be read with --chunks.",
    )


def measure_recall(
    texts: Sequence[str],
    questions: Sequence[str],
    embedder: Embedder,
    *,
    progress: Progress,
    sizes: Sequence[int] = SIZES,
    ranking: Ranking | None = None,
) -> list[Measurement]:
    """Fill tenants of several sizes in one partition; measure what each one's search misses.

    Questions are searched by meaning alone: words would find what the graph has missed.
    """
    passages = passages_from(texts, sum(sizes))
    asked = ranking or Ranking(dense_weight_en=1, dense_weight_de=1, title_weight=0)
    vectors = _embedded(passages, embedder, progress)
    with (
        tempfile.TemporaryDirectory(prefix="kb-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "pg", durable=False) as server,
    ):
        server.create_database("recall")
        owner = server.dsn("recall")
        migrate(owner)
        database = Database(server.dsn("recall", user="kontor_app"))
        try:
            shelves: dict[int, Shelf] = {}
            first = 0
            for size in sizes:
                progress(f"Filling a tenant with {size:,} chunks.")
                own = slice(first, first + size)
                shelves[size] = Shelf(tenant_beside(owner, f"t{size}"), vectors[own])
                _fill(database, shelves[size], passages[own], embedder)
                first += size
            return _measure(database, shelves, questions, embedder, asked, progress=progress)
        finally:
            database.close()


def _measure(
    database: Database,
    shelves: Mapping[int, Shelf],
    questions: Sequence[str],
    embedder: Embedder,
    ranking: Ranking,
    *,
    progress: Progress,
) -> list[Measurement]:
    found = []
    for size, shelf in shelves.items():
        progress(f"Asking {size:,} chunks {len(questions)} questions.")
        searched = graph = 0.0
        for question in questions:
            by_search, by_graph = _shares(database, shelf, question, embedder, ranking)
            searched += by_search / len(questions)
            graph += by_graph / len(questions)
        note = f"{len(questions)} questions, beside {_others(shelves, size)} chunks"
        found += [
            Measurement(
                f"recall@{DEPTH} of search, {size:,} chunks", searched, "", note,
                at_least=LEAST_RECALL,
            ),
            Measurement(
                f"recall@{DEPTH} of the graph, {size:,} chunks", graph, "",
                f"{note}, {_CANDIDATES} candidates",
            ),
        ]  # fmt: skip
    return found


def _shares(
    database: Database, shelf: Shelf, question: str, embedder: Embedder, ranking: Ranking
) -> tuple[float, float]:
    """Return which share of the nearest chunks search finds, and which the graph by itself."""
    import numpy as np

    vector = embedder.embed_question(question)
    reading_all = replace(ranking, exact_scan_chunks=len(shelf.vectors))
    with database.transaction(shelf.tenant) as session:
        expected, found = (
            _ranked(session, embedder, question, vector=vector, ranking=each)
            for each in (reading_all, ranking)
        )
        nearest = walk_graph(session, embedder, vector, most=_CANDIDATES)
        places = _places(session.connection, nearest)
    cosines = shelf.vectors @ vector.astype(np.float16).astype(np.float32)
    wanted = min(DEPTH, len(cosines))
    least = np.partition(cosines, -wanted)[-wanted] - _TIE
    near = sum(float(cosines[places[each]]) >= least for each in nearest)
    return len(expected & found) / len(expected), min(near, wanted) / wanted


def _ranked(
    session: Session,
    embedder: Embedder,
    question: str,
    *,
    vector: NDArray[np.float32],
    ranking: Ranking,
) -> set[ChunkId]:
    planned = search.plan(session, embedder.model, SearchRequest(query=question), ranking=ranking)
    ranks = rank(session, embedder, planned, ranking=ranking, most=DEPTH, vector=vector)
    return {row.chunk_id for row in ranks}


def _places(
    connection: psycopg.Connection[psycopg.rows.TupleRow], ids: Sequence[object]
) -> dict[object, int]:
    rows = connection.execute(
        "SELECT id, span_start FROM kontor.chunks WHERE id = ANY (%s) LIMIT 1000", (list(ids),)
    ).fetchall()
    return {chunk: start // _SPACING for chunk, start in rows}


def _others(shelves: Mapping[int, Shelf], size: int) -> str:
    return " and ".join(f"{each:,}" for each in shelves if each != size)


# -- the tenants -----------------------------------------------------------------------------------


def _passages(text: str) -> Iterator[str]:
    spans = sentences(text, detect_language(text))
    for (start, _), (_, end) in pairwise(spans):
        yield text[start:end][:_LONGEST]


def _embedded(
    passages: Sequence[str], embedder: Embedder, progress: Progress
) -> NDArray[np.float32]:
    """Embed passages and round them as the index does."""
    import numpy as np

    parts = []
    for first in range(0, len(passages), _EMBEDDED_AT_ONCE):
        progress(f"Embedding passage {first:,} of {len(passages):,}.")
        part = embedder.embed(passages[first : first + _EMBEDDED_AT_ONCE])
        parts.append(part.astype(np.float16).astype(np.float32))
    return np.concatenate(parts)


def _fill(database: Database, shelf: Shelf, passages: Sequence[str], embedder: Embedder) -> None:
    """Put a tenant's passages into documents of five hundred."""
    for first in range(0, len(passages), _PER_DOCUMENT):
        part = passages[first : first + _PER_DOCUMENT]
        document, version = DocumentId(new_id()), VersionId(new_id())
        with database.transaction(shelf.tenant) as session:
            session.connection.execute(
                "INSERT INTO kontor.documents (tenant_id, id, title, media_type, language,"
                " created_by, current_version_id) VALUES (%s, %s, 'Part', 'text/plain', 'en',"
                " %s, %s)",
                (shelf.tenant, document, shelf.tenant, version),
            )
            search.index_version(
                session,
                document_id=document,
                version_id=version,
                model=embedder.model,
                chunks=[_chunk(text, first + at) for at, text in enumerate(part)],
                vectors=shelf.vectors[first : first + len(part)].astype("float16"),
            )


def _chunk(text: str, place: int) -> NewChunk:
    start = place * _SPACING
    return NewChunk(
        ordinal=place,
        language=detect_language(text),
        heading_path=(),
        content=text,
        span_start=start,
        span_end=start + len(text),
        page_from=None,
        page_to=None,
        token_count=len(text.split()),
    )
