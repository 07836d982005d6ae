"""How well the answerer without a model answers SQuAD questions, and where its weights are from.

Each file gets a tenant of its own on a database that is thrown away, filled and searched as the
product does it: every paragraph of the file competes. Each question is asked three times: as it
is, without the paragraph that answers it (the topic stays: a near miss), and without its whole
article. Two files with the same questions in two languages are asked across languages too.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from infra.bench.fitting import Example, Verdict, cross_validate, fit, judge, separation
from infra.bench.measurement import Measurement, Progress
from infra.local.postgres import EmbeddedPostgres
from infra.migrations.runner import migrate
from shared.adapters.database import Database
from shared.answering.extraction import passage_of
from shared.inference.extraction.belief import Weights, tongue
from shared.inference.extraction.candidates import Candidate
from shared.inference.extraction.features import Reading, read
from shared.inference.extraction.finding import quotation_start
from shared.inference.language import detect_language
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, TenantId, VersionId, new_id
from shared.search import service as search
from shared.search.model import NewChunk, SearchRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder
    from shared.inference.language import Language
    from shared.search.model import Hit, SearchResult

_PASSAGES = 8
_DEPTH = 40  # so that enough is left when an article is taken away
_DIGITS = 4
_KEPT_SHARE = 0.95
PROVISIONS = "provisions"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the paragraph that answers it, and where the answers stand in it."""

    id: str
    text: str
    paragraph: int
    answers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """One SQuAD file: paragraphs as (article, text)."""

    name: str
    language: Language
    paragraphs: tuple[tuple[int, str], ...]
    questions: tuple[Asked, ...]


def read_squad(path: Path) -> Corpus:
    """Read a SQuAD file (Rajpurkar et al. 2016); questions without an answer are left out.

    Raises NotFoundError when it is not there, InvalidError when it is not SQuAD.
    """
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        paragraphs: list[tuple[int, str]] = []
        questions: list[Asked] = []
        for number, article in enumerate(articles):
            for paragraph in article["paragraphs"]:
                questions += [
                    Asked(
                        id=str(each["id"]),
                        text=each["question"],
                        paragraph=len(paragraphs),
                        answers=tuple(
                            (a["answer_start"], a["answer_start"] + len(a["text"]))
                            for a in each["answers"]
                        ),
                    )
                    for each in paragraph["qas"]
                    if each["answers"]
                ]
                paragraphs.append((number, paragraph["context"]))
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidError(
            f"{path} is not in the SQuAD format.", hint="See XQuAD's files for an example."
        ) from error
    text = " ".join(each for _, each in paragraphs[:5])
    return Corpus(path.stem, detect_language(text), tuple(paragraphs), tuple(questions))


class Hall:
    """A database with one tenant for each corpus; it is gone when the ``with`` ends."""

    def __init__(self, embedder: Embedder, progress: Progress) -> None:
        self.embedder = embedder
        self.progress = progress
        self._stack = ExitStack()

    def __enter__(self) -> Hall:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ka-")))
        server = self._stack.enter_context(EmbeddedPostgres(folder / "pg", durable=False))
        server.create_database("answering")
        migrate(server.dsn("answering"))
        self._owner = server.dsn("answering")
        self._database = Database(server.dsn("answering", user="kontor_app"))
        self._stack.callback(self._database.close)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def database(self) -> Database:
        """The database, as the product's own role sees it."""
        return self._database

    def open_tenant(self, name: str) -> TenantId:
        """Make room for one corpus."""
        tenant = TenantId(new_id())
        with psycopg.connect(self._owner) as connection:
            connection.execute(
                "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, %s, %s)",
                (tenant, f"t-{tenant}"[:40], name),
            )
        return tenant

    def put(
        self,
        tenant: TenantId,
        title: str,
        language: Language,
        chunks: Sequence[NewChunk],
        vectors: NDArray[np.float32],
    ) -> DocumentId:
        """Put a document into the index."""
        document, version = DocumentId(new_id()), VersionId(new_id())
        with self._database.transaction(tenant) as session:
            session.connection.execute(
                "INSERT INTO kontor.documents (tenant_id, id, title, media_type, language,"
                " created_by, current_version_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (tenant, document, title, "text/plain", language, tenant, version),
            )
            search.index_version(
                session,
                document_id=document,
                version_id=version,
                model=self.embedder.model,
                chunks=chunks,
                vectors=vectors.astype(np.float16),
            )
        return document

    def find(self, tenant: TenantId, question: str) -> SearchResult:
        """Search as the product does, only deeper."""
        with self._database.transaction(tenant) as session:
            return search.find(session, self.embedder, SearchRequest(query=question, k=_DEPTH))

    def shelve(self, corpus: Corpus) -> tuple[TenantId, dict[DocumentId, int]]:
        """Put every paragraph into the index as a document; returns which is which."""
        tenant = self.open_tenant(corpus.name)
        vectors = self.embedder.embed([text for _, text in corpus.paragraphs])
        places = {
            self.put(
                tenant,
                corpus.name,
                corpus.language,
                [_chunk(text, corpus.language)],
                vectors[number : number + 1],
            ): number
            for number, (_, text) in enumerate(corpus.paragraphs)
        }
        return tenant, places

    def ask(self, asked: Iterable[tuple[str, Asked]], corpus: Corpus) -> list[Example]:
        """Ask questions (their wording, and what answers them here) over a corpus."""
        tenant, places = self.shelve(corpus)
        examples = []
        for number, (wording, question) in enumerate(asked):
            self.progress(f"{corpus.name}: question {number + 1}")
            result = self.find(tenant, wording)
            hits = [(places[hit.document_id], hit) for hit in result.hits]
            example = self._example(wording, question, corpus, hits, result.language)
            if example is not None:
                examples.append(example)
        return examples

    def _example(
        self,
        wording: str,
        question: Asked,
        corpus: Corpus,
        hits: list[tuple[int, Hit]],
        language: Language,
    ) -> Example | None:
        article = corpus.paragraphs[question.paragraph][0]
        place_of = {str(hit.chunk_id): place for place, hit in hits}

        def holds(candidate: Candidate, start: int) -> bool:
            return place_of[candidate.passage.id] == question.paragraph and any(
                start <= first and last <= candidate.end for first, last in question.answers
            )

        return self.example(
            wording,
            language,
            article=article,
            holds=holds,
            found=[hit for _, hit in hits],
            near=[hit for place, hit in hits if place != question.paragraph],
            far=[hit for place, hit in hits if corpus.paragraphs[place][0] != article],
        )

    def example(
        self,
        question: str,
        language: Language,
        *,
        article: int,
        holds: Callable[[Candidate, int], bool],
        found: Sequence[Hit],
        near: Sequence[Hit],
        far: Sequence[Hit],
    ) -> Example | None:
        """Read a question three times; ``holds`` tells whether what begins there has the answer."""

        def reading(hits: Sequence[Hit]) -> Reading | None:
            passages = [passage_of(hit) for hit in hits[:_PASSAGES]]
            return read(question, passages, language=language, embedder=self.embedder)

        whole = reading(found)
        if whole is None:
            return None
        return Example(
            article=article,
            found=whole,
            holds=np.array([holds(each, each.start) for each in whole.candidates]),
            quoted=np.array(
                [
                    holds(each, quotation_start(whole, place))
                    for place, each in enumerate(whole.candidates)
                ]
            ),
            near=reading(near),
            far=reading(far),
        )


def gather(hall: Hall, corpora: Sequence[Corpus]) -> dict[str, list[Example]]:
    """Ask every corpus its own questions, and those of the others about the same paragraphs."""
    found: dict[str, list[Example]] = {}
    for corpus in corpora:
        by_id = {question.id: question for question in corpus.questions}
        for other in corpora:
            is_own = other is corpus
            if not is_own and other.language == corpus.language:
                continue
            asked = [(q.text, by_id[q.id]) for q in other.questions if q.id in by_id]
            if asked:
                name = tongue(other.language, corpus.language)
                found.setdefault(name, []).extend(hall.ask(asked, corpus))
    return found


def measure_all(gathered: Mapping[str, Sequence[Example]]) -> list[Measurement]:
    """Measure everything that was asked; laws also by weights fitted on every other question."""
    found = [
        measurement
        for name, examples in gathered.items()
        if name != PROVISIONS
        for measurement in measure_answering(name, examples)
    ]
    if PROVISIONS not in gathered:
        return found
    start = fit(gathered["de"]) if "de" in gathered else None
    examples = gathered[PROVISIONS]
    held_back = fit(examples[::2], start=start)
    verdicts = [judge(each, held_back) for each in examples[1::2]]
    return [
        *found,
        *measure_answering(PROVISIONS, examples, start=start),
        *measure_verdicts(f"{PROVISIONS} held back", verdicts, "fitted on the others"),
    ]


def measure_answering(
    name: str, examples: Sequence[Example], *, start: Weights | None = None
) -> list[Measurement]:
    """Judge each question by models that have not seen its article (or law)."""
    return measure_verdicts(name, cross_validate(examples, start=start), "cross-validated")


def measure_verdicts(name: str, verdicts: Sequence[Verdict], how: str) -> list[Measurement]:
    """Say what the verdicts come to."""
    found, near, far = (
        np.array([getattr(each, which) for each in verdicts]) for which in ("found", "near", "far")
    )
    least = float(np.quantile(found, 1 - _KEPT_SHARE))
    count = f"{len(verdicts)} questions, {how}"

    def share(which: str) -> float:
        return float(np.mean([getattr(each, which) for each in verdicts]))

    return [
        Measurement(f"{name}: hit@1", share("is_first"), "share", f"the sentence alone; {count}"),
        Measurement(f"{name}: hit@1 quoted", share("is_first_quoted"), "share", "with what it is"),
        Measurement(f"{name}: hit@3", share("is_among_three"), "share", "the sentences alone"),
        Measurement(f"{name}: near miss AUROC", separation(found, near), "", "paragraph removed"),
        Measurement(f"{name}: far miss AUROC", separation(found, far), "", "article removed"),
        Measurement(
            f"{name}: near misses answered",
            float(np.mean(near >= least)),
            "share",
            f"where {_KEPT_SHARE:.0%} of the answerable are, from {least:.3f}",
        ),
        Measurement(f"{name}: far misses answered", float(np.mean(far >= least)), "share"),
        Measurement(f"{name}: calibration error", _calibration_error(verdicts), "", "ten bins"),
    ]


def _calibration_error(verdicts: Sequence[Verdict]) -> float:
    """Return the expected calibration error (Guo et al. 2017), misses included."""
    said = np.array([p for each in verdicts for p in (each.found, each.near, each.far)])
    true = np.array([t for each in verdicts for t in (each.is_among_three, False, False)])
    bins = np.minimum((said * 10).astype(int), 9)
    return float(
        sum(
            abs(said[bins == each].mean() - true[bins == each].mean()) * np.mean(bins == each)
            for each in np.unique(bins)
        )
    )


def fit_weights(gathered: Mapping[str, Sequence[Example]]) -> dict[str, object]:
    """Fit the weights of all that was asked, as ``weights.json`` has them.

    There are few questions about provisions, so those begin with the weights for German prose.
    """
    found = {name: fit(each) for name, each in gathered.items() if name != PROVISIONS}
    if PROVISIONS in gathered:
        found[PROVISIONS] = fit(gathered[PROVISIONS], start=found.get("de"))
    return {name: _stored(each) for name, each in found.items()}


def _stored(weights: Weights) -> dict[str, object]:
    def rounded(values: Mapping[str, float]) -> dict[str, float]:
        return {name: round(value, _DIGITS) for name, value in values.items()}

    return {
        "rank": rounded(weights.rank),
        "confidence": rounded(weights.confidence),
        "constant": round(weights.constant, _DIGITS),
    }


def _chunk(text: str, language: Language) -> NewChunk:
    return NewChunk(
        ordinal=0,
        language=language,
        heading_path=(),
        content=text,
        span_start=0,
        span_end=len(text),
        page_from=None,
        page_to=None,
        token_count=len(text.split()),
    )
