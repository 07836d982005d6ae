"""How well the answerer finds its way in laws: own questions, over laws cut as the product does.

Questions are a table of tab-separated columns: the question, the law's file without its ending,
the number of the section, and a few words of each sentence that answers it, apart by ``|``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.bench.answering import Hall
from infra.bench.chunking import read_markdown
from infra.bench.fitting import Example
from infra.bench.tables import read_columns
from shared.answering.passages import distinct
from shared.indexing import new_chunk
from shared.ingestion.model import embedding_text
from shared.ingestion.preferences import ReadingSettings, cut
from shared.kernel.errors import NotFoundError

if TYPE_CHECKING:
    from shared.inference.extraction.candidates import Candidate
    from shared.inference.language import Language
    from shared.kernel.ids import DocumentId
    from shared.search.model import Hit

_DEPTH = 24


@dataclass(frozen=True, slots=True)
class LawQuestion:
    """A question, the law and section that answer it, and words of the sentences that do."""

    text: str
    law: str
    section: str
    words: tuple[str, ...]

    def is_answered_by(self, text: str) -> bool:
        """Whether words of an answering sentence stand in a text, however its lines break."""
        said = _flat(text)
        return any(_flat(words) in said for words in self.words)


def read_law_questions(path: Path) -> list[LawQuestion]:
    """Read the table; raises NotFoundError, or InvalidError naming the line that is wrong."""
    found = []
    named = "Question, law, section, words of the answer"
    for _, (text, law, section, words) in read_columns(path, named=named):
        found.append(LawQuestion(text, law, section, tuple(words.split(" | "))))
    return found


def gather_laws(
    hall: Hall, folder: Path, questions: Sequence[LawQuestion], settings: ReadingSettings
) -> list[Example]:
    """Ask the questions over the laws they name, all in one library, in the order given.

    Raises NotFoundError for a law that is not in the folder.
    """
    tenant = hall.open_tenant(folder.name)
    laws = sorted({question.law for question in questions})
    law_of: dict[DocumentId, int] = {}
    for number, law in enumerate(laws):
        path = folder / f"{law}.md"
        if not path.is_file():
            raise NotFoundError(f"There is no {path}.", hint="Name the folder of the laws.")
        hall.progress(f"Reading {law}")
        document = read_markdown(path)
        chunks = cut(document, settings, count_tokens=hall.embedder.count_tokens)
        vectors = hall.embedder.embed([embedding_text(each) for each in chunks])
        new = [new_chunk(each) for each in chunks]
        law_of[hall.put(tenant, document.title, document.language, new, vectors)] = number
    examples = []
    for at, question in enumerate(questions):
        hall.progress(f"Laws: question {at + 1}")
        result = hall.find(tenant, question.text)
        hits = [(law_of[h.document_id], h) for h in distinct(result.hits, most=_DEPTH)]
        example = _example(hall, question, laws.index(question.law), hits, result.language)
        if example is not None:
            examples.append(example)
    return examples


def _example(
    hall: Hall,
    question: LawQuestion,
    law: int,
    hits: Sequence[tuple[int, Hit]],
    language: Language,
) -> Example | None:
    law_of = {str(hit.chunk_id): number for number, hit in hits}

    def holds(candidate: Candidate, start: int) -> bool:
        text = candidate.passage.text[start : candidate.end]
        return law_of[candidate.passage.id] == law and question.is_answered_by(text)

    return hall.example(
        question.text,
        language,
        article=law,
        holds=holds,
        found=[hit for _, hit in hits],
        near=[hit for n, hit in hits if n != law or not question.is_answered_by(hit.text)],
        far=[hit for n, hit in hits if n != law],
    )


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()
