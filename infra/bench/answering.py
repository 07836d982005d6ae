"""How well the answerer without a model answers SQuAD questions, and where its weights are from.

Each file gets a tenant of its own on a database that is thrown away, filled and searched as the
product does it: every paragraph of the file competes. Each question is asked three times: as it
is, without the paragraph that answers it (the topic stays: a near miss), and without its whole
article. Two files with the same questions in two languages are asked across languages too.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from infra.bench.fitting import Example, Verdict, cross_validate, fit, separation
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
    from shared.inference.model import EmbeddingModel
    from shared.search.model import Hit

_PASSAGES = 8
_DEPTH = 40  # so that enough is left when an article is taken away
_DIGITS = 4
_KEPT_SHARE = 0.95


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


class Remembering:
    """An embedder that makes each vector once: the same sentences are read again and again."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def model(self) -> EmbeddingModel:
        """Which model this is."""
        return self._embedder.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed what is new, and look up the rest."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Embed a question."""
        return self._embedder.embed_question(text)

    def count_tokens(self, text: str) -> int:
        """Count tokens as the model does."""
        return self._embedder.count_tokens(text)


class Hall:
    """A database with one tenant for each corpus; it is gone when the ``with`` ends."""

    def __init__(self, embedder: Embedder, progress: Progress) -> None:
        self._embedder = Remembering(embedder)
        self._progress = progress
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

    def shelve(self, corpus: Corpus) -> tuple[TenantId, dict[DocumentId, int]]:
        """Put every paragraph into the index as a document; returns which is which."""
        tenant = TenantId(new_id())
        with psycopg.connect(self._owner) as connection:
            connection.execute(
                "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, %s, %s)",
                (tenant, f"t-{tenant}"[:40], corpus.name),
            )
        vectors = self._embedder.embed([text for _, text in corpus.paragraphs])
        places: dict[DocumentId, int] = {}
        with self._database.transaction(tenant) as session:
            for number, (_, text) in enumerate(corpus.paragraphs):
                document, version = DocumentId(new_id()), VersionId(new_id())
                places[document] = number
                session.connection.execute(
                    "INSERT INTO kontor.documents (tenant_id, id, title, media_type, language,"
                    " created_by, current_version_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (tenant, document, corpus.name, "text/plain", corpus.language, tenant, version),
                )
                search.index_version(
                    session,
                    document_id=document,
                    version_id=version,
                    model=self._embedder.model,
                    chunks=[_chunk(text, corpus.language)],
                    vectors=vectors[number : number + 1].astype(np.float16),
                )
        return tenant, places

    def ask(self, asked: Iterable[tuple[str, Asked]], corpus: Corpus) -> list[Example]:
        """Ask questions (their wording, and what answers them here) over a corpus."""
        tenant, places = self.shelve(corpus)
        examples = []
        for number, (wording, question) in enumerate(asked):
            self._progress(f"{corpus.name}: question {number + 1}")
            with self._database.transaction(tenant) as session:
                request = SearchRequest(query=wording, k=_DEPTH)
                result = search.find(session, self._embedder, request)
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

        def reading(kept: Iterable[tuple[int, Hit]]) -> Reading | None:
            passages = [passage_of(hit) for _, hit in kept][:_PASSAGES]
            return read(wording, passages, language=language, embedder=self._embedder)

        def holds(candidate: Candidate, start: int) -> bool:
            return place_of[candidate.passage.id] == question.paragraph and any(
                start <= first and last <= candidate.end for first, last in question.answers
            )

        found = reading(hits)
        if found is None:
            return None
        return Example(
            article=article,
            found=found,
            holds=np.array([holds(each, each.start) for each in found.candidates]),
            quoted=np.array([holds(each, quotation_start(each)) for each in found.candidates]),
            near=reading(each for each in hits if each[0] != question.paragraph),
            far=reading(each for each in hits if corpus.paragraphs[each[0]][0] != article),
        )


def gather(
    corpora: Sequence[Corpus], embedder: Embedder, progress: Progress
) -> dict[str, list[Example]]:
    """Ask every corpus its own questions, and those of the others about the same paragraphs."""
    found: dict[str, list[Example]] = {}
    with Hall(embedder, progress) as hall:
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


def measure_answering(name: str, examples: Sequence[Example]) -> list[Measurement]:
    """Judge each question by models that have not seen its article."""
    verdicts = cross_validate(examples)
    found, near, far = (
        np.array([getattr(each, which) for each in verdicts]) for which in ("found", "near", "far")
    )
    least = float(np.quantile(found, 1 - _KEPT_SHARE))
    count = f"{len(examples)} questions, cross-validated by article"

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
    """Fit the weights of every pair of languages that was asked, as ``weights.json`` has them."""
    return {name: _stored(fit(examples)) for name, examples in gathered.items()}


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
