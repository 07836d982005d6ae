"""Old Office files (.doc, .xls, .ppt): read as they are, no other program needed."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

from shared.files.formats import DOC, PPT, XLS
from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.legacy.slides import TITLES, SlideFile
from shared.ingestion.parsers.legacy.word import WordFile, WordParagraph
from shared.ingestion.parsers.packages import MACROS_IGNORED, damaged
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.sheets.areas import Grid, areas_of, write_area
from shared.kernel.errors import InvalidError

_FIELD = re.compile(r"\x13[^\x13\x14\x15]*(?:\x14([^\x13\x15]*))?\x15")
_ADDRESS = re.compile(r'\x13\s*HYPERLINK\s+"([^"\x14]+)"[^\x14]*\x14([^\x15]*)\x15')
_UNSEEN = re.compile("[\x01\x02\x05\x08\x13-\x15\x1f]")
_SUMMARY = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords"}


class LegacyParser:
    """Reads the Office formats of 1997 to 2003."""

    name = "legacy-office"
    version = "1"
    media_types = frozenset({DOC, XLS, PPT})

    def available(self) -> tuple[bool, str]:
        """Whether olefile and kreuzberg are installed."""
        is_there = find_spec("olefile") is not None and find_spec("kreuzberg") is not None
        return is_there, "Install olefile and kreuzberg."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged or has a password."""
        import olefile

        draft = Draft()
        try:
            with olefile.OleFileIO(source.path) as ole:
                properties = _properties(ole)
                if any("VBA" in part.upper() for path in ole.listdir() for part in path):
                    draft.warnings.append(MACROS_IGNORED)
                page_count = _READERS[source.media_type](source, ole, draft)
        except PermissionError as error:
            raise InvalidError(
                f"“{source.filename}” is protected by a password.",
                hint="Save it without one and try again.",
            ) from error
        except (OSError, ValueError, struct.error, IndexError, KeyError) as error:
            raise damaged(source.filename) from error
        source.progress(1, 1)
        return draft.finish(
            title=properties.pop("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=page_count,
            metadata=properties,
        )


def _properties(ole: Any) -> dict[str, str]:
    """Return what the file says about itself; its alphabet is named beside the words."""
    try:
        facts = ole.get_metadata()
    except (OSError, ValueError, struct.error, IndexError, KeyError, TypeError):
        # Properties are an extra: a document with broken ones is still a document.
        return {}
    encoding = "utf-8" if facts.codepage in {65001, -535} else f"cp{facts.codepage or 1252}"
    found: dict[str, str] = {}
    for name, key in _SUMMARY.items():
        value = getattr(facts, name, None)
        if value:
            words = _decoded(value, encoding) if isinstance(value, bytes) else str(value)
            found[key] = words.strip("\0 ")
    return found


def _decoded(words: bytes, encoding: str) -> str:
    try:
        return words.decode(encoding, "replace")
    except LookupError:
        return words.decode("cp1252", "replace")


def _read_word(source: Source, ole: Any, draft: Draft) -> int | None:
    try:
        paragraphs = list(WordFile(ole).paragraphs())
    except ValueError:
        # Older than Word 97, or saved in parts by another program.
        _read_plain(source, draft)
        return None
    row: list[str] = []
    cell: list[str] = []
    rows: list[list[str]] = []
    for paragraph in paragraphs:
        if paragraph.in_table:
            if paragraph.ends_row:
                rows.append(row)
                row, cell = [], []
            else:
                cell.append(_shown(paragraph.text))
                if paragraph.ends_cell:
                    row.append("\n".join(cell))
                    cell = []
            continue
        _table(rows, draft)
        rows = []
        _paragraph(paragraph, draft)
    _table(rows, draft)
    return None


def _paragraph(paragraph: WordParagraph, draft: Draft) -> None:
    words = _shown(paragraph.text)
    if not words.strip():
        return
    if paragraph.is_note:
        draft.paragraph(words, kind="footnote")
    elif paragraph.level:
        draft.heading(words, level=paragraph.level)
    elif paragraph.is_list:
        draft.list_item(words, depth=paragraph.depth)
    else:
        draft.paragraph(words)
    for target, label in _ADDRESS.findall(paragraph.text):
        draft.link(_shown(label), target)


def _shown(text: str) -> str:
    """Return the words without Word's signs: of a field only its result is seen."""
    while (shorter := _FIELD.sub(lambda m: m.group(1) or "", text)) != text:
        text = shorter
    return _UNSEEN.sub("", text).replace("\x1e", "-").replace("\x0b", "\n")


def _read_slides(_source: Source, ole: Any, draft: Draft) -> int | None:
    slides = SlideFile(ole).slides()
    for slide in slides:
        draft.page = slide.number
        draft.end_section()
        for box in slide.boxes:
            if box.cells:
                draft.table(box.cells)
            elif box.kind in TITLES:
                draft.heading(box.text, level=1)
            elif box.text.count("\n"):
                for line in box.text.split("\n"):
                    draft.list_item(line)
            else:
                draft.paragraph(box.text)
        draft.paragraph(slide.notes, kind="note")
    return len(slides) or None


def _read_sheets(source: Source, _ole: Any, draft: Draft) -> int | None:
    tables, names = _extracted(source)
    for number, (name, rows) in enumerate(zip(names, tables, strict=False), 1):
        draft.page = number
        draft.heading(name, level=1)
        grid = Grid()
        for row, cells in enumerate(rows):
            for column, words in enumerate(cells):
                if words.strip():
                    grid.put(row, column, words)
        for area in areas_of(grid):
            write_area(area, draft)
    return len(tables) or None


def _extracted(source: Source) -> tuple[list[list[list[str]]], list[str]]:
    """Return the tables and names of a workbook's sheets."""
    from kreuzberg import ExtractionConfig, KreuzbergError, extract_bytes_sync

    try:
        found = extract_bytes_sync(
            source.path.read_bytes(), source.media_type, config=ExtractionConfig()
        )
    except KreuzbergError as error:
        raise damaged(source.filename) from error
    names = [str(name) for name in found.metadata.get("sheet_names") or []]
    tables = [[[str(words) for words in row] for row in table.cells] for table in found.tables]
    return tables, names + [f"Sheet {n}" for n in range(len(names) + 1, len(tables) + 1)]


def _read_plain(source: Source, draft: Draft) -> None:
    """Read the words alone, where the structure is not one we know."""
    from kreuzberg import ExtractionConfig, KreuzbergError, extract_bytes_sync

    try:
        found = extract_bytes_sync(
            source.path.read_bytes(), source.media_type, config=ExtractionConfig()
        )
    except KreuzbergError as error:
        raise damaged(source.filename) from error
    for paragraph in re.split(r"\n\s*\n", found.content):
        draft.paragraph(paragraph)
    draft.warnings.append("Only the words could be read; headings and tables were not found.")


def _table(rows: Iterable[list[str]], draft: Draft) -> None:
    draft.table(
        [
            CellText(number, column, words, is_header=number == 0)
            for number, row in enumerate(rows)
            for column, words in enumerate(row)
        ]
    )


_READERS: dict[str, Callable[[Source, Any, Draft], int | None]] = {
    DOC: _read_word,
    XLS: _read_sheets,
    PPT: _read_slides,
}
