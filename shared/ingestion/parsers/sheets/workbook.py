"""Excel workbooks: every visible sheet a heading, its areas as tables, charts by their figures.

Read row by row with openpyxl, so that a sheet of 100,000 rows stays small in memory; docling's
backend holds every cell as an object of its own.
"""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from typing import Any

from shared.files.formats import XLSX
from shared.ingestion.drafting import MAX_CELLS, CellText, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.packages import (
    damaged,
    opened_package,
    package_properties,
    package_warnings,
)
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.sheets.areas import Grid, areas_of, write_area
from shared.ingestion.parsers.sheets.parts import Chart, charts_of, pictures_of, spans_of
from shared.ingestion.parsers.sheets.values import shown
from shared.kernel.errors import TooLargeError

_MAX_SHEETS = 1_000


class WorkbookParser:
    """Reads workbooks: the values that were calculated last, formulas never."""

    name = "openpyxl"
    version = "3.1-1"
    media_types = frozenset({XLSX})

    def available(self) -> tuple[bool, str]:
        """Whether openpyxl is installed."""
        return find_spec("openpyxl") is not None, "Install docling-slim[format-office]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged, TooLargeError past limits."""
        from lxml.etree import LxmlError  # type: ignore[import-untyped]

        draft = Draft()
        with opened_package(source.path, source.filename) as archive:
            try:
                properties = package_properties(archive)
                draft.warnings += package_warnings(archive)
                sheets = _Sheets(source, archive, draft)
                sheets.write()
            except (KeyError, LxmlError, OSError, EOFError, ValueError, TypeError, IndexError,
                    AttributeError, SyntaxError, zipfile.BadZipFile) as error:  # fmt: skip
                # openpyxl raises whatever it trips over in a broken workbook.
                raise damaged(source.filename) from error
        return draft.finish(
            title=properties.pop("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=sheets.count or None,
            metadata={**properties, "sheets": ", ".join(sheets.names)},
        )


class _Sheets:
    """Writes the sheets of one workbook."""

    def __init__(self, source: Source, archive: zipfile.ZipFile, draft: Draft) -> None:
        self._source = source
        self._archive = archive
        self._draft = draft
        self._pictures = Pictures(source.files, draft)
        self._cells = 0
        self.names: list[str] = []
        self.count = 0

    def write(self) -> None:
        """Write every visible sheet; hidden ones are named in a warning."""
        from openpyxl import load_workbook

        # From a stream: of a path openpyxl would judge the extension.
        with self._source.path.open("rb") as stream:
            book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            self._sheets(book)
            book.close()

    def _sheets(self, book: Any) -> None:
        sheets = list(book.worksheets)[:_MAX_SHEETS]
        self.count = len(sheets)
        for number, sheet in enumerate(sheets, 1):
            if sheet.sheet_state == "visible":
                self.names.append(sheet.title)
                self._sheet(sheet, number)
            else:
                self._draft.warnings.append(f"The hidden sheet “{sheet.title}” was left out.")
            self._source.progress(number, len(sheets))
        self._chart_sheets(book)

    def _sheet(self, sheet: Any, number: int) -> None:
        part = sheet._worksheet_path.lstrip("/")  # noqa: SLF001 - the only way to its parts
        self._draft.page = number
        self._draft.heading(sheet.title, level=1)
        spans = spans_of(self._archive, part)
        grid = self._read(sheet)
        for span in spans:
            grid.merge(span)
        charts = charts_of(self._archive, part)
        for area in areas_of(grid):
            while charts and charts[0].row < area.row:
                self._chart(charts.pop(0))
            write_area(area, self._draft)
        for chart in charts:
            self._chart(chart)
        for data in pictures_of(self._archive, part):
            self._pictures.keep(data)

    def _read(self, sheet: Any) -> Grid:
        """Read the filled cells; what a sheet declares about its size is not believed."""
        sheet.reset_dimensions()
        grid = Grid()
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is None:
                    continue
                # Looking a format up costs more than all else; words need none.
                is_word = isinstance(cell.value, str) or not cell.has_style
                if words := shown(cell.value, "" if is_word else cell.number_format):
                    grid.put(cell.row - 1, cell.column - 1, words)
                    self._cells += 1
            if self._cells > MAX_CELLS:
                raise TooLargeError(
                    f"The workbook has more than {MAX_CELLS:,} filled cells.",
                    hint="Split it into several files.",
                )
        return grid

    def _chart(self, chart: Chart) -> None:
        caption = f"{chart.title} ({chart.kind})" if chart.title else chart.kind.capitalize()
        self._draft.paragraph(caption, kind="caption")
        self._draft.table(
            [
                CellText(row=row, column=column, text=words, is_header=row == 0)
                for row, line in enumerate(chart.rows)
                for column, words in enumerate(line)
            ]
        )

    def _chart_sheets(self, book: Any) -> None:
        """Write the sheets that are one chart and nothing else."""
        for sheet in book.chartsheets:
            part = sheet.path.lstrip("/") if getattr(sheet, "path", "") else ""
            if part in self._archive.namelist():
                self._draft.heading(sheet.title, level=1)
                for chart in charts_of(self._archive, part):
                    self._chart(chart)
