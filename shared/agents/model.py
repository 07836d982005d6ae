"""Runs, what they remember, the steps they take, and what is told while they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Literal, NewType
from uuid import UUID

from shared.adapters.websearch.port import WebResult
from shared.agents.calculation import Spoken
from shared.answering.model import AnswerEvent, json_fields
from shared.kernel.ids import DocumentId, UserId

RunId = NewType("RunId", UUID)
ActionId = NewType("ActionId", UUID)

RunState = Literal["running", "waiting", "asking", "done", "failed", "cancelled"]
AnswerState = Literal["", "answer", "related", "unknown", "smalltalk"]
ActionState = Literal["proposed", "confirmed", "declined", "done", "failed"]
NodeName = Literal[
    "plan", "ask_library", "search_library", "search_web", "read_page", "calculate", "ask_back",
    "propose", "act", "compose",
]  # fmt: skip
LONGEST_TASK = 2000
WEB, LIBRARY, RECKONED = "web", "document", "calculation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run may take at most; ``tokens`` are a language model's, estimated."""

    steps: int = 12
    tokens: int = 30_000
    seconds: float = 180.0
    pages: int = 3


@dataclass(frozen=True, slots=True)
class Page:
    """A web page that was read: a stranger's words, cut to what is worth keeping."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Reckoned:
    """One thing that was reckoned."""

    expression: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a run knows; everything a crash must not lose.

    Words of the library are never in it: ``library_queries`` are asked again where their answers
    are needed, with the rights of that moment. ``is_private`` says that such words have been in
    front of a model, ``documents`` whose they were. ``pending`` are the next node's arguments,
    ``is_ruled`` that no language model plans (any more).
    """

    task: str
    language: Spoken
    may_search_web: bool = False
    is_ruled: bool = True
    is_private: bool = False
    replies: tuple[str, ...] = ()
    library_queries: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    web_queries: tuple[str, ...] = ()
    results: tuple[WebResult, ...] = ()
    pages: tuple[Page, ...] = ()
    failed_urls: tuple[str, ...] = ()
    reckoned: tuple[Reckoned, ...] = ()
    complaints: tuple[str, ...] = ()
    pending: Mapping[str, str] = field(default_factory=dict)
    tokens: int = 0
    seconds: float = 0.0

    @property
    def said_by_user(self) -> str:
        """Everything the user wrote in this run."""
        return "\n".join([self.task, *self.replies])

    def having_read(self, documents: Iterable[DocumentId]) -> Memory:
        """Return this with more documents that the run rests on."""
        read = dict.fromkeys([*self.documents, *map(str, documents)])
        return replace(self, documents=tuple(read))

    def with_pending(self, **arguments: str) -> Memory:
        """Return this with other arguments for the next node."""
        return replace(self, pending=arguments)


def memory_to_json(memory: Memory) -> dict[str, object]:
    """Return a memory as a JSON object."""
    return {**asdict(memory), "pending": dict(memory.pending)}


def memory_from_json(stored: Mapping[str, object]) -> Memory:
    """Read a memory back from JSON; the counterpart of ``memory_to_json``."""
    known: dict[str, object] = dict(stored)
    for name, kind in (("results", WebResult), ("pages", Page), ("reckoned", Reckoned)):
        known[name] = tuple(kind(**entry) for entry in _list(known.get(name)))
    for name in (
        "replies",
        "library_queries",
        "documents",
        "web_queries",
        "failed_urls",
        "complaints",
    ):
        known[name] = tuple(_list(known.get(name)))
    return Memory(**known)  # type: ignore[arg-type]


def _list(value: object) -> list[dict[str, str]]:
    return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Run:
    """One task of one user, how far it is, and what came of it.

    ``citations`` have a ``kind``: ``document`` ones are those of an answer, ``web`` ones carry
    ``url``, ``title`` and ``quote``. ``is_withdrawn``: it rests on a document that its user may no
    longer see, and keeps its words back.
    """

    id: RunId
    user_id: UserId
    task: str
    state: RunState
    next_node: NodeName
    steps: int
    memory: dict[str, object]
    answer: str
    answer_state: AnswerState
    answerer: str
    citations: list[dict[str, object]]
    detail: str
    created_at: datetime
    updated_at: datetime
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step a run took, in a sentence."""

    number: int
    node: str
    title: str
    took_ms: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Action:
    """A change a run proposes; it happens only once its user has said yes."""

    id: ActionId
    tool: str
    arguments: dict[str, object]
    title: str
    state: ActionState
    result: dict[str, object]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A run with its steps and actions, in their order."""

    run: Run
    steps: list[Step]
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Finish:
    """What a run ends with; ``documents`` are those it was written from, cited or not."""

    text: str
    state: AnswerState
    answerer: str
    citations: tuple[Mapping[str, object], ...] = ()
    documents: tuple[DocumentId, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change a node wants to make."""

    tool: str
    arguments: Mapping[str, object]
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a node found: the memory after it, one sentence, and where to go on.

    Exactly one of ``next_node``, ``finish``, ``proposal`` and ``question`` is set.
    """

    memory: Memory
    title: str
    next_node: NodeName | None = None
    finish: Finish | None = None
    proposal: Proposal | None = None
    question: str = ""


@dataclass(frozen=True, slots=True)
class RunBegan(AnswerEvent):
    """The task was accepted."""

    kind: ClassVar[str] = "run"
    run_id: RunId


@dataclass(frozen=True, slots=True)
class StepTaken(AnswerEvent):
    """A step is done and kept."""

    kind: ClassVar[str] = "step"
    number: int
    node: str
    title: str
    took_ms: int


@dataclass(frozen=True, slots=True)
class WebCited(AnswerEvent):
    """The number that was just said in brackets points to a web page."""

    kind: ClassVar[str] = "web_citation"
    citation: Mapping[str, object]

    def payload(self) -> dict[str, object]:
        """Return the citation's fields as JSON values."""
        return json_fields(self.citation)


@dataclass(frozen=True, slots=True)
class RunPaused(AnswerEvent):
    """The run ended or waits: ``state`` says for what, ``detail`` what it wants to know or do."""

    kind: ClassVar[str] = "run_state"
    run_id: RunId
    state: RunState
    detail: str
