"""Plain text: paragraphs between blank lines, lists, and the headings one can be sure of."""

from __future__ import annotations

import re

from shared.files.cleaning import clean
from shared.files.decoding import read_text
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import Source

_BLANK = re.compile(r"\n[ \t]*\n\s*")
_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,}|\*{3,})\s*$")
_RULE = re.compile(r"[\s=\-_*~#+.]{3,}$")
_BULLET = re.compile(r"(\s*)([-*•‣▪●○◦·–]|\(?\d{1,3}[.)]|[a-z]\))\s+(?=\S)")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S")
_DIVISION = re.compile(
    r"(?:(?P<part>teil|buch|part|book|titel)|(?P<chapter>kapitel|chapter|abschnitt|appendix|anhang"
    r"|anlage)|(?P<section>artikel|article|section|art\.|§))\s*[\dIVXLC]+\w*\b",
    re.IGNORECASE,
)
_LONGEST_HEADING = 100
_LEAST_CAPITALS = 4


class PlainTextParser:
    """Reads text files in any common encoding."""

    name = "plain-text"
    version = "1"
    media_types = frozenset({"text/plain"})

    def available(self) -> tuple[bool, str]:
        """Always: the standard library does it."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is empty or binary."""
        text, encoding = read_text(source.path, filename=source.filename)
        draft = Draft()
        for paragraph in _BLANK.split(clean(text)):
            _write(draft, paragraph.strip("\n"))
        source.progress(1, 1)
        return draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={"encoding": encoding},
        )


def _write(draft: Draft, paragraph: str) -> None:
    """Write one stretch between blank lines: a heading, list items or running text."""
    lines = paragraph.split("\n")
    if len(lines) > 1 and _UNDERLINE.match(lines[1]) and len(lines[0]) <= _LONGEST_HEADING:
        draft.heading(lines[0], level=1 if lines[1].strip()[0] in "=*" else 2)
        lines = lines[2:]
    elif len(lines) == 1 and (level := heading_level(lines[0])):
        draft.heading(lines[0], level=level)
        return
    lines = [line for line in lines if not (line.strip() and _RULE.match(line))]
    if lines and _BULLET.match(lines[0]) and len(lines) > 1:
        _write_list(draft, lines)
    else:
        draft.paragraph("\n".join(lines))


def _write_list(draft: Draft, lines: list[str]) -> None:
    """Write bulleted lines as items; a line without a bullet goes on with the item before."""
    items: list[tuple[int, str, list[str]]] = []
    for line in lines:
        match = _BULLET.match(line)
        if match:
            items.append((len(match.group(1)) // 2, match.group(2), [line[match.end() :]]))
        else:
            items[-1][2].append(line.strip())
    for depth, marker, words in items:
        bullet = marker if marker[-1] in ".)" else "-"
        draft.list_item("\n".join(words), marker=bullet, depth=depth)


def heading_level(line: str) -> int:
    """Return the level of a lone line that is plainly a heading, otherwise 0."""
    words = line.strip()
    if not words or len(words) > _LONGEST_HEADING or words[-1] in ".,;:!?":
        return 0
    division = _DIVISION.match(words)
    if division:
        return {"part": 1, "chapter": 2, "section": 3}[str(division.lastgroup)]
    numbered = _NUMBERED.match(words)
    if numbered and any(c.isalpha() for c in words):
        return 1 + numbered.group(1).count(".")
    letters = [c for c in words if c.isalpha()]
    return 1 if len(letters) >= _LEAST_CAPITALS and words == words.upper() else 0
