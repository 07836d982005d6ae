"""What a text says: its lexemes, and the sparse vectors that rank it by them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.inference.language import Language
from shared.lexicon.sparse import Sparse

_LEXEME = re.compile(r"'((?:[^'\\]+|''|\\\\)*)'(?::([0-9A-D,]+))?")


@dataclass(frozen=True, slots=True)
class Text:
    """A text to cut into lexemes: ``searched`` is what it is found by, ``shown`` what people read.

    Lexemes of the heading weigh more wherever weights are asked for.
    """

    language: Language
    heading: str
    shown: str
    searched: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one text says, and how often; ``shown`` is what people read, its heading first."""

    language: Language
    shown: str
    written: str
    lexemes: dict[str, int]

    @property
    def length(self) -> int:
        """How many lexemes it has, each as often as it is said."""
        return sum(self.lexemes.values())


@dataclass(frozen=True, slots=True)
class Weighed:
    """What texts say, and the vectors that rank them by it, in the order of the texts."""

    said: list[Said]
    stems: list[Sparse]
    grams: list[Sparse]


def read_lexemes(written: str) -> dict[str, int]:
    """Read a ``tsvector`` as Postgres writes it: every lexeme, and how often it is said."""
    return {
        (lexeme.replace("''", "'").replace("\\\\", "\\") if "'" in lexeme or "\\" in lexeme
         else lexeme): places.count(",") + 1
        for lexeme, places in _LEXEME.findall(written)
    }  # fmt: skip
