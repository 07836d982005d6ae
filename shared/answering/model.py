"""Questions, answers, citations and what is emitted while an answer is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.kernel.ids import CitationId, ConversationId, DocumentId, MessageId, VersionId
from shared.search.model import Filters, Ranking

if TYPE_CHECKING:
    from shared.inference.language_models import LanguageModel

State = Literal["answer", "related", "unknown", "stopped", "smalltalk"]
LONGEST_QUESTION = 2000


class ListenerGoneError(Exception):
    """Raised by an ``emit`` whose listener has left; the answer stops and is kept as it is."""


@dataclass(frozen=True, slots=True)
class Citation:
    """Proof of a sentence: ``quote == canonical_text[start:end]`` of the cited version's reading.

    ``page`` and ``boxes`` show where the quote is printed; both are empty where there are no
    pages. ``cells`` are the cells of tables that the quote touches, as ``CitedCell`` has them.
    A citation of an erased document has no quote any more.
    """

    id: CitationId
    number: int
    document_id: DocumentId
    version_id: VersionId
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    quote: str
    reading: int = 1
    cells: list[dict[str, object]] = field(default_factory=list)

    @property
    def is_erased(self) -> bool:
        """Whether the cited document has been erased."""
        return not self.quote


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """Something that happens while an answer is given; ``kind`` names it on every transport."""

    kind: ClassVar[str] = ""

    def payload(self) -> dict[str, object]:
        """Return the event's fields as JSON values."""
        return json_fields(asdict(self))


@dataclass(frozen=True, slots=True)
class Started(AnswerEvent):
    """The question was accepted."""

    kind: ClassVar[str] = "start"
    conversation_id: ConversationId
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class Token(AnswerEvent):
    """About one word of the answer, white space included; joined they are the answer."""

    kind: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True)
class Cited(AnswerEvent):
    """The number that was just said in brackets points here."""

    kind: ClassVar[str] = "citation"
    citation: Citation

    def payload(self) -> dict[str, object]:
        """Return the citation's fields as JSON values."""
        return json_fields(asdict(self.citation))


@dataclass(frozen=True, slots=True)
class Done(AnswerEvent):
    """The answer is complete and kept; ``confidence`` as ``Answer`` has it."""

    kind: ClassVar[str] = "done"
    conversation_id: ConversationId
    message_id: MessageId
    state: State
    answerer: str
    confidence: float | None = None


Emit = Callable[[AnswerEvent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked; ``conversation_id`` continues a conversation, ``None`` begins one."""

    text: str
    conversation_id: ConversationId | None = None
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said and how well it is founded.

    ``answerer`` names who spoke: ``extractive``, or a language model. ``confidence`` is the
    probability (0 to 1) that the quotes answer; ``None`` where nobody can tell.
    """

    conversation_id: ConversationId
    message_id: MessageId
    state: State
    text: str
    citations: tuple[Citation, ...]
    answerer: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What answering works with.

    ``open_language_model`` returns ``None`` when none is configured and may raise
    UnavailableError. Both thresholds are probabilities of the extractive answerer (0 to 1).
    ``talks_when_unknown`` lets small talk follow where nothing was found.
    """

    database: Database
    embedder: Embedder
    open_language_model: Callable[[], LanguageModel | None]
    ranking: Ranking
    answer_threshold: float
    related_threshold: float
    talks_when_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread of questions and answers of one user."""

    id: ConversationId
    title: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation."""

    id: MessageId
    role: Literal["user", "assistant"]
    content: str
    state: str
    answerer: str
    created_at: datetime
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation with everything said in it, oldest first."""

    conversation: Conversation
    messages: Sequence[Said]


def json_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Turn UUIDs into strings; everything else is JSON already."""
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()
    }
