"""How well questions about office files are answered: read, cut, searched and quoted as in use.

Questions are a table of tab-separated columns: the question, its kind, the files that answer it
and the words that the answer has. Files are named from the folder on; several, and several
wordings, stand apart by ``|``. Words apart by ``+`` belong to one answer together, as the items
of a list do. A question of the kind ``none`` has no answer: ``-`` takes the place of both.

Every file lies in one library with all the others of the folders that the questions name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.bench.answering import Hall
from infra.bench.fitting import separation
from infra.bench.measurement import Measurement
from infra.bench.parsing import read_file
from infra.bench.tables import read_columns
from shared.answering.extraction import answer_with_quotes
from shared.answering.model import Citation, Instruments
from shared.answering.retrieval import gather
from shared.answering.transcript import Transcript
from shared.answering.wording import spoken_language
from shared.documents.model import title_of
from shared.generation.language_models import LanguageModel
from shared.generation.model import Purpose
from shared.indexing import new_chunk
from shared.ingestion.model import ParsedDocument, embedding_text
from shared.ingestion.preferences import ReadingSettings, cut
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, TenantId
from shared.search.model import Filters, Ranking

NONE = "none"
_NOTHING = "-"
_REFERENCE = ".gt."
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class OfficeQuestion:
    """A question, its kind, the files that answer it, and the wordings of the answer.

    A wording is everything that one answer must say. Both are empty when nothing answers.
    """

    text: str
    kind: str
    files: tuple[str, ...]
    wordings: tuple[tuple[str, ...], ...]

    @property
    def is_answerable(self) -> bool:
        """Whether a file answers it."""
        return self.kind != NONE

    def is_said(self, text: str) -> bool:
        """Whether a text says one of the wordings whole, however its lines break."""
        said = _flat(text)
        return any(all(_flat(each) in said for each in wording) for wording in self.wordings)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A citation: its file, its words, and whether they stand there character by character."""

    file: str
    words: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class OfficeReply:
    """What came back for one question."""

    question: OfficeQuestion
    state: str
    confidence: float
    said: str
    quotes: tuple[Quoted, ...]
    is_found: bool

    @property
    def is_first(self) -> bool:
        """Whether the first citation holds the answer; of a list, whether the citations do."""
        kept = self.quotes if self.question.kind == "list" else self.quotes[:1]
        return self._holds(kept)

    @property
    def is_among_three(self) -> bool:
        """Whether one of the first three citations does."""
        return any(self._holds([each]) for each in self.quotes[:_SHOWN]) or self.is_first

    @property
    def is_answered(self) -> bool:
        """Whether it was answered rightly: certain, the first citation holds it, and it is said."""
        first = self.said if self.question.kind == "list" else self.said.partition("[2]")[0]
        return self.state == "answer" and self.is_first and self.question.is_said(first)

    def _holds(self, quotes: Sequence[Quoted]) -> bool:
        own = [each.words for each in quotes if each.file in self.question.files]
        return bool(own) and self.question.is_said("\n".join(own))


def read_office_questions(path: Path) -> list[OfficeQuestion]:
    """Read the table; raises NotFoundError, or InvalidError naming the line that is wrong."""
    found = []
    named = "Question, kind, files, words of the answer"
    for number, (text, kind, files, words) in read_columns(path, named=named):
        is_none = kind == NONE
        if is_none != (files == _NOTHING) or is_none != (words == _NOTHING):
            raise InvalidError(
                f"{path.name}, line {number}: only questions of the kind {NONE} have no answer.",
                hint=f"Write {_NOTHING} for the files and the words of those, and of no others.",
            )
        wordings = [] if is_none else words.split(" | ")
        found.append(
            OfficeQuestion(
                text,
                kind,
                () if is_none else tuple(files.split(" | ")),
                tuple(tuple(each.split(" + ")) for each in wordings),
            )
        )
    return found


def ask_office(
    hall: Hall,
    folder: Path,
    questions: Sequence[OfficeQuestion],
    settings: ReadingSettings,
    *,
    ranking: Ranking,
    thresholds: tuple[float, float],
) -> list[OfficeReply]:
    """Ask over all files of the folders that the questions name; replies in the order given.

    ``thresholds`` are those of an answer and of related passages. Raises NotFoundError for a
    file that is not there.
    """
    tenant = hall.open_tenant(folder.name)
    shelf = _Shelf(hall, tenant, {})
    for name in _files(folder, questions):
        hall.progress(f"Reading {name}")
        shelf.put(folder, name, settings)
    tools = Instruments(
        database=hall.database,
        embedder=hall.embedder,
        open_language_model=_no_model,
        ranking=ranking,
        answer_threshold=thresholds[0],
        related_threshold=thresholds[1],
    )
    replies = []
    for at, question in enumerate(questions):
        hall.progress(f"Office: question {at + 1}")
        replies.append(shelf.ask(tools, question))
    return replies


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The files of one library; ``kept`` tells which document is which file."""

    hall: Hall
    tenant: TenantId
    kept: dict[DocumentId, tuple[str, ParsedDocument]]

    def put(self, folder: Path, name: str, settings: ReadingSettings) -> None:
        """Read, cut and index one file; what no parser can read is left out."""
        document = read_file(folder / name).document
        if document is None:
            return
        embedder = self.hall.embedder
        chunks = cut(document, settings, count_tokens=embedder.count_tokens)
        if not chunks:
            return
        vectors = embedder.embed([embedding_text(each) for each in chunks])
        new = [new_chunk(each) for each in chunks]
        title = title_of(Path(name).name)
        put = self.hall.put(self.tenant, title, document.language, new, vectors)
        self.kept[put] = (name, document)

    def ask(self, tools: Instruments, question: OfficeQuestion) -> OfficeReply:
        """Ask one question as the product does without a language model."""
        with self.hall.database.transaction(self.tenant) as session:
            gathered = gather(session, tools, question.text, filters=Filters())
        transcript = Transcript(lambda _: None, question=question.text)
        state = answer_with_quotes(
            question.text,
            gathered.hits,
            language=gathered.language,
            spoken=spoken_language(gathered.language, [hit.language for hit in gathered.hits]),
            instruments=tools,
            transcript=transcript,
            further=gathered.further,
        )
        transcript.close()
        found = [hit for hit in gathered.hits if self.kept[hit.document_id][0] in question.files]
        return OfficeReply(
            question=question,
            state=state,
            confidence=transcript.confidence or 0.0,
            said=transcript.text,
            quotes=tuple(map(self._opened, transcript.citations)),
            is_found=any(question.is_said(hit.text) for hit in found),
        )

    def _opened(self, citation: Citation) -> Quoted:
        """Open a citation: look its words up in the document they are said to stand in."""
        name, document = self.kept[citation.document_id]
        there = document.text[citation.start : citation.end]
        return Quoted(name, citation.quote, is_exact=there == citation.quote)


def measure_office(replies: Sequence[OfficeReply], *, name: str = "office") -> list[Measurement]:
    """Say what the replies come to: all of them, each kind, and what has no answer."""
    asked = [each for each in replies if each.question.is_answerable]
    kinds = sorted({each.question.kind for each in asked})
    measures: Sequence[tuple[str, Callable[[OfficeReply], bool]]] = (
        ("passage found", lambda each: each.is_found),
        ("hit@1", lambda each: each.is_first),
        ("hit@3", lambda each: each.is_among_three),
        ("answered rightly", lambda each: each.is_answered),
    )
    found = [_share(f"{name}: {what}", asked, holds) for what, holds in measures]
    for kind in kinds:
        own = [each for each in asked if each.question.kind == kind]
        found.append(
            _share(f"{name}, {kind}: answered rightly", own, lambda each: each.is_answered)
        )
    cited = [quote for each in replies for quote in each.quotes]
    exact = float(np.mean([each.is_exact for each in cited])) if cited else 1.0
    found.append(Measurement(f"{name}: citations exact", exact, "share", f"{len(cited)} opened"))
    return [*found, *_refusals(name, asked, [e for e in replies if not e.question.is_answerable])]


def _refusals(
    name: str, asked: Sequence[OfficeReply], without: Sequence[OfficeReply]
) -> Iterator[Measurement]:
    if not without or not asked:
        return
    yield _share(f"{name}: unanswerable answered", without, lambda each: each.state == "answer")
    yield _share(f"{name}: unanswerable refused", without, lambda each: each.state == "unknown")
    yield _share(f"{name}: answerable refused", asked, lambda each: each.state == "unknown")
    above, below = (np.array([e.confidence for e in group]) for group in (asked, without))
    yield Measurement(f"{name}: refusal AUROC", separation(above, below), "")


def _share(
    name: str, replies: Sequence[OfficeReply], holds: Callable[[OfficeReply], bool]
) -> Measurement:
    value = float(np.mean([holds(each) for each in replies]))
    return Measurement(name, value, "share", f"{len(replies)} questions")


def _no_model(purpose: Purpose = "chat") -> LanguageModel | None:
    return None


def _files(folder: Path, questions: Sequence[OfficeQuestion]) -> list[str]:
    """List the files of the folders that the questions name, references of theirs aside."""
    named = sorted({file for question in questions for file in question.files})
    missing = [file for file in named if not (folder / file).is_file()]
    if missing:
        raise NotFoundError(f"There is no {folder / missing[0]}.", hint="Name the right folder.")
    tops = sorted({Path(file).parts[0] for file in named})
    paths = {path for top in tops for path in sorted((folder / top).rglob("*")) if path.is_file()}
    inside = {str(path.relative_to(folder)) for path in paths}
    return sorted(name for name in inside | set(named) if _REFERENCE not in name)


def _flat(text: str) -> str:
    return " ".join(text.replace("|", " ").split()).casefold()
