"""A small library with known texts, a scripted language model, and a listener that takes notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from psycopg.pq import TransactionStatus

from shared.adapters.database import Database
from shared.answering.model import AnswerEvent, Citation, Cited, ListenerGoneError, Token
from shared.inference.language import Language, detect_language
from shared.inference.model import Message
from shared.kernel.ids import DocumentId, VersionId
from shared.search.model import NewChunk
from tests.unit.search.library import Library

LEASE = """Mietvertrag über die Wohnung Lindenstraße 5.

Die Kündigungsfrist beträgt drei Monate zum Monatsende. Die Kündigung bedarf der Schriftform.

Die Miete beträgt 850 Euro im Monat. Sie ist am dritten Werktag eines Monats fällig.

Haustiere sind nach Absprache mit der Vermieterin erlaubt. Das gilt nicht für Kleintiere.
"""
HANDBOOK = """Employee handbook of Acme.

New employees start with a probation period of six months. It may be extended once.

Every employee has 28 days of paid vacation per year. Unused days expire on 31 March.

Expense reports are due within 14 days. Send them to finance together with the receipts.
"""


@dataclass
class Shelf:
    """Documents with their canonical texts, one chunk per paragraph."""

    library: Library
    texts: dict[VersionId, str] = field(default_factory=dict)

    def put(self, text: str, *, title: str, language: Language | None = None) -> DocumentId:
        chunks = []
        position = 0
        for ordinal, paragraph in enumerate(text.split("\n\n")):
            start = text.index(paragraph, position)
            position = start + len(paragraph)
            chunks.append(
                NewChunk(
                    ordinal=ordinal,
                    language=language or detect_language(text),
                    heading_path=(title,),
                    content=paragraph,
                    span_start=start,
                    span_end=position,
                    page_from=1,
                    page_to=9,
                    boxes=tuple(
                        {"page": 2 + ordinal, "x0": 1.0, "start": at, "end": at + 40}
                        for at in range(start, position, 40)
                    ),
                    token_count=len(paragraph.split()),
                )
            )
        document, version = self.library.add(
            chunks, title=title, language=language or detect_language(text)
        )
        self.texts[version] = text
        return document

    def check(self, citation: Citation) -> None:
        """A quote is the cited version's text at its place, and its boxes show it."""
        text = self.texts[citation.version_id]
        assert citation.quote == text[citation.start : citation.end]
        assert citation.quote.strip()
        assert citation.boxes
        for box in citation.boxes:
            assert int(str(box["start"])) < citation.end
            assert citation.start < int(str(box["end"]))
        assert citation.page == citation.boxes[0]["page"]


@dataclass
class Scripted:
    """A language model that says what the test wrote, piece by piece, and notes what it heard."""

    pieces: Sequence[str]
    failure: Exception | None = None
    database: Database | None = None
    heard: list[Message] = field(default_factory=list)
    name: str = "scripted/model"
    small: Scripted | None = None

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        self.heard[:] = messages
        for piece in self.pieces:
            if self.database is not None:
                connection = self.database._connection
                assert connection is not None
                assert connection.info.transaction_status == TransactionStatus.IDLE
            yield piece
        if self.failure is not None:
            raise self.failure

    def open(self, purpose: str = "chat") -> Scripted | None:
        """Return what serves a purpose; for anything but answers there is ``small``, if any."""
        return self if purpose == "chat" else self.small


@dataclass
class Listener:
    """Notes every event; leaves after ``patience`` of them."""

    patience: int = 1_000_000
    events: list[AnswerEvent] = field(default_factory=list)

    def emit(self, event: AnswerEvent) -> None:
        if len(self.events) >= self.patience:
            raise ListenerGoneError
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Token))

    @property
    def citations(self) -> list[Citation]:
        return [event.citation for event in self.events if isinstance(event, Cited)]


OpenModel = Callable[[], Scripted | None]
