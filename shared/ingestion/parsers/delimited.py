"""CSV and its relatives: one table, whatever the separator and encoding."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator

from shared.files.cleaning import clean
from shared.files.decoding import read_text
from shared.ingestion.drafting import MAX_CELLS, CellText, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError, TooLargeError

_SEPARATORS = ",;\t|"
_SAMPLE_LINES = 50
_FIELD_LIMIT = 1_000_000


class DelimitedParser:
    """Reads CSV; the separator with the steadiest column count wins."""

    name = "delimited"
    version = "1"
    media_types = frozenset({"text/csv"})

    def available(self) -> tuple[bool, str]:
        """Always: the standard library does it."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when quoting is broken, TooLargeError past limits."""
        raw, encoding = read_text(source.path, filename=source.filename)
        text = clean(raw)
        separator = _separator(text)
        try:
            rows = list(_rows(text, separator))
        except csv.Error as error:
            raise InvalidError(
                f"“{source.filename}” cannot be read as CSV: a field is open or far too long.",
                hint="Check the quotation marks and save it again as CSV.",
            ) from error
        draft = Draft()
        draft.table(list(_cells(rows)))
        source.progress(1, 1)
        return draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={"encoding": encoding, "separator": separator, "rows": str(len(rows))},
        )


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows that hold anything, trailing empty fields dropped."""
    csv.field_size_limit(_FIELD_LIMIT)
    count = 0
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        fields = [field.strip() for field in row]
        while fields and not fields[-1]:
            fields.pop()
        count += len(fields)
        if count > MAX_CELLS:
            raise TooLargeError(
                f"The table has more than {MAX_CELLS:,} cells.",
                hint="Split it into several files.",
            )
        if fields:
            yield fields


def _separator(text: str) -> str:
    """Return the separator that cuts the first lines most evenly; a comma when none does."""
    lines = text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
    best, best_score = ",", 0.0
    for candidate in _SEPARATORS:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=candidate) if row]
        except csv.Error:
            continue
        widths = Counter(count for count in counts if count > 1)
        if not widths:
            continue
        width, agreeing = widths.most_common(1)[0]
        score = agreeing / len(counts) + 0.01 * min(width, 20)
        if score > best_score:
            best, best_score = candidate, score
    return best


def _cells(rows: Iterable[list[str]]) -> Iterator[CellText]:
    """Turn rows into cells; the first row is the header."""
    for number, row in enumerate(rows):
        for column, field in enumerate(row):
            yield CellText(row=number, column=column, text=field, is_header=number == 0)
