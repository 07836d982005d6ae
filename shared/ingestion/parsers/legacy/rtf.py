"""RTF documents: paragraphs, headings by style, lists, tables, footnotes and links."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.legacy.rich_text import Token, Tokens
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo)\s*([1-9])\b", re.IGNORECASE)
_TITLE = re.compile(r"(?:title|titel)\s*;?$", re.IGNORECASE)
_ADDRESS = re.compile(r'HYPERLINK\s+(?:\\[a-z]\s+)?"([^"]+)"', re.IGNORECASE)
_NUMBER = re.compile(r"^\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,6})[.)]$")
_LAST_LEVEL = 9
_INFO = frozenset({"title", "author", "subject", "keywords"})


class RtfParser:
    """Reads RTF documents."""

    name = "rtf"
    version = "1"
    media_types = frozenset({"application/rtf"})

    def available(self) -> tuple[bool, str]:
        """Always: the reader is our own."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is no RTF or holds no text."""
        data = source.path.read_bytes()
        if b"{\\rtf" not in data[:64]:
            raise InvalidError(
                f"“{source.filename}” is named like an RTF document but is none.",
                hint="Save it again as RTF.",
            )
        draft = Draft()
        writer = _Writer(draft)
        for token in Tokens(data):
            writer.take(token)
        writer.finish()
        source.progress(1, 1)
        return draft.finish(
            title=writer.info.get("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={k: v for k, v in writer.info.items() if k != "title"},
        )


@dataclass(slots=True)
class _Row:
    """A row that is being read: its cells' words and how they are merged."""

    words: list[str] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)
    is_header: bool = False


class _Writer:
    """Puts tokens together to paragraphs, list items and tables."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._words: list[str] = []
        self._marker: list[str] = []
        self._note: list[str] = []
        self._notes: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._address: list[str] = []
        self._result_from = 0
        self._styles: dict[int, int] = {}
        self._style = -1
        self._style_words = ""
        self._level = 0
        self._depth = 0
        self._in_table = False
        self._rows: list[_Row] = []
        self._row = _Row()
        self._merge = ""
        self._info_key = ""
        self.info: dict[str, str] = {}

    def take(self, token: Token) -> None:
        """Take the next token."""
        if token.kind == "text":
            self._text(token)
        elif token.kind == "close":
            self._close(token)
        elif token.kind == "word":
            if token.destination == "stylesheet":
                self._style = token.number or 0 if token.text == "s" else self._style
            elif token.destination == "info":
                self._info_key = token.text if token.text in _INFO else self._info_key
            elif token.destination in {"", "footnote"}:
                self._control(token)

    def finish(self) -> None:
        """Write what is still open."""
        self._paragraph()
        self._end_table()
        for note in self._notes:
            self._draft.paragraph(note, kind="footnote")

    def _text(self, token: Token) -> None:
        match token.destination:
            case "":
                self._words.append(token.text)
            case "footnote":
                self._note.append(token.text)
            case "listtext" | "pntext":
                self._marker.append(token.text)
            case "fldinst":
                self._address.append(token.text)
            case "stylesheet":
                self._style_words += token.text
            case "info" if self._info_key:
                known = self.info.get(self._info_key, "")
                self.info[self._info_key] = known + token.text
            case _:
                pass

    def _close(self, token: Token) -> None:
        match token.destination:
            case "footnote" if self._note:
                self._notes.append("".join(self._note))
                self._note = []
            case "stylesheet":
                heading = _HEADING.search(self._style_words)
                if heading:
                    self._styles[self._style] = int(heading.group(1))
                elif _TITLE.search(self._style_words.strip()):
                    self._styles[self._style] = 1
                self._style_words, self._style = "", 0
            case "info":
                self._info_key = ""
            case "fldinst":
                self._result_from = len(self._words)
            case "" if self._address and len(self._words) > self._result_from:
                found = _ADDRESS.search("".join(self._address))
                if found:
                    words = "".join(self._words[self._result_from :])
                    self._links.append((words, found.group(1)))
                self._address = []
            case _:
                pass

    def _control(self, token: Token) -> None:
        if token.destination == "footnote":
            if token.text == "par":
                self._note.append("\n")
            return
        match token.text:
            case "par" | "sect" | "page":
                self._paragraph()
            case "pard":
                self._level = self._depth = 0
                self._in_table = False
            case "s" if token.number is not None:
                self._level = self._styles.get(token.number, 0)
            case "outlinelevel" if token.number is not None and 0 <= token.number < _LAST_LEVEL:
                self._level = token.number + 1
            case "ilvl":
                self._depth = max(0, min(token.number or 0, _LAST_LEVEL))
            case "intbl":
                self._in_table = True
            case _:
                self._table_control(token.text)

    def _table_control(self, word: str) -> None:
        match word:
            case "trowd":
                self._row.merges, self._merge, self._row.is_header = [], "", False
            case "trhdr":
                self._row.is_header = True
            case "clmgf" | "clmrg" | "clvmgf" | "clvmrg":
                self._merge = word
            case "cellx":
                self._row.merges.append(self._merge)
                self._merge = ""
            case "cell":
                self._row.words.append(self._taken())
            case "nestcell" | "nestrow":
                self._words.append(" " if word == "nestcell" else "\n")
            case "row":
                self._rows.append(self._row)
                self._row = _Row(merges=list(self._row.merges))
            case _:
                pass

    def _taken(self) -> str:
        marker = "".join(self._marker).strip()
        words = "".join(self._words)
        self._words, self._marker, self._links, self._result_from = [], [], [], 0
        return f"{marker} {words}" if marker else words

    def _paragraph(self) -> None:
        """Write the paragraph that has ended; inside a table it goes on in its cell."""
        if self._in_table:
            self._words.append("\n")
            return
        if not "".join(self._words).strip():
            self._taken()
            return
        self._end_table()
        words, marker, links = "".join(self._words), "".join(self._marker).strip(), self._links
        self._words, self._marker, self._links, self._result_from = [], [], [], 0
        if self._level:
            self._draft.heading(f"{marker} {words}" if marker else words, level=self._level)
        elif marker:
            bullet = marker if _NUMBER.match(marker) else "-"
            self._draft.list_item(words.strip(), marker=bullet, depth=self._depth)
        else:
            self._draft.paragraph(words)
        for label, target in links:
            self._draft.link(label, target)

    def _end_table(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._draft.table(list(_cells(rows)))


def _cells(rows: list[_Row]) -> list[CellText]:
    """Return the cells of a table, merged ones as spans."""
    cells: list[CellText] = []
    above: dict[int, int] = {}
    for number, row in enumerate(rows):
        for column, words in enumerate(row.words):
            merge = row.merges[column] if column < len(row.merges) else ""
            if merge == "clmrg" and cells and cells[-1].row == number:
                last = cells[-1]
                cells[-1] = CellText(last.row, last.column, last.text, last.row_span,
                                     last.column_span + 1, last.is_header)  # fmt: skip
            elif merge == "clvmrg" and column in above:
                place = above[column]
                top = cells[place]
                cells[place] = CellText(top.row, top.column, top.text, number - top.row + 1,
                                        top.column_span, top.is_header)  # fmt: skip
            else:
                above[column] = len(cells)
                is_header = row.is_header or (number == 0 and len(rows) > 1)
                cells.append(CellText(number, column, words, is_header=is_header))
    return cells
