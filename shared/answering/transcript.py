"""The transcript: says words and cites passages, and remembers both as far as they were heard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace

from shared.answering.model import Citation, Cited, Emit, Token, Unsupported
from shared.kernel.ids import CitationId, DocumentId, new_id
from shared.kernel.safe_text import SafeStream
from shared.search import service as search
from shared.search.model import Hit

_WORD = re.compile(r"\s*\S+\s*|\s+")
# Stands directly behind a marker.
_CLINGS = frozenset(" \t\n.,;:!?)]»”")


class Transcript:
    """What one answer has said so far; every word and citation goes out through ``emit``.

    Nothing reaches a reader past it, and every word passes the filter for safe text: no link, no
    image, no markup, of an address only its domain.

    ``answerer`` is who speaks; it is set before the first word. ``question`` tells which cells of
    a cited table were asked for. ``confidence`` is how probably the answer is right, once known.
    ``read`` are the documents a language model had before it, whose words its own may be.
    """

    def __init__(self, emit: Emit, *, question: str = "") -> None:
        self.answerer = ""
        self.confidence: float | None = None
        self.read: frozenset[DocumentId] = frozenset()
        self._question = question
        self._emit = emit
        self._safe = SafeStream()
        self._end = ""  # the last character that was to be said
        self._is_marked = False  # a marker was said, and no word after it
        self._said: list[str] = []
        self._citations: dict[tuple[object, int, int], Citation] = {}

    @property
    def text(self) -> str:
        """The answer as far as it was heard."""
        return "".join(self._said).strip()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations in the order of their numbers."""
        return tuple(self._citations.values())

    def say(self, text: str) -> None:
        """Emit a text word by word; its very end may wait for what follows it, or for ``close``."""
        if not text:
            return
        if self._is_marked and text[0] not in _CLINGS:
            text = f" {text}"
        self._is_marked, self._end = False, text[-1]
        self._out(self._safe.feed(text))

    def _mark(self, text: str) -> None:
        """Say a marker with a space before it; what follows has one unless it clings."""
        gap = "" if not self._end or self._end.isspace() else " "
        self._end, self._is_marked = text[-1], True
        self._out(self._safe.feed(gap + text))

    def close(self) -> None:
        """Emit what waits; the next word begins anew."""
        self._out(self._safe.close())
        self._safe = SafeStream()

    def _out(self, text: str) -> None:
        for word in _WORD.findall(text):
            self._emit(Token(word))
            self._said.append(word)

    def cite(self, hit: Hit, start: int, end: int) -> None:
        """Say ``[n]`` for ``hit.text[start:end]``; the same words keep their number."""
        key = (hit.version_id, hit.start + start, hit.start + end)
        known = self._citations.get(key)
        if known is not None:
            self._mark(f"[{known.number}]")
            return
        number = len(self._citations) + 1
        citation = _citation(hit, start, end, number=number, question=self._question)
        self._mark(f"[{citation.number}]")
        self._citations[key] = citation
        self._emit(Cited(citation))

    def mark_unsupported(self, sentence: str, mark: str) -> None:
        """Say after a sentence that no passage supports it."""
        self._mark(mark)
        self._emit(Unsupported(sentence, is_dropped=False))

    def drop_unsupported(self) -> None:
        """Tell that a sentence no passage supports was left out; its words are not repeated."""
        self._emit(Unsupported("", is_dropped=True))

    def recite(self, citation: Citation) -> None:
        """Say ``[n]`` for a citation of a former answer; it is given an id of its own here."""
        key = (citation.version_id, citation.start, citation.end)
        self._mark(f"[{citation.number}]")
        if key not in self._citations:
            again = replace(citation, id=CitationId(new_id()))
            self._citations[key] = again
            self._emit(Cited(again))


def _citation(hit: Hit, start: int, end: int, *, number: int, question: str) -> Citation:
    first, last = hit.start + start, hit.start + end
    boxes = [box for box in hit.boxes if _shows(box, first, last)]
    pages = [box["page"] for box in boxes if isinstance(box.get("page"), int)]
    return Citation(
        id=CitationId(new_id()),
        number=number,
        document_id=hit.document_id,
        version_id=hit.version_id,
        title=hit.title,
        heading_path=hit.heading_path,
        page=int(str(pages[0])) if pages else hit.page,
        boxes=boxes,
        start=first,
        end=last,
        quote=hit.text[start:end],
        reading=hit.reading,
        cells=[asdict(cell) for cell in search.cells_cited(question, hit, first, last)],
    )


def _shows(box: Mapping[str, object], first: int, last: int) -> bool:
    """Whether a box shows any character of the span; boxes carry canonical offsets."""
    start, end = box.get("start"), box.get("end")
    return isinstance(start, int) and isinstance(end, int) and start < last and first < end
