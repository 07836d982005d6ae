"""Structured chunks against windows of a fixed size: the same documents, questions and search.

Each way of cutting gets a database of its own, filled and searched as the product does it. A
question comes with the stretch of text that answers it; a hit counts when at least half of the
chunk, or of the stretch, lies in the other.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psycopg

from infra.bench.measurement import Progress
from infra.local.postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from shared.adapters.database import Database
from shared.indexing import new_chunk
from shared.inference.embedding import Embedder
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument, embedding_text
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.registry import parser_for
from shared.ingestion.preferences import ReadingSettings, cut
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.search import service as search
from shared.search.model import SearchRequest

LAWS = "docs/gesetze-md"
LAW_QUESTIONS = "retrieval/gesetze-de/queries.jsonl"
PASSAGE_SETS = ("xquad-de", "xquad-en")
_DEPTH = 10
_COVERED_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and where its answer stands."""

    text: str
    document: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Set:
    """Documents and questions about them."""

    name: str
    documents: list[ParsedDocument]
    questions: list[Asked]


@dataclass(frozen=True, slots=True)
class Score:
    """What one way of cutting reached on one set; all but the counts lie between 0 and 1.

    ``covered`` is the share of the answer's text that the first five hits hold.
    """

    set: str
    strategy: str
    documents: int
    questions: int
    chunks: int
    hit_at_1: float
    hit_at_5: float
    ndcg_at_10: float
    covered_at_5: float


def read_sets(data: Path, *, most_characters: int, most_questions: int) -> list[Set]:
    """Read what the folder has: laws with their headings as questions, passages with questions.

    Raises NotFoundError when it has neither.
    """
    found: list[Set] = []
    if (data / LAWS).is_dir():
        found.append(_laws(data, most_characters))
    folders = [data / "retrieval" / name for name in PASSAGE_SETS]
    found += [_passages(folder, most_characters) for folder in folders if folder.is_dir()]
    found = [each for each in found if each.questions]
    if not found:
        raise NotFoundError(
            f"{data} holds neither {LAWS} nor one of {', '.join(PASSAGE_SETS)}.",
            hint="Name the folder that holds docs and retrieval.",
        )
    return [Set(s.name, s.documents, s.questions[:most_questions]) for s in found]


def _laws(data: Path, most: int) -> Set:
    """Take laws, smallest first; a question is a heading, its answer what stands under it."""
    path = data / LAW_QUESTIONS
    wanted = {question["text"] for question in _lines(path)} if path.is_file() else set()
    documents: list[ParsedDocument] = []
    questions: list[Asked] = []
    used = 0
    for file in sorted((data / LAWS).glob("*.md"), key=lambda each: each.stat().st_size):
        if file.name == "SOURCE.md":
            continue
        document = read_markdown(file)
        used += len(document.text)
        if used > most and documents:
            break
        questions += _headings(document, len(documents), wanted)
        documents.append(document)
    return Set("laws", documents, questions)


def _headings(document: ParsedDocument, number: int, wanted: set[str]) -> Iterator[Asked]:
    blocks = document.blocks
    for index, block in enumerate(blocks):
        if block.kind != "heading":
            continue
        title = document.text[block.start : block.end]
        name = next((text for text in (title, *_without_number(title)) if text in wanted), "")
        after = index + 1
        while after < len(blocks) and blocks[after].kind != "heading":
            after += 1
        if name and after > index + 1:
            yield Asked(name, number, blocks[index + 1].start, blocks[after - 1].end)


def _without_number(title: str) -> Iterator[str]:
    """Yield a heading without the paragraph's number before it: "§ 5 Aufgaben", "Aufgaben"."""
    words = title.split()
    for place in range(1, min(4, len(words))):
        yield " ".join(words[place:])


def _passages(folder: Path, most: int) -> Set:
    """Write the passages of one title as one document; a question's answer is its passage."""
    judged = {
        row.split("\t")[0]: row.split("\t")[1]
        for row in (folder / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]
    }
    by_title: dict[str, list[tuple[str, str]]] = {}
    for line in _lines(folder / "corpus.jsonl"):
        by_title.setdefault(line.get("title") or folder.name, []).append(
            (line["_id"], line["text"])
        )
    documents: list[ParsedDocument] = []
    places: dict[str, tuple[int, int, int]] = {}
    used = 0
    for title, passages in by_title.items():
        draft = Draft()
        draft.heading(title, level=1)
        first = [draft.block_count]
        for _, text in passages:
            draft.paragraph(text)
            first.append(draft.block_count)
        document = draft.finish(title=title, filename=title, parser="bench", parser_version="1")
        used += len(document.text)
        if used > most and documents:
            break
        for (passage, _), begin in zip(passages, first, strict=False):
            block = document.blocks[begin]
            places[passage] = (len(documents), block.start, block.end)
        documents.append(document)
    asked = [
        Asked(line["text"], *places[judged[line["_id"]]])
        for line in _lines(folder / "queries.jsonl")
        if judged.get(line["_id"]) in places
    ]
    return Set(folder.name, documents, asked)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def read_markdown(file: Path) -> ParsedDocument:
    """Read a Markdown file as the product does."""
    with tempfile.TemporaryDirectory(prefix="kb-") as folder:
        source = Source(
            path=file, media_type="text/markdown", filename=file.name, files=Path(folder)
        )
        return parser_for(source.media_type).parse(source)


def measure_chunking(
    sets: Sequence[Set],
    *,
    embedder: Embedder,
    settings: Sequence[ReadingSettings],
    progress: Progress,
) -> Iterator[Score]:
    """Search every set cut in every way; yields each score as it is known."""
    with (
        tempfile.TemporaryDirectory(prefix="kb-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder) / "pg", durable=False) as server,
    ):
        for number, (each, setting) in enumerate(product(sets, settings)):
            name = f"chunking_{number}"
            server.create_database(name)
            migrate(server.dsn(name))
            shelf = _Shelf(_tenant(server.dsn(name)), server.dsn(name, user="kontor_app"), embedder)
            try:
                progress(f"Cutting, embedding and searching {each.name} ({_label(setting)}).")
                yield shelf.score(each, setting)
            finally:
                shelf.database.close()


def _tenant(owner_url: str) -> TenantId:
    tenant = TenantId(new_id())
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, 'bench', 'Bench')", (tenant,)
        )
    return tenant


def _label(settings: ReadingSettings) -> str:
    overlap = settings.overlap_tokens
    return f"{settings.strategy}+{overlap}" if overlap else settings.strategy


class _Shelf:
    """One tenant's database, filled with one set cut in one way."""

    def __init__(self, tenant: TenantId, url: str, embedder: Embedder) -> None:
        self.database = Database(url)
        self._tenant = tenant
        self._embedder = embedder
        self._owners: dict[DocumentId, int] = {}

    def score(self, each: Set, settings: ReadingSettings) -> Score:
        """Put the set's documents in, ask its questions, and say how well they were answered."""
        chunks = sum(
            self._put(number, document, settings) for number, document in enumerate(each.documents)
        )
        places: list[int | None] = []
        covered = 0.0
        for asked in each.questions:
            spans = self._find(asked.text)
            places.append(next((i for i, span in enumerate(spans) if _answers(asked, span)), None))
            covered += _covered(asked, spans[:_COVERED_DEPTH])
        found = [place for place in places if place is not None]
        count = len(each.questions)
        return Score(
            set=each.name,
            strategy=_label(settings),
            documents=len(each.documents),
            questions=count,
            chunks=chunks,
            hit_at_1=sum(place == 0 for place in found) / count,
            hit_at_5=sum(place < _COVERED_DEPTH for place in found) / count,
            ndcg_at_10=sum(1 / math.log2(place + 2) for place in found) / count,
            covered_at_5=covered / count,
        )

    def _find(self, question: str) -> list[tuple[int, int, int]]:
        request = SearchRequest(query=question, k=_DEPTH)
        with self.database.transaction(self._tenant) as session:
            hits = search.find(session, self._embedder, request).hits
        return [(self._owners[hit.document_id], hit.start, hit.end) for hit in hits]

    def _put(self, number: int, document: ParsedDocument, settings: ReadingSettings) -> int:
        chunks = cut(document, settings, count_tokens=self._embedder.count_tokens)
        vectors = self._embedder.embed([embedding_text(one) for one in chunks]).astype("float16")
        document_id, version_id = DocumentId(new_id()), VersionId(new_id())
        self._owners[document_id] = number
        with self.database.transaction(self._tenant) as session:
            session.connection.execute(
                "INSERT INTO kontor.documents (tenant_id, id, title, media_type, language,"
                " created_by, current_version_id)"
                " VALUES (%s, %s, %s, 'text/markdown', %s, %s, %s)",
                (self._tenant, document_id, document.title, document.language, self._tenant,
                 version_id),
            )  # fmt: skip
            return search.index_version(
                session,
                document_id=document_id,
                version_id=version_id,
                model=self._embedder.model,
                chunks=map(new_chunk, chunks),
                vectors=vectors,
            )


def _answers(asked: Asked, span: tuple[int, int, int]) -> bool:
    document, start, end = span
    shared = min(end, asked.end) - max(start, asked.start)
    return document == asked.document and 2 * shared >= min(end - start, asked.end - asked.start)


def _covered(asked: Asked, spans: Sequence[tuple[int, int, int]]) -> float:
    held: set[int] = set()
    for document, start, end in spans:
        if document == asked.document:
            held.update(range(max(start, asked.start), min(end, asked.end)))
    return len(held) / (asked.end - asked.start)
