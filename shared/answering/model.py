"""Questions, answers, citations and what is emitted while an answer is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal
from uuid import UUID

from shared.adapters.database import Database
from shared.inference.embedding import Embedder
from shared.inference.model import Role
from shared.kernel.ids import CitationId, ConversationId, DocumentId, MessageId, VersionId
from shared.search.model import Filters, Ranking

if TYPE_CHECKING:
    from shared.generation.language_models import OpenLanguageModel

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
class Condensed(AnswerEvent):
    """What the library is asked, where the question leans on what was said before or has parts."""

    kind: ClassVar[str] = "condensed"
    query: str
    parts: tuple[str, ...] = ()

    def payload(self) -> dict[str, object]:
        """Return the query and the parts it is looked up in."""
        return {"query": self.query, "parts": list(self.parts)}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a passage comes from, as its reader knows it."""

    document_id: DocumentId
    version_id: VersionId
    title: str
    heading_path: tuple[str, ...]
    page: int | None

    def to_json(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return json_fields({**asdict(self), "heading_path": list(self.heading_path)})


@dataclass(frozen=True, slots=True)
class Considered(AnswerEvent):
    """The passages an answer is looked for in, best first, before its first word."""

    kind: ClassVar[str] = "passages"
    sources: tuple[Source, ...]

    def payload(self) -> dict[str, object]:
        """Return the sources as JSON values."""
        return {"items": [source.to_json() for source in self.sources]}


@dataclass(frozen=True, slots=True)
class Unsupported(AnswerEvent):
    """A sentence that no passage supports: it was marked, or left out of the answer."""

    kind: ClassVar[str] = "unsupported"
    text: str
    is_dropped: bool


@dataclass(frozen=True, slots=True)
class Titled(AnswerEvent):
    """The conversation has a title of its own now."""

    kind: ClassVar[str] = "title"
    conversation_id: ConversationId
    title: str


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
    """What is asked; ``conversation_id`` continues a conversation, ``None`` begins one.

    ``edits`` names an earlier question that this one takes the place of, ``regenerates`` one that
    is answered anew (or its answer); both begin a branch of their conversation. ``history`` is
    what was said before where no conversation keeps it, oldest first. An answer that is not
    ``is_kept`` leaves nothing but its audit entry.
    """

    text: str
    conversation_id: ConversationId | None = None
    filters: Filters = field(default_factory=Filters)
    edits: MessageId | None = None
    regenerates: MessageId | None = None
    history: tuple[tuple[Role, str], ...] = ()
    is_kept: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said and how well it is founded.

    ``answerer`` names who spoke: ``extractive``, or a language model. ``confidence`` is the
    calibrated probability (0 to 1) that the answer is right, ``None`` where none was computed.
    """

    conversation_id: ConversationId
    message_id: MessageId
    state: State
    text: str
    citations: tuple[Citation, ...]
    answerer: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How answers are made.

    ``history_messages`` are read back to understand a follow-up (0: none). ``passage_tokens`` is
    the room passages may take in a prompt. ``unsupported`` says what becomes of a sentence that
    no passage supports: it is marked, or dropped.
    """

    history_messages: int = 5
    passage_tokens: int = 2400
    unsupported: Literal["mark", "drop"] = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whose answers are kept for questions that ask the same, how near those lie, for how long.

    ``whose`` is ``off``, ``models`` (a language model's) or ``all``.
    """

    whose: str = "off"
    similarity: float = 0.9
    kept_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What answering works with.

    ``open_language_model`` opens what writes answers, and by purpose what condenses questions
    and gives titles; it returns ``None`` when none is configured and may raise UnavailableError.
    Both thresholds are probabilities of the extractive answerer (0 to 1). ``talks_when_unknown``
    lets small talk follow where nothing was found.
    """

    database: Database
    embedder: Embedder
    open_language_model: OpenLanguageModel
    ranking: Ranking
    answer_threshold: float
    related_threshold: float
    tuning: Tuning = field(default_factory=Tuning)
    memory: Memory = field(default_factory=Memory)
    talks_when_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A tree of questions and answers of one user; ``leaf_id`` ends the branch that is shown."""

    id: ConversationId
    title: str
    created_at: datetime
    updated_at: datetime
    is_pinned: bool = False
    is_archived: bool = False
    leaf_id: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation.

    ``siblings`` are the messages that stand in its place in other branches, itself included, in
    the order of time; ``condensed`` is what a question was understood as, if in other words.
    """

    id: MessageId
    role: Literal["user", "assistant"]
    content: str
    state: str
    answerer: str
    created_at: datetime
    citations: tuple[Citation, ...] = ()
    parent_id: MessageId | None = None
    siblings: tuple[MessageId, ...] = ()
    condensed: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation with everything said in one branch of it, oldest first."""

    conversation: Conversation
    messages: Sequence[Said]


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message stands."""

    id: MessageId
    conversation_id: ConversationId
    role: Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Found:
    """A message found in one's own history; ``snippet`` is its text around the first match."""

    message_id: MessageId
    conversation_id: ConversationId
    title: str
    role: Literal["user", "assistant"]
    snippet: str
    created_at: datetime


def json_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Turn UUIDs into strings; everything else is JSON already."""
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in fields.items()
    }
