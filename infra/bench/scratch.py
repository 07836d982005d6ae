"""A library of the evaluation's own: an embedded server, a tenant, and a judged set put into it.

Texts go through the product's own cutting, embedding and indexing, many in one transaction. What
was made is kept in the work folder under a hash of everything that decides what is in it, the
index's code included. So a second run over the same set takes seconds, and a change of the code is
never measured with an old index.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import psycopg
from psycopg import sql

from infra.bench.judged import Text
from infra.bench.measurement import Progress
from infra.bench.processes import tree_cpu_s
from infra.local.postgres import EmbeddedPostgres
from infra.migrations import runner
from infra.migrations.runner import list_migrations, migrate
from shared import search as search_room
from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.indexing import new_chunk
from shared.inference.embedding import Embedder
from shared.ingestion.drafting import Draft
from shared.ingestion.model import Chunk, ParsedDocument, embedding_text
from shared.ingestion.preferences import ReadingSettings, cut
from shared.ingestion.serialization import chunks_to_json
from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId, TenantId, UserId, VersionId
from shared.kernel.settings import settings as settings_of_all
from shared.search import service as search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAMES = UUID("6b6f6e74-6f72-4576-616c-000000000000")  # ids are made of names: runs repeat exactly
TENANT = TenantId(uuid5(_NAMES, "tenant"))
USER = UserId(uuid5(_NAMES, "user"))
PRINCIPAL = Principal(TENANT, USER, "evaluation@localhost", "admin")
KEPT_DATABASES = 12
_TEXTS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Filling:
    """What is in a library, and the seconds that each part of putting it there took.

    ``empty`` texts have no words and are left out. Starting the server does not count. ``seconds``
    passed from the first cut to the last commit: texts are embedded while those before them are
    indexed, so the parts add up to more. ``cpu_s`` are the CPU seconds of all that, this process's
    and the server's.
    """

    documents: int
    chunks: int
    empty: int
    cut_s: float
    embed_s: float
    index_s: float
    cpu_s: float = float("nan")
    seconds: float = float("nan")


class _Clock:
    """Seconds since it was made, by the clock on the wall and of the CPU."""

    def __init__(self) -> None:
        self._began, self._cpu_began = time.perf_counter(), tree_cpu_s(os.getpid())

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._began, tree_cpu_s(os.getpid()) - self._cpu_began


@dataclass(frozen=True, slots=True)
class ScratchLibrary:
    """A filled library: its database, and which text of the set each document is."""

    database_url: str
    filling: Filling
    text_of: dict[DocumentId, str]
    documents: dict[str, ParsedDocument]


def document_id(text_id: str) -> DocumentId:
    """Return the id a text has as a document."""
    return DocumentId(uuid5(_NAMES, f"document {text_id}"))


@contextmanager
def open_library(
    work: Path,
    texts: Sequence[Text],
    *,
    embedder: Embedder,
    settings: ReadingSettings,
    progress: Progress,
) -> Iterator[ScratchLibrary]:
    """Open the library that holds ``texts``, filling it first unless it is there already.

    Raises ConflictError when another evaluation works in the same folder.
    """
    work.mkdir(parents=True, exist_ok=True)
    progress(f"Cutting {len(texts):,} texts.")
    clock = _Clock()
    documents = {text.id: document for text in texts if (document := drafted(text)) is not None}
    chunks = {
        text_id: cut(document, settings, count_tokens=embedder.count_tokens)
        for text_id, document in documents.items()
    }
    cutting = clock.read()
    with EmbeddedPostgres(work / "pg", durable=False) as server:
        shelf = _Shelf(server, work, embedder, progress)
        empty = len(texts) - len(documents)
        database = shelf.filled(documents, chunks, empty=empty, cutting=cutting)
        yield ScratchLibrary(
            server.dsn(database.name, user="kontor_app"),
            database.filling,
            {document_id(text_id): text_id for text_id in documents},
            documents,
        )


def drafted(text: Text) -> ParsedDocument | None:
    """Return a text as a parser would have read it; ``None`` when it has no words."""
    draft = Draft()
    if text.title.strip():
        draft.heading(text.title, level=1)
    for paragraph in text.text.split("\n\n"):
        draft.paragraph(paragraph)
    if draft.is_empty:
        return None
    return draft.finish(
        title=text.title, filename=f"{text.id}.txt", parser="evaluation", parser_version="1"
    )


@dataclass(frozen=True, slots=True)
class _Filled:
    name: str
    filling: Filling


class _RehearsedError(Exception):
    """Takes a rehearsal back."""


class _Shelf:
    """Fills databases of one server and remembers which are whole."""

    def __init__(
        self, server: EmbeddedPostgres, work: Path, embedder: Embedder, progress: Progress
    ) -> None:
        self._server = server
        self._work = work
        self._embedder = embedder
        self._progress = progress

    def filled(
        self,
        documents: dict[str, ParsedDocument],
        chunks: dict[str, list[Chunk]],
        *,
        empty: int,
        cutting: tuple[float, float],
    ) -> _Filled:
        """Return the database that holds exactly these chunks."""
        database = f"e_{self._fingerprint(documents, chunks)}"
        card = self._work / f"{database}.json"
        if card.is_file():
            try:
                card.touch()  # the one used last is kept longest
                return _Filled(database, Filling(**json.loads(card.read_text("utf-8"))))
            except (ValueError, TypeError) as error:
                raise InvalidError(
                    f"{card} cannot be read.", hint="Remove the work folder and repeat."
                ) from error
        self._forget_oldest()
        self._drop(database)
        self._server.create_database(database)
        migrate(self._server.dsn(database))
        embed_s, (index_s, cpu_s) = self._fill(database, documents, chunks)
        self._tidy(database)
        filling = Filling(
            documents=len(documents),
            chunks=sum(map(len, chunks.values())),
            empty=empty,
            cut_s=cutting[0],
            embed_s=embed_s,
            index_s=index_s,
            cpu_s=cutting[1] + cpu_s,
            seconds=cutting[0] + index_s,
        )
        card.write_text(json.dumps(asdict(filling)), "utf-8")
        return _Filled(database, filling)

    def _fill(
        self, name: str, documents: dict[str, ParsedDocument], chunks: dict[str, list[Chunk]]
    ) -> tuple[float, tuple[float, float]]:
        """Embed and index at once; returns the seconds of embedding, and of all and its CPU's."""
        with psycopg.connect(self._server.dsn(name)) as connection:
            connection.execute(
                "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, 'eval', 'Evaluation')",
                (TENANT,),
            )
        database = Database(self._server.dsn(name, user="kontor_app"))
        ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        embed_s = 0.0
        try:
            self._rehearse(database)
            clock = _Clock()
            ids = list(documents)
            parts = [ids[at : at + _TEXTS_AT_ONCE] for at in range(0, len(ids), _TEXTS_AT_ONCE)]
            made = [ahead.submit(self._embedded, part, chunks) for part in parts]
            for number, (part, vectors) in enumerate(zip(parts, made, strict=True)):
                self._progress(f"Indexing text {number * _TEXTS_AT_ONCE:,} of {len(ids):,}.")
                rows, took_s = vectors.result()
                self._index(database, part, documents, chunks=chunks, vectors=rows)
                embed_s += took_s
            return embed_s, clock.read()
        finally:
            ahead.shutdown(cancel_futures=True)
            database.close()

    def _embedded(
        self, part: Sequence[str], chunks: Mapping[str, Sequence[Chunk]]
    ) -> tuple[NDArray[np.float16], float]:
        began = time.perf_counter()
        texts = [embedding_text(each) for text_id in part for each in chunks[text_id]]
        return self._embedder.embed(texts).astype("float16"), time.perf_counter() - began

    def _index(
        self,
        database: Database,
        part: Sequence[str],
        documents: Mapping[str, ParsedDocument],
        *,
        chunks: Mapping[str, Sequence[Chunk]],
        vectors: NDArray[np.float16],
    ) -> None:
        first = 0
        with database.transaction(TENANT) as session:
            for text_id in part:
                own = chunks[text_id]
                _put(session.connection, text_id, documents[text_id], len(own))
                search.index_version(
                    session,
                    document_id=document_id(text_id),
                    version_id=_version_id(text_id),
                    model=self._embedder.model,
                    chunks=map(new_chunk, own),
                    vectors=vectors[first : first + len(own)],
                )
                first += len(own)

    def _rehearse(self, database: Database) -> None:
        """Index a text and take that back: what a connection learns first does not count."""
        document = drafted(Text("rehearsal", "", "A text that is never kept."))
        assert document is not None
        own = cut(document, ReadingSettings(), count_tokens=self._embedder.count_tokens)
        vectors = self._embedder.embed([embedding_text(each) for each in own]).astype("float16")
        name = "rehearsal"
        with suppress(_RehearsedError), database.transaction(TENANT):
            self._index(database, [name], {name: document}, chunks={name: own}, vectors=vectors)
            raise _RehearsedError

    def _tidy(self, name: str) -> None:
        """Tidy up as the server does by itself after a while: all is searchable before."""
        with psycopg.connect(self._server.dsn(name), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def _fingerprint(
        self, documents: dict[str, ParsedDocument], chunks: dict[str, list[Chunk]]
    ) -> str:
        """Hash whatever decides what the filled database holds."""
        digest = hashlib.sha256()
        for migration in list_migrations(runner.FOLDER):
            digest.update(migration.sha256.encode())
        for folder in search_room.__path__:
            for file in sorted(Path(folder).glob("*.[ps][yq]*")):
                digest.update(file.read_bytes())
        digest.update(f"{self._embedder.model} {settings_of_all().passage_arithmetic}".encode())
        for text_id, document in documents.items():
            digest.update(f"{text_id}\0{document.title}\0".encode("utf-8", "replace"))
            digest.update(chunks_to_json(chunks[text_id]).encode("utf-8", "replace"))
        return digest.hexdigest()[:20]

    def _forget_oldest(self) -> None:
        cards = sorted(self._work.glob("e_*.json"), key=lambda each: each.stat().st_mtime)
        for card in cards[: max(0, len(cards) - KEPT_DATABASES + 1)]:
            card.unlink()
            self._drop(card.stem)

    def _drop(self, database: str) -> None:
        with psycopg.connect(self._server.dsn(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            )


def _version_id(text_id: str) -> VersionId:
    return VersionId(uuid5(_NAMES, f"version {text_id}"))


def _put(
    connection: psycopg.Connection[psycopg.rows.TupleRow],
    text_id: str,
    document: ParsedDocument,
    chunk_count: int,
) -> None:
    """Write document and version as settling leaves them."""
    fields = {
        "tenant": TENANT,
        "user": USER,
        "document": document_id(text_id),
        "version": _version_id(text_id),
        "title": document.title,
        "filename": f"{text_id}.txt",
        "language": document.language,
        "size": len(document.text.encode("utf-8", "replace")),
        "sha256": hashlib.sha256(f"{text_id}\0{document.text}".encode("utf-8", "replace")).digest(),
        "chunks": chunk_count,
    }
    connection.execute(
        "INSERT INTO kontor.documents (tenant_id, id, title, media_type, language, created_by,"
        " current_version_id) VALUES (%(tenant)s, %(document)s, %(title)s, 'text/plain',"
        " %(language)s, %(user)s, %(version)s)",
        fields,
    )
    connection.execute(
        "INSERT INTO kontor.versions (tenant_id, id, document_id, number, filename, media_type,"
        " size_bytes, sha256, object_key, object_version, job_id, stage, language, chunk_count,"
        " created_by, completed_at) VALUES (%(tenant)s, %(version)s, %(document)s, 1,"
        " %(filename)s, 'text/plain', %(size)s, %(sha256)s, '', '', %(version)s, 'completed',"
        " %(language)s, %(chunks)s, %(user)s, now())",
        fields,
    )
