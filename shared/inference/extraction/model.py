"""What is read for an answer, and what is found in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# "§ 3 Dauer des Urlaubs", but not "§ 68 des Gesetzes findet Anwendung."
_SECTION = re.compile(r"\W*(?:§|Art(?:ikel|\.)?\s)\s*\d[^\n]{0,200}(?<![.!?:;,])")

State = Literal["answer", "related", "unknown"]


def begins_section(text: str) -> bool:
    """Whether a text is the heading of a numbered section, as laws and contracts have them."""
    return bool(_SECTION.fullmatch(text.strip()))


@dataclass(frozen=True, slots=True)
class Field:
    """A value with its label: a table's cell, "Label: value", a figure under what it counts.

    ``beside`` are the words of its row or block. ``start`` and ``end`` are what is cited, as
    positions in the passage's text; ``said`` is the field in words. A list has ``items``: where
    each stands; its label is the line above it.
    """

    label: str
    value: str
    beside: str
    start: int
    end: int
    said: str
    items: tuple[tuple[int, int], ...] = ()
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A search hit to read: its text, its search score (any scale, higher is better).

    ``headings`` are lines of the text that only name what follows; they are not quoted. ``said``
    gives words for lines that are mute alone, as the rows of a table are without its headers:
    they are judged by those, and quoted as they stand. ``closeness`` is the cosine of the whole
    passage and the question; ``None`` takes that of its closest sentence. ``title`` and
    ``document`` are those it stands in; ``fields`` are the cells of the passage's tables.
    """

    id: str
    text: str
    score: float
    language: str
    headings: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    closeness: float | None = None
    title: str = ""
    document: str = ""
    fields: tuple[Field, ...] = ()

    @property
    def is_provision(self) -> bool:
        """Whether it stands under a numbered section of a law or a contract."""
        texts = (*self.headings, *self.text.split("\n\n"))
        return any(map(begins_section, texts))


@dataclass(frozen=True, slots=True)
class Quote:
    """A stretch of a passage: ``passage.text[start:end] == text``.

    ``score`` is its share of the belief (0 to 1) among all sentences that were read; ``fit`` says
    from 0 to 1 whether it could hold the kind of answer asked for (0: it cannot). An item of a
    list that follows the sentence introducing it has ``is_item``. What is not said as it stands
    has its words in ``said``.
    """

    passage_id: str
    start: int
    end: int
    text: str
    score: float
    fit: float
    is_item: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the passages have to say: quotes, best first, none when the state is ``unknown``.

    ``confidence`` is the probability (0 to 1) that the quotes answer the question;
    ``is_sentence`` tells that the first one is a sentence and no row, field or heading.
    """

    state: State
    confidence: float
    quotes: tuple[Quote, ...]
    is_sentence: bool = False
